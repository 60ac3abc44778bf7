//! The grammar of RFC 3261 25.1, part by part.

use super::{InvalidUri, Scheme, UriRef};

/// Most parameters, and most headers, that one URI may have; beyond it the URI is refused.
const PARTS_MAX: usize = 64;

pub(super) fn scheme_of(text: &str) -> Result<Scheme, InvalidUri> {
    if text.eq_ignore_ascii_case("sip") {
        return Ok(Scheme::Sip);
    }
    if text.eq_ignore_ascii_case("sips") {
        return Ok(Scheme::Sips);
    }
    if text.eq_ignore_ascii_case("tel") {
        return Ok(Scheme::Tel);
    }
    let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    let goes_on = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    if begins && goes_on { Ok(Scheme::Other) } else { Err(InvalidUri::Scheme) }
}

pub(super) fn parse_sip<'a>(text: &'a str, scheme: Scheme, rest: &'a str) -> Result<UriRef<'a>, InvalidUri> {
    // No part behind the user may hold a bare `@`, and every part of the user may hold `;` and `?`: so the
    // first `@`, if any, ends the user (RFC 4475 3.1.1.9 depends on it).
    let (userinfo, rest) = match rest.split_once('@') {
        Some((userinfo, rest)) => (Some(userinfo), rest),
        None => (None, rest),
    };
    let (user, password) = match userinfo.map(parse_userinfo).transpose()? {
        Some((user, password)) => (Some(user), password),
        None => (None, None),
    };
    let (rest, headers) = match rest.split_once('?') {
        Some((rest, headers)) => (rest, Some(headers)),
        None => (rest, None),
    };
    let (hostport, params) = match rest.split_once(';') {
        Some((hostport, params)) => (hostport, Some(params)),
        None => (rest, None),
    };
    let (host, port) = parse_hostport(hostport)?;
    if let Some(params) = params {
        check_pairs(params, ';', &PARAM, InvalidUri::Parameter)?;
    }
    if let Some(headers) = headers {
        check_pairs(headers, '&', &HEADER, InvalidUri::Header)?;
    }
    Ok(UriRef { scheme, user, password, host, port, text, params: params.unwrap_or_default(), headers })
}

pub(super) fn parse_tel<'a>(text: &'a str, rest: &'a str) -> Result<UriRef<'a>, InvalidUri> {
    let (number, params) = match rest.split_once(';') {
        Some((number, params)) => (number, Some(params)),
        None => (rest, None),
    };
    let digits = number.bytes().all(|byte| {
        byte.is_ascii_hexdigit() || matches!(byte, b'+' | b'*' | b'#' | b'-' | b'.' | b'(' | b')')
    });
    if number.is_empty() || !digits {
        return Err(InvalidUri::User);
    }
    if let Some(params) = params {
        check_pairs(params, ';', &PARAM, InvalidUri::Parameter)?;
    }
    Ok(UriRef {
        scheme: Scheme::Tel,
        user: Some(number),
        password: None,
        host: "",
        port: None,
        text,
        params: params.unwrap_or_default(),
        headers: None,
    })
}

pub(super) fn parse_other<'a>(text: &'a str, rest: &'a str) -> Result<UriRef<'a>, InvalidUri> {
    let plain =
        rest.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'"' | b'\\'));
    if rest.is_empty() || !plain {
        return Err(InvalidUri::Opaque);
    }
    Ok(UriRef {
        scheme: Scheme::Other,
        user: None,
        password: None,
        host: "",
        port: None,
        text,
        params: "",
        headers: None,
    })
}

fn parse_userinfo(userinfo: &str) -> Result<(&str, Option<&str>), InvalidUri> {
    let (user, password) = match userinfo.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (userinfo, None),
    };
    let sound = !user.is_empty() && well_formed(user, &USER);
    let guarded = password.is_none_or(|password| well_formed(password, &PASSWORD));
    if sound && guarded { Ok((user, password)) } else { Err(InvalidUri::User) }
}

/// Splits and checks `host [":" port]`.
fn parse_hostport(text: &str) -> Result<(&str, Option<u16>), InvalidUri> {
    let (host, port) = if text.starts_with('[') {
        let end = text.find(']').ok_or(InvalidUri::Host)?;
        let (host, rest) = text.split_at_checked(end + 1).ok_or(InvalidUri::Host)?;
        match rest.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if rest.is_empty() => (host, None),
            None => return Err(InvalidUri::Host),
        }
    } else {
        match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    if !is_host(host) {
        return Err(InvalidUri::Host);
    }
    let port = match port {
        Some(port) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(port.parse().map_err(|_| InvalidUri::Port)?)
        }
        Some(_) => return Err(InvalidUri::Port),
        None => None,
    };
    Ok((host, port))
}

/// Whether this is a host name, an IPv4 address or a bracketed IPv6 address (RFC 3261 25.1 `host`).
pub fn is_host(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix('[') {
        return rest.strip_suffix(']').is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok());
    }
    let mut previous = b'.';
    for byte in text.bytes() {
        let fits =
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || (byte == b'.' && previous != b'.');
        if !fits {
            return false;
        }
        previous = byte;
    }
    !text.is_empty() && text.len() <= 255
}

fn check_pairs(text: &str, separator: char, allowed: &Table, error: InvalidUri) -> Result<(), InvalidUri> {
    for (count, part) in text.split(separator).enumerate() {
        if count >= PARTS_MAX {
            return Err(InvalidUri::TooMany);
        }
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        if name.is_empty() || !well_formed(name, allowed) || !well_formed(value, allowed) {
            return Err(error);
        }
    }
    Ok(())
}

type Table = [bool; 256];

/// `unreserved` and what else the part may hold bare; `%` is looked at apart.
#[allow(clippy::indexing_slicing)] // runs while compiling only
const fn table(extra: &[u8]) -> Table {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let marks = b"-_.!~*'()";
    let mut index = 0;
    while index < marks.len() {
        table[marks[index] as usize] = true;
        index += 1;
    }
    index = 0;
    while index < extra.len() {
        table[extra[index] as usize] = true;
        index += 1;
    }
    table
}

const USER: Table = table(b"&=+$,;?/#");
const PASSWORD: Table = table(b"&=+$,");
const PARAM: Table = table(b"[]/:&+$");
const HEADER: Table = table(b"[]/?:+$@;,=");

fn well_formed(text: &str, allowed: &Table) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if allowed.get(usize::from(byte)).copied().unwrap_or(false) {
            continue;
        }
        let mut hex = || bytes.next().is_some_and(|digit| digit.is_ascii_hexdigit());
        if byte != b'%' || !hex() || !hex() {
            return false;
        }
    }
    true
}
