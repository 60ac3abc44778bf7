//! The headers of every reply (contract, rest.md 0, "Reply headers").

use std::time::Duration;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW, STRICT_TRANSPORT_SECURITY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use ringway_model::sid::RequestSid;

use crate::reply::empty;
use axum::body::Body;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, DELETE, OPTIONS");
const REQUEST_ID: HeaderName = HeaderName::from_static("twilio-request-id");
const REQUEST_DURATION: HeaderName = HeaderName::from_static("twilio-request-duration");
const CONCURRENT_REQUESTS: HeaderName = HeaderName::from_static("twilio-concurrent-requests");

/// The same on every reply.
const ALWAYS: [(HeaderName, HeaderValue); 9] = [
    (ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    (
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static(
            "Accept, Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Match, \
             If-Unmodified-Since, Idempotency-Key",
        ),
    ),
    (ACCESS_CONTROL_ALLOW_METHODS, METHODS),
    (ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("ETag")),
    (ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true")),
    (HeaderName::from_static("x-api-domain"), HeaderValue::from_static("api.twilio.com")),
    (HeaderName::from_static("x-home-region"), HeaderValue::from_static("us1")),
    (HeaderName::from_static("x-powered-by"), HeaderValue::from_static("AT-5000")),
    (HeaderName::from_static("x-shenanigans"), HeaderValue::from_static("none")),
];

/// Adds what every reply says. `concurrent` is how many requests of the account there were, this one
/// included. `secure` is whether it travels over TLS: a browser must not be told to insist on TLS over a
/// connection without it (RFC 6797 7.2).
pub(crate) fn add(headers: &mut HeaderMap, id: &RequestSid, took: Duration, concurrent: usize, secure: bool) {
    headers.reserve(ALWAYS.len() + 4);
    for (name, value) in ALWAYS {
        headers.insert(name, value);
    }
    let told = [
        (REQUEST_ID, id.to_string()),
        (REQUEST_DURATION, format!("{:.3}", took.as_secs_f64())),
        (CONCURRENT_REQUESTS, concurrent.to_string()),
    ];
    for (name, value) in told {
        headers.extend(HeaderValue::from_str(&value).ok().map(|value| (name, value)));
    }
    if secure {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

/// The answer to OPTIONS, of any path and without credentials: browsers send none with a preflight.
pub(crate) fn preflight() -> Response<Body> {
    let mut response = empty(StatusCode::OK);
    response.headers_mut().insert(ALLOW, METHODS);
    response
}
