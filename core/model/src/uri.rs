//! SIP URIs (RFC 3261 19.1) as they come in messages and in configuration. `tel:` URIs (RFC 3966) and every
//! other scheme are taken apart just far enough to be carried, or refused with 416.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod equivalence;
mod parse;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

pub use self::equivalence::decoded;
use self::equivalence::{headers_within, params_agree, same_host, same_option, same_text};
use self::parse::{parse_other, parse_sip, parse_tel, scheme_of};

pub use self::parse::is_host;

/// What a URI begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:` (RFC 3966)
    Tel,
    /// Any other scheme; nothing behind it is taken apart.
    Other,
}

/// Why a text is not a URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidUri {
    /// No scheme, or one with letters a scheme may not have.
    Scheme,
    /// The user or the password has a letter that needed an escape, or a broken escape.
    User,
    /// The host is empty, or neither a name nor an address.
    Host,
    /// The port is not a number up to 65535.
    Port,
    /// A parameter is empty or has a letter that needed an escape.
    Parameter,
    /// A header is empty or has a letter that needed an escape.
    Header,
    /// More parameters or headers than are taken (64 of each).
    TooMany,
    /// What follows an unknown scheme is empty, or has letters no URI has.
    Opaque,
}

impl fmt::Display for InvalidUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "not a URI: bad scheme",
            Self::User => "not a SIP URI: bad user part",
            Self::Host => "not a SIP URI: bad host",
            Self::Port => "not a SIP URI: bad port",
            Self::Parameter => "not a SIP URI: bad parameter",
            Self::Header => "not a SIP URI: bad header",
            Self::TooMany => "not a SIP URI: too many parameters or headers",
            Self::Opaque => "not a URI: bad characters",
        })
    }
}

impl std::error::Error for InvalidUri {}

/// A URI taken apart in place; nothing is copied.
#[derive(Debug, Clone, Copy)]
pub struct UriRef<'a> {
    /// The scheme.
    pub scheme: Scheme,
    /// What stands before the `@`, escapes kept; the number of a `tel:` URI.
    pub user: Option<&'a str>,
    /// What stands between `:` and `@`, escapes kept.
    pub password: Option<&'a str>,
    /// Name or address as written, the brackets of an IPv6 address kept. Empty for `tel:` and other schemes.
    pub host: &'a str,
    /// The port, when one is written.
    pub port: Option<u16>,
    text: &'a str,
    params: &'a str,
    headers: Option<&'a str>,
}

impl<'a> UriRef<'a> {
    /// Takes a URI apart (RFC 3261 25.1 `SIP-URI`, `SIPS-URI`, `absoluteURI`; RFC 3966).
    ///
    /// # Errors
    /// [`InvalidUri`] names the part that broke the grammar. Two liberties are taken, because phones take
    /// them too: `#` in the user part and `_` in host names.
    pub fn parse(text: &'a str) -> Result<UriRef<'a>, InvalidUri> {
        let (scheme, rest) = text.split_once(':').ok_or(InvalidUri::Scheme)?;
        match scheme_of(scheme)? {
            scheme @ (Scheme::Sip | Scheme::Sips) => parse_sip(text, scheme, rest),
            Scheme::Tel => parse_tel(text, rest),
            Scheme::Other => parse_other(text, rest),
        }
    }

    /// The whole URI as written.
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// A URI parameter by name (without regard to case, escapes resolved): `Some(None)` when it has no value.
    pub fn param(&self, name: &str) -> Option<Option<&'a str>> {
        self.params().find(|(key, _)| same_text(key, name)).map(|(_, value)| value)
    }

    /// The URI parameters in order, escapes kept.
    pub fn params(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> + use<'a> {
        pairs(self.params, ';')
    }

    /// A header behind the `?`, by name (without regard to case), its value with escapes kept.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers().find(|(key, _)| same_text(key, name)).map(|(_, value)| value)
    }

    /// The headers behind the `?` in order, escapes kept.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        pairs(self.headers.unwrap_or_default(), '&').map(|(name, value)| (name, value.unwrap_or_default()))
    }

    /// The same with escapes resolved, as in [`UriRef::user_decoded`].
    pub fn headers_decoded(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'a> {
        self.headers().map(|(name, value)| (decoded(name), decoded(value)))
    }

    /// The user part with escapes resolved. Bytes that are not UTF-8 become U+FFFD; control characters,
    /// NUL included, are kept, so whoever passes it on must quote it.
    pub fn user_decoded(&self) -> Option<Cow<'a, str>> {
        self.user.map(decoded)
    }

    /// The host as an address, when it is one.
    pub fn host_ip(&self) -> Option<IpAddr> {
        match self.host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']')?.parse().ok().map(IpAddr::V6),
            None => self.host.parse().ok().map(IpAddr::V4),
        }
    }

    /// The value of the `transport` parameter.
    pub fn transport(&self) -> Option<&'a str> {
        self.param("transport").flatten()
    }

    /// Whether both name the same resource by the rules of RFC 3261 19.1.4. Schemes other than `sip` and
    /// `sips` are compared letter by letter, but for the case of the scheme.
    pub fn equivalent(&self, other: &UriRef<'_>) -> bool {
        if self.scheme != other.scheme {
            return false;
        }
        if !matches!(self.scheme, Scheme::Sip | Scheme::Sips) {
            let rest = |text: &str| text.split_once(':').map(|(_, rest)| rest.to_owned());
            return rest(self.text) == rest(other.text);
        }
        same_option(self.user, other.user)
            && same_option(self.password, other.password)
            && same_host(self, other)
            && self.port == other.port
            && params_agree(self, other)
            && params_agree(other, self)
            && headers_within(self, other)
            && headers_within(other, self)
    }

    /// The URI without the headers behind the `?` (what webhooks are told: contract, runtime.md 1.3).
    pub fn without_headers(&self) -> String {
        let headers = self.headers.map_or(0, |headers| headers.len() + 1);
        self.text.get(..self.text.len() - headers).unwrap_or(self.text).to_owned()
    }
}

impl fmt::Display for UriRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text)
    }
}

/// A URI that was found well formed and is kept. `==` compares letters; for the rules of RFC 3261 19.1.4 see
/// [`UriRef::equivalent`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SipUri(String);

impl SipUri {
    /// Keeps a URI.
    ///
    /// # Errors
    /// As [`UriRef::parse`].
    pub fn parse(text: &str) -> Result<Self, InvalidUri> {
        UriRef::parse(text).map(|uri| Self(uri.text.to_owned()))
    }

    /// The URI taken apart.
    #[allow(clippy::should_implement_trait)] // `AsRef` can only lend what exists; this makes a view
    pub fn as_ref(&self) -> UriRef<'_> {
        UriRef::parse(&self.0).unwrap_or(UriRef {
            scheme: Scheme::Other,
            user: None,
            password: None,
            host: "",
            port: None,
            text: &self.0,
            params: "",
            headers: None,
        })
    }

    /// The URI as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SipUri {
    type Err = InvalidUri;
    fn from_str(text: &str) -> Result<Self, InvalidUri> {
        Self::parse(text)
    }
}

impl fmt::Display for SipUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for SipUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

fn pairs(text: &str, separator: char) -> impl Iterator<Item = (&str, Option<&str>)> {
    text.split(separator).filter(|part| !part.is_empty()).map(|part| match part.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (part, None),
    })
}
