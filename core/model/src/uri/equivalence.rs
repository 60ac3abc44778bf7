//! What a URI means with its escapes resolved, and when two mean the same (RFC 3261 19.1.4).

use std::borrow::Cow;

use super::UriRef;

/// One letter of a URI: the byte, and whether it stood for itself only thanks to an escape. Only reserved
/// letters differ from their escapes (RFC 3261 19.1.4, RFC 2396 2.2).
fn letters(text: &str) -> impl Iterator<Item = (u8, bool)> {
    let mut bytes = text.bytes();
    std::iter::from_fn(move || {
        let byte = bytes.next()?;
        if byte != b'%' {
            return Some((byte, false));
        }
        let mut digits = bytes.clone();
        match (digits.next().and_then(hex_digit), digits.next().and_then(hex_digit)) {
            (Some(high), Some(low)) => {
                bytes = digits;
                let decoded = high << 4 | low;
                Some((decoded, b";/?:@&=+$,%".contains(&decoded)))
            }
            _ => Some((b'%', false)),
        }
    })
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// The text with its escapes resolved; bytes that are not UTF-8 become U+FFFD.
pub fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes: Vec<u8> = letters(text).map(|(byte, _)| byte).collect();
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn same_letters(one: &str, other: &str) -> bool {
    letters(one).eq(letters(other))
}

pub(super) fn same_option(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => same_letters(one, other),
        (None, None) => true,
        _ => false,
    }
}

/// Equal without regard to case, escapes resolved.
pub(super) fn same_text(one: &str, other: &str) -> bool {
    if !one.contains('%') && !other.contains('%') {
        return one.eq_ignore_ascii_case(other);
    }
    let lower = |(byte, escaped): (u8, bool)| (byte.to_ascii_lowercase(), escaped);
    letters(one).map(lower).eq(letters(other).map(lower))
}

pub(super) fn same_host(one: &UriRef<'_>, other: &UriRef<'_>) -> bool {
    match (one.host_ip(), other.host_ip()) {
        (Some(one), Some(other)) => one == other,
        (None, None) => one.host.eq_ignore_ascii_case(other.host),
        _ => false,
    }
}

/// Whether no parameter of `one` speaks against `other`: what both have must match, and these five must be
/// in both or in neither (RFC 3261 19.1.4).
pub(super) fn params_agree(one: &UriRef<'_>, other: &UriRef<'_>) -> bool {
    one.params().all(|(name, value)| match other.param(name) {
        Some(found) => same_text(value.unwrap_or_default(), found.unwrap_or_default()),
        None => !["user", "ttl", "method", "maddr", "transport"].iter().any(|must| same_text(name, must)),
    })
}

pub(super) fn headers_within(one: &UriRef<'_>, other: &UriRef<'_>) -> bool {
    one.headers().all(|(name, value)| other.header(name).is_some_and(|found| same_text(value, found)))
}
