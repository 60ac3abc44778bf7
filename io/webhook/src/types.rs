//! What goes into a fetch and what comes out of it.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use bytes::Bytes;
use http::HeaderMap;
use ringway_model::Secret;

use crate::target::shown;

/// How a URL is asked (contract, runtime.md 1.4: GET and POST are documented, the others are in the API's
/// schema).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Parameters in the query.
    Get,
    /// Parameters in a form.
    Post,
    /// Parameters in the query, no body comes back.
    Head,
    /// Parameters in a form.
    Put,
    /// Parameters in a form.
    Patch,
    /// Parameters in the query.
    Delete,
}

impl Method {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Head => "HEAD",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether the parameters travel as a form rather than in the query.
    pub(crate) const fn has_form(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}

impl FromStr for Method {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let known = [Self::Get, Self::Post, Self::Head, Self::Put, Self::Patch, Self::Delete];
        known.into_iter().find(|method| method.as_str().eq_ignore_ascii_case(text)).ok_or(())
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a request is for; names it in logs and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// TwiML: the voice URL, its fallback, an action or redirect.
    Document,
    /// Audio of a Play verb.
    Media,
    /// A status callback.
    Callback,
}

impl Purpose {
    /// The word in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Media => "media",
            Self::Callback => "callback",
        }
    }
}

/// One thing to ask a web application. Its `Debug` has neither the URL's password nor the parameters.
#[derive(Clone)]
pub struct Request {
    /// The developer's URL as it was configured: with its fragment of overrides, its user and password.
    pub url: String,
    /// How to ask.
    pub method: Method,
    /// The parameters in the order of the wire.
    pub params: Vec<(String, String)>,
    /// Whose request it is: connections are not shared between accounts.
    pub account_sid: String,
    /// The account's primary auth token, which signs the request; `None` sends it unsigned.
    pub signing_token: Option<Secret>,
    /// The UUID that is the same on every attempt of this request (contract, runtime.md 1.4).
    pub idempotency_token: String,
    /// What it is for.
    pub purpose: Purpose,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = shown(&self.url);
        f.debug_struct("Request").field("method", &self.method).field("url", &url).finish_non_exhaustive()
    }
}

/// Media to fetch: a plain GET without the standard parameters (contract, runtime.md 3.2 Play).
#[derive(Clone)]
pub struct MediaRequest {
    /// The URL, with the same fragment and userinfo rules as a webhook.
    pub url: String,
    /// Whose request it is: cached media and connections are not shared between accounts.
    pub account_sid: String,
    /// The account's primary auth token, which signs the request; `None` sends it unsigned.
    pub signing_token: Option<Secret>,
    /// The UUID that is the same on every attempt of this request.
    pub idempotency_token: String,
}

impl fmt::Debug for MediaRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaRequest").field("url", &shown(&self.url)).finish_non_exhaustive()
    }
}

/// A 2xx answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// 200 to 299; 200 when the body came out of the call's cache.
    pub status: u16,
    /// The headers of the answer (of the cached one, when it was revalidated).
    pub headers: HeaderMap,
    /// The Content-Type header as sent; empty when there is none.
    pub content_type: String,
    /// The whole body.
    pub body: Bytes,
    /// Where the answer came from after redirects: as the URL was configured or Location had it, without the
    /// request's own parameters, fragment, user and password. Relative URLs of the document resolve against
    /// this; the session knows the login of its origin.
    pub url: String,
    /// Every request that was sent for this one, in order.
    pub attempts: Vec<Attempt>,
}

/// Fetched media.
#[derive(Debug, Clone)]
pub struct Media {
    /// The Content-Type header as sent; empty when there is none.
    pub content_type: String,
    /// The whole body, shared with the cache.
    pub body: Bytes,
    /// The ETag header, when there is one.
    pub etag: Option<String>,
    /// Where it came from after redirects, without fragment, user and password.
    pub url: String,
    /// The same number for as long as the cache gives out the same bytes: what was made of them (decoded,
    /// encoded) may be kept under it. Never used again for other bytes in the life of the process.
    pub version: u64,
    /// Every request that was sent; empty when the cached copy was still fresh.
    pub attempts: Vec<Attempt>,
}

/// An answer that was not wanted, kept for the notification about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// The body, cut at the client's cap.
    pub body: Bytes,
}

/// One request on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Where to, without user and password.
    pub url: String,
    /// How.
    pub method: Method,
    /// The address, once there was a connection.
    pub address: Option<SocketAddr>,
    /// The status of the answer, if one came.
    pub status: Option<u16>,
    /// The code of the fault, if there was one (contract, runtime.md 1.8).
    pub code: Option<u32>,
    /// How long it took, connecting included.
    pub duration_ms: u64,
}

/// Why there is no answer to work with.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Failure {
    /// The number of the notification (contract, runtime.md 1.8); 15003 is a warning, the others are errors.
    pub code: u32,
    /// What happened, for the developer; names hosts and addresses, never secrets.
    pub message: String,
    /// What kind of thing happened, as the metrics have it: `guard`, `dns`, `connect`, `tls`, `timeout`, ...
    pub outcome: &'static str,
    /// The URL it happened at when that is not the one of the request: where redirects led, as Location had
    /// it, without the request's own parameters, fragment, user and password.
    pub url: Option<String>,
    /// The answer, when there was one.
    pub reply: Option<Box<Reply>>,
    /// Every request that was sent, in order.
    pub attempts: Vec<Attempt>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_in_a_log_has_no_secrets() {
        let request = Request {
            url: "http://user:hunter2@h.example/v".into(),
            method: Method::Post,
            params: vec![("Digits".into(), "4711".into())],
            account_sid: "AC1".into(),
            signing_token: Some(Secret::new("token")),
            idempotency_token: "t".into(),
            purpose: Purpose::Document,
        };
        assert_eq!(format!("{request:?}"), r#"Request { method: Post, url: "http://h.example/v", .. }"#);
    }

    #[test]
    fn methods_are_read_in_either_case() {
        assert_eq!("post".parse(), Ok(Method::Post));
        assert!("TRACE".parse::<Method>().is_err());
    }
}
