//! One request in the clear, sent on over a connection that somebody made.

use axum::body::Body;
use http::header::{CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue};
use http::uri::{PathAndQuery, Uri};
use http::{Request, Response};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// Headers that concern one connection only (RFC 9110 7.6.1), and those for proxies.
const OF_ONE_CONNECTION: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Sends a request to an origin server and returns its response; the connection ends with its body.
pub(crate) async fn forward(
    mut request: Request<Body>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<Response<Body>, hyper::Error> {
    to_origin(&mut request);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection of a forwarded request ended early");
        }
    });
    let mut response = sender.send_request(request).await?;
    drop_hop_by_hop(response.headers_mut());
    Ok(response.map(Body::new))
}

/// From the form for proxies to that for origin servers (RFC 9112 3.2). The host of an absolute target takes the
/// header's place.
fn to_origin(request: &mut Request<Body>) {
    drop_hop_by_hop(request.headers_mut());
    let authority = request.uri().authority().map(ToString::to_string);
    if let Some(host) = authority.and_then(|authority| HeaderValue::try_from(authority).ok()) {
        request.headers_mut().insert(HOST, host);
    }
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
    *request.version_mut() = http::Version::HTTP_11;
}

fn drop_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    named.iter().for_each(|name| drop(headers.remove(name)));
    OF_ONE_CONNECTION.iter().for_each(|name| drop(headers.remove(*name)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_for_the_proxy_stays_with_it() {
        let mut request = Request::builder()
            .uri("http://example.com:81/a?b=c")
            .header("host", "elsewhere")
            .header("connection", "close, x-mine")
            .header("x-mine", "1")
            .header("proxy-authorization", "Basic eA==")
            .header("authorization", "Basic eQ==")
            .body(Body::empty())
            .unwrap();
        to_origin(&mut request);
        assert_eq!(request.uri(), "/a?b=c");
        let headers: Vec<_> = request.headers().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(headers, ["host", "authorization"]);
        assert_eq!(request.headers()["host"], "example.com:81");
    }
}
