//! The SIP URI that an application calls: what of it is the Request-URI, what is for us, and which headers go
//! into the INVITE (contract, runtime.md 3.2 "Sip").
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fmt;

use ringway_model::uri::{Scheme, UriRef, decoded};
use ringway_sip::endpoint::Transport;

use crate::leg::is_extension;

/// Longest URI, in characters, without its headers.
const URI_LENGTH_MAX: usize = 255;
/// Longest headers, in characters as written, `?` and `&` included.
const HEADERS_LENGTH_MAX: usize = 1024;
/// Headers that may be set beside those that begin with `X-`.
const HEADERS_ALLOWED: [&str; 4] =
    ["User-to-User", "Remote-Party-ID", "P-Preferred-Identity", "P-Called-Party-ID"];
/// Parameters that are for us and not for the far end.
const OUR_PARAMETERS: [&str; 4] = ["secure", "edge", "region", "tnx"];

/// A SIP URI to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SipAddress {
    /// The Request-URI: `sip:`, without headers and without the parameters that are for us.
    pub uri: String,
    /// The user part with its escapes resolved, when there is one that is not empty.
    pub user: Option<String>,
    /// The host as written, in lower case.
    pub host: String,
    /// The port, when one is written.
    pub port: Option<u16>,
    /// How to go there, when the URI says so. `sips:` is TLS.
    pub transport: Option<Transport>,
    /// `secure=true`: TLS and SRTP.
    pub secure: bool,
    /// `edge` or `region`, when one is written.
    pub edge: Option<String>,
    /// Headers of the INVITE, escapes resolved.
    pub headers: Vec<(String, String)>,
}

/// Why it cannot be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidSipAddress {
    /// It is no SIP URI, or one that says what we do not know.
    Uri(String),
    /// It is longer than 255 characters.
    TooLong,
    /// A header may not be set.
    HeaderName(String),
    /// The value of a header has characters that no header has.
    HeaderValue(String),
    /// The headers are longer than 1024 characters.
    HeadersTooLong,
}

impl fmt::Display for InvalidSipAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uri(reason) => f.write_str(reason),
            Self::TooLong => write!(f, "the URI is longer than {URI_LENGTH_MAX} characters"),
            Self::HeaderName(name) => {
                write!(
                    f,
                    "header {name:?} may not be set: only X- headers and {}",
                    HEADERS_ALLOWED.join(", ")
                )
            }
            Self::HeaderValue(name) => write!(f, "the value of header {name:?} has illegal characters"),
            Self::HeadersTooLong => write!(f, "the headers are longer than {HEADERS_LENGTH_MAX} characters"),
        }
    }
}

impl std::error::Error for InvalidSipAddress {}

impl SipAddress {
    /// Reads what an application wrote.
    ///
    /// # Errors
    /// [`InvalidSipAddress`] names what is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidSipAddress> {
        let text = text.trim();
        let (place, headers) = text.split_once('?').unwrap_or((text, ""));
        if place.chars().count() > URI_LENGTH_MAX {
            return Err(InvalidSipAddress::TooLong);
        }
        if headers.chars().count() > HEADERS_LENGTH_MAX {
            return Err(InvalidSipAddress::HeadersTooLong);
        }
        let uri = UriRef::parse(text).map_err(|error| InvalidSipAddress::Uri(error.to_string()))?;
        let sips = match uri.scheme {
            Scheme::Sip => false,
            Scheme::Sips => true,
            _ => return Err(InvalidSipAddress::Uri("not a SIP URI".to_owned())),
        };
        let transport = transport(&uri, sips)?;
        let user = uri.user_decoded().map(|user| user.into_owned()).filter(|user| !user.is_empty());
        if user.as_deref().is_some_and(|user| user.contains(char::is_control)) {
            return Err(InvalidSipAddress::Uri("not a SIP URI: bad user part".to_owned()));
        }
        Ok(Self {
            uri: request_uri(&uri, sips),
            user,
            host: uri.host.to_ascii_lowercase(),
            port: uri.port,
            transport,
            secure: matches!(uri.param("secure"), Some(Some(value)) if value.eq_ignore_ascii_case("true")),
            edge: ["edge", "region"].iter().find_map(|name| uri.param(name).flatten()).map(str::to_owned),
            headers: uri.headers().map(header).collect::<Result<_, _>>()?,
        })
    }
}

fn transport(uri: &UriRef<'_>, sips: bool) -> Result<Option<Transport>, InvalidSipAddress> {
    match uri.transport() {
        Some(name) => match Transport::from_uri_parameter(name) {
            Some(Transport::Ws | Transport::Wss) | None => {
                Err(InvalidSipAddress::Uri(format!("transport {name:?} is none of udp, tcp, tls")))
            }
            known => Ok(known),
        },
        None => Ok(sips.then_some(Transport::Tls)),
    }
}

/// `sips:` becomes `sip:` by TLS (contract, runtime.md 4.6).
fn request_uri(uri: &UriRef<'_>, sips: bool) -> String {
    let mut text = "sip:".to_owned();
    if let Some(user) = uri.user {
        text.push_str(user);
        text.push('@');
    }
    text.push_str(uri.host);
    if let Some(port) = uri.port {
        text.push_str(&format!(":{port}"));
    }
    for (name, value) in uri.params() {
        if OUR_PARAMETERS.iter().any(|ours| name.eq_ignore_ascii_case(ours)) {
            continue;
        }
        text.push(';');
        text.push_str(name);
        if let Some(value) = value {
            text.push('=');
            text.push_str(value);
        }
    }
    if sips && uri.transport().is_none() {
        text.push_str(";transport=tls");
    }
    text
}

fn header((name, value): (&str, &str)) -> Result<(String, String), InvalidSipAddress> {
    let name = decoded(name).into_owned();
    let allowed = is_extension(&name) && name.len() > 2
        || HEADERS_ALLOWED.iter().any(|allowed| name.eq_ignore_ascii_case(allowed));
    let token = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.!%*+`'~".contains(&byte));
    if !allowed || !token {
        return Err(InvalidSipAddress::HeaderName(name));
    }
    let value = decoded(value).into_owned();
    if value.contains(char::is_control) {
        return Err(InvalidSipAddress::HeaderValue(name));
    }
    Ok((name, value))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn takes_out_what_is_for_us_and_keeps_the_rest() {
        let text =
            "sip:Al%20ice:pw@Acme.Example.com:5070;transport=TCP;secure=true;edge=dublin;x=1?x-A=b%3Dc&X-B=";
        let address = SipAddress::parse(text).unwrap();
        assert_eq!(address.uri, "sip:Al%20ice@Acme.Example.com:5070;transport=TCP;x=1");
        assert_eq!((address.user.as_deref(), address.host.as_str()), (Some("Al ice"), "acme.example.com"));
        assert_eq!((address.port, address.transport), (Some(5070), Some(Transport::Tcp)));
        assert!(address.secure);
        assert_eq!(address.edge.as_deref(), Some("dublin"));
        let headers = [("x-A", "b=c"), ("X-B", "")];
        assert_eq!(address.headers, headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn sips_is_sip_by_tls() {
        let address = SipAddress::parse(" sips:a@b.example ").unwrap();
        assert_eq!(address.uri, "sip:a@b.example;transport=tls");
        assert_eq!(address.transport, Some(Transport::Tls));
    }

    #[test]
    fn refuses_what_cannot_be_called() {
        let header_name = |name: &str| InvalidSipAddress::HeaderName(name.to_owned());
        for (text, expected) in [
            ("sip:a@b?Via=x".to_owned(), header_name("Via")),
            ("sip:a@b?x-=1".to_owned(), header_name("x-")),
            ("sip:a@b?x-a%0d%0a=1".to_owned(), header_name("x-a\r\n")),
            ("sip:a@b?x-a=1%0d%0aVia:x".to_owned(), InvalidSipAddress::HeaderValue("x-a".to_owned())),
            (format!("sip:{}@b", "a".repeat(260)), InvalidSipAddress::TooLong),
            (format!("sip:a@b?x-a={}", "a".repeat(1024)), InvalidSipAddress::HeadersTooLong),
        ] {
            assert_eq!(SipAddress::parse(&text).unwrap_err(), expected, "{text}");
        }
        for text in ["", "alice", "tel:+15551234567", "sip:", "sip:a@b;transport=ws", "sip:a@b;transport=x"] {
            assert!(matches!(SipAddress::parse(text), Err(InvalidSipAddress::Uri(_))), "{text}");
        }
    }
}
