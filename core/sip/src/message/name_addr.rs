//! `name-addr` and `addr-spec`: From, To, Contact, Route and their kin (RFC 3261 20.10, 25.1).

use std::borrow::Cow;

use ringway_model::uri::{InvalidUri, UriRef};

use super::grammar::{self, Params, delta_seconds, is_token_byte, quoted_length, trim, trim_start, unquoted};

/// One address with its display name and header parameters.
#[derive(Debug, Clone, Copy)]
pub struct NameAddr<'a> {
    /// The display name as written, quotes kept; `None` when there is none.
    pub display: Option<&'a str>,
    /// The URI, without angle brackets.
    pub uri: &'a str,
    pub(super) params: &'a str,
    pub(super) text: &'a str,
}

impl<'a> NameAddr<'a> {
    /// Takes one address apart. `None` when it breaks the grammar: an unbalanced quote, a display name that
    /// needed quotes, white space within `<>`, a bare URI with a `?` or `,` (RFC 3261 20.10), a bad URI.
    pub fn parse(text: &'a str) -> Option<Self> {
        Self::parse_capped(text, super::Limits::PARAMETERS)
    }

    /// The whole address as received, ready to be printed again.
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// The display name without quotes, escapes resolved.
    pub fn display_unquoted(&self) -> Option<Cow<'a, str>> {
        self.display.map(unquoted)
    }

    /// The URI taken apart.
    ///
    /// # Errors
    /// None for the addresses of a parsed message, whose URIs were checked.
    pub fn uri_ref(&self) -> Result<UriRef<'a>, InvalidUri> {
        UriRef::parse(self.uri)
    }

    /// A header parameter: `Some(None)` when it has no value. Quotes are kept.
    pub fn param(&self, name: &str) -> Option<Option<&'a str>> {
        self.params().get(name)
    }

    /// The header parameters in order.
    pub fn params(&self) -> Params<'a> {
        Params(self.params)
    }

    /// The `tag` parameter of From and To.
    pub fn tag(&self) -> Option<&'a str> {
        self.params().value("tag")
    }

    /// The `expires` parameter of a Contact, in seconds; a malformed one counts as 3600 (RFC 3261 10.2.1.1).
    pub fn expires(&self) -> Option<u32> {
        self.params().get("expires").map(|value| value.and_then(delta_seconds).unwrap_or(3600))
    }

    pub(super) fn parse_capped(text: &'a str, params_max: usize) -> Option<Self> {
        let text = trim(text);
        let name_addr = match display_length(text)? {
            Some(length) => bracketed(text, length)?,
            None => bare(text)?,
        };
        let sound = name_addr.params.is_empty() || Params(name_addr.params).are_sound(params_max);
        (sound && UriRef::parse(name_addr.uri).is_ok()).then_some(name_addr)
    }
}

/// `Some(Some(n))`: a display name of `n` bytes and then `<`. `Some(None)`: no brackets at all.
fn display_length(text: &str) -> Option<Option<usize>> {
    if let Some(length) = quoted_length(text) {
        let rest = text.get(length..)?;
        return trim_start(rest).starts_with('<').then_some(Some(text.len() - trim_start(rest).len()));
    }
    let stop = text.bytes().position(|byte| !is_display_byte(byte))?;
    match text.as_bytes().get(stop)? {
        b'<' => Some(Some(stop)),
        b'"' => None,
        _ => Some(None),
    }
}

/// Tokens and white space; letters beyond ASCII too, which phones forget to quote and which harm nobody.
fn is_display_byte(byte: u8) -> bool {
    is_token_byte(byte) || matches!(byte, b' ' | b'\t') || byte >= 0x80
}

fn bracketed(text: &str, display_length: usize) -> Option<NameAddr<'_>> {
    let (display, rest) = text.split_at_checked(display_length)?;
    let (uri, params) = rest.strip_prefix('<')?.split_once('>')?;
    let display = grammar::trim(display);
    Some(NameAddr { display: (!display.is_empty()).then_some(display), uri, params, text })
}

/// A URI without brackets: every `;` begins a header parameter.
fn bare(text: &str) -> Option<NameAddr<'_>> {
    let end = memchr::memchr(b';', text.as_bytes()).unwrap_or(text.len());
    let (uri, params) = text.split_at_checked(end)?;
    let uri = trim(uri);
    (!uri.contains(['?', ','])).then_some(NameAddr { display: None, uri, params, text })
}
