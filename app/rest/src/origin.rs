//! Where a client reached us: what the absolute URLs of the product APIs begin with. Client libraries follow
//! those URLs as they are (contract, rest.md 0.1), so they must lead back the way the client came.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

static FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The hosts of the hosted service whose paths this API has. A request for one of them has come through an
/// interception, for nothing else leads their names here.
pub const HOSTED: [&str; 2] = ["api.twilio.com", "voice.twilio.com"];

/// Where the hosted service explains errors; the number of one is appended.
pub const HOSTED_ERROR_PAGES: &str = "https://www.twilio.com/docs/errors/";

/// The connection that a request came over; the server puts it into the request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// The other end: the client, or a proxy.
    pub peer: SocketAddr,
    /// Whether it is TLS.
    pub secure: bool,
}

/// Scheme and host as the client has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Whether the client speaks TLS, to us or to a trusted proxy.
    pub(crate) secure: bool,
    host: String,
}

impl Origin {
    /// Reads it from the request. What a proxy says of the client counts when `trusted` has the proxy's
    /// address; anybody else could make us print links to a host of theirs.
    pub(crate) fn of(head: &Parts, trusted: &[IpNet]) -> Self {
        let connection = head.extensions.get::<Connection>();
        let from_proxy = connection.is_some_and(|connection| {
            let ip = connection.peer.ip().to_canonical();
            trusted.iter().any(|network| network.contains(&ip))
        });
        let told = |name: &HeaderName| if from_proxy { first(&head.headers, name) } else { None };
        let secure = match told(&FORWARDED_PROTO) {
            Some(scheme) if scheme.eq_ignore_ascii_case("https") => true,
            Some(scheme) if scheme.eq_ignore_ascii_case("http") => false,
            _ => connection.is_some_and(|connection| connection.secure),
        };
        let host = told(&FORWARDED_HOST)
            .and_then(host)
            // The host of an absolute request target comes before the header (RFC 9112 3.2.2).
            .or_else(|| head.uri.authority().and_then(|authority| host(authority.as_str())))
            .or_else(|| first(&head.headers, &HOST).and_then(host));
        let host = host.unwrap_or_else(|| "localhost".to_owned());
        // Whichever way it came here, a hosted name leads back by https.
        Self { secure: secure || is_hosted(&host), host }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.secure { "https" } else { "http" }, self.host)
    }
}

fn is_hosted(host: &str) -> bool {
    HOSTED.iter().any(|name| name.eq_ignore_ascii_case(host))
}

/// Where `more_info` of an error points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorPages {
    /// To our own pages, at `/docs/errors`.
    Own,
    /// To what this and the number of the error make.
    At(Arc<str>),
}

impl ErrorPages {
    /// The page about an error, for a client that reached us by `origin`.
    pub(crate) fn url(&self, origin: &Origin, number: u32) -> String {
        match self {
            // To a browser, which is not intercepted, the hosted name is that of the hosted service.
            Self::Own if is_hosted(&origin.host) => format!("{HOSTED_ERROR_PAGES}{number}"),
            Self::Own => format!("{origin}/docs/errors/{number}"),
            Self::At(prefix) => format!("{prefix}{number}"),
        }
    }
}

/// The first of the values that proxies in a row have put into a header.
fn first<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()?.split(',').next().map(str::trim)
}

/// A host with perhaps a port; nothing else may get into a URL of ours.
fn host(text: &str) -> Option<String> {
    let authority: Authority = text.parse().ok()?;
    (!authority.host().is_empty() && !text.contains('@')).then(|| text.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn origin(uri: &str, headers: &[(&str, &str)], secure: bool) -> String {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let connection = Connection { peer: "[::ffff:192.0.2.7]:4000".parse().unwrap(), secure };
        let (head, ()) = request.extension(connection).body(()).unwrap().into_parts();
        Origin::of(&head, &["192.0.2.0/24".parse().unwrap()]).to_string()
    }

    #[test]
    fn a_client_without_a_proxy_is_answered_with_its_host() {
        assert_eq!(origin("/v1", &[("host", "voice.example:8080")], false), "http://voice.example:8080");
        assert_eq!(origin("/v1", &[("host", "[::1]:1")], true), "https://[::1]:1");
        assert_eq!(origin("http://a.example/v1", &[("host", "b.example")], false), "http://a.example");
        for bad in ["", "a b", "a@b", "a/b", "\u{e9}"] {
            assert_eq!(origin("/v1", &[("host", bad)], false), "http://localhost", "{bad}");
        }
    }

    #[test]
    fn a_hosted_name_leads_back_by_https() {
        assert_eq!(origin("/v1", &[("host", "voice.twilio.com")], false), "https://voice.twilio.com");
        assert_eq!(origin("http://voice.twilio.com/v1", &[], false), "https://voice.twilio.com");
        assert_eq!(
            origin("/v1", &[("host", "voice.twilio.com.example")], false),
            "http://voice.twilio.com.example"
        );
    }

    #[test]
    fn a_trusted_proxy_speaks_for_its_client() {
        let headers = [
            ("host", "inner:1"),
            ("x-forwarded-host", "outer.example, middle.example"),
            ("x-forwarded-proto", "https"),
        ];
        assert_eq!(origin("/v1", &headers, false), "https://outer.example");
        assert_eq!(origin("/v1", &[("host", "a"), ("x-forwarded-proto", "HTTP")], true), "http://a");
    }

    #[test]
    fn nobody_else_does() {
        let request = http::Request::builder()
            .uri("/v1")
            .header("host", "inner:1")
            .header("x-forwarded-host", "evil.example")
            .header("x-forwarded-proto", "https")
            .extension(Connection { peer: "198.51.100.1:1".parse().unwrap(), secure: false });
        let (head, ()) = request.body(()).unwrap().into_parts();
        let trusted = ["192.0.2.0/24".parse().unwrap()];
        assert_eq!(Origin::of(&head, &trusted).to_string(), "http://inner:1");
    }
}
