//! What a client that knows a proxy may ask of it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;

use axum::Extension;
use axum::body::Body;
use http::header::{CONTENT_TYPE, HOST, HeaderValue};
use http::uri::Authority;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ringway_rest::{Closing, Connection, HOSTED};
use tokio::io::duplex;
use tokio::net::TcpStream;
use tower::ServiceExt;

use super::tunnel::{Tunnel, TunnelError};
use super::{Intercept, forward};

const HTTP: u16 = 80;
const HTTPS: u16 = 443;
/// Between a forwarded request and its connection, in bytes.
const PIPE: usize = 64 << 10;

impl Intercept {
    /// Serves a connection that begins with HTTP.
    pub(super) async fn answer_proxy(&self, stream: TcpStream, peer: SocketAddr, closing: Closing) {
        let service = service_fn(|request| {
            let (intercept, closing) = (self.clone(), closing.clone());
            async move { Ok::<_, Infallible>(intercept.answer(request, peer, closing).await) }
        });
        let mut conversation = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                // Some clients take a 200 to CONNECT for one only when it is a bare status line.
                .auto_date_header(false)
                .header_read_timeout(self.options.head_timeout)
                .max_header_size(self.options.head_bytes_max)
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades()
        );
        let mut told = closing.clone();
        let ended = tokio::select! {
            ended = conversation.as_mut() => ended,
            () = told.begun() => {
                conversation.as_mut().graceful_shutdown();
                conversation.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection of a proxy client ended early");
        }
        drop(closing);
    }

    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr, closing: Closing) -> Response<Body> {
        let Some(target) = target(&request) else {
            return refuse(StatusCode::BAD_REQUEST, "this is a proxy; the request names no host");
        };
        let (host, port) = (target.host().to_owned(), target.port_u16());
        let hosted = HOSTED.iter().any(|name| name.eq_ignore_ascii_case(&host));
        let connect = request.method() == Method::CONNECT;
        match (connect, hosted, port.unwrap_or(if connect { HTTPS } else { HTTP })) {
            (true, true, HTTPS | HTTP) => self.intercept(request, port == Some(HTTP), peer, closing),
            (false, true, HTTP) => self.answer_absolute(request, peer).await,
            (_, true, port) => {
                refuse(StatusCode::FORBIDDEN, &format!("{host} is intercepted; it has no port {port} here"))
            }
            (true, false, port) => self.tunnel(request, &host, port).await,
            (false, false, port) if request.uri().scheme_str() == Some("http") => {
                self.pass_on(request, &host, port).await
            }
            (false, false, _) => refuse(
                StatusCode::BAD_REQUEST,
                &format!("this is a proxy for {}, not the REST API itself", HOSTED.join(" and ")),
            ),
        }
    }

    /// Agrees to a tunnel whose other end is here.
    fn intercept(
        &self,
        request: Request<Incoming>,
        plain: bool,
        peer: SocketAddr,
        closing: Closing,
    ) -> Response<Body> {
        let intercept = self.clone();
        tokio::spawn(async move {
            match hyper::upgrade::on(request).await.map(TokioIo::new) {
                Ok(stream) if plain => {
                    intercept.answer_plain(stream, Connection { peer, secure: false }, closing).await;
                }
                Ok(stream) => intercept.answer_tls(stream, peer, closing).await,
                Err(error) => tracing::debug!(%error, "a client gave up its CONNECT"),
            }
        });
        established()
    }

    /// A request in the clear for a hosted name: from this machine, so nobody else has read it.
    async fn answer_absolute(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        let api = self.api.clone().layer(Extension(Connection { peer, secure: false }));
        let Ok(response) = api.oneshot(request.map(Body::new)).await;
        response
    }

    async fn tunnel(&self, request: Request<Incoming>, host: &str, port: u16) -> Response<Body> {
        let tunnel = match self.others.open(host, port).await {
            Ok(tunnel) => tunnel,
            Err(error) => return refused(&error),
        };
        tokio::spawn(async move {
            match hyper::upgrade::on(request).await {
                Ok(client) => tunnel.carry(TokioIo::new(client)).await,
                Err(error) => tracing::debug!(%error, "a client gave up its CONNECT"),
            }
        });
        established()
    }

    /// A request in the clear for another host.
    async fn pass_on(&self, request: Request<Incoming>, host: &str, port: u16) -> Response<Body> {
        match self.others.open(host, port).await {
            Ok(tunnel) => pass_through(tunnel, request).await.unwrap_or_else(|error| {
                refuse(StatusCode::BAD_GATEWAY, &format!("{host} did not answer: {error}"))
            }),
            Err(error) => refused(&error),
        }
    }
}

/// Through the tunnel, so that its limits hold.
async fn pass_through(tunnel: Tunnel, request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let (ours, theirs) = duplex(PIPE);
    tokio::spawn(tunnel.carry(theirs));
    forward(request.map(Body::new), ours).await
}

/// Whom the request is for: by its target, or else by its header, as from a client of a hosts entry.
fn target(request: &Request<Incoming>) -> Option<Authority> {
    let header = || request.headers().get(HOST)?.to_str().ok()?.parse().ok();
    request.uri().authority().cloned().or_else(header)
}

/// The phrase is the one that clients look for: the hosted service's PHP library among them.
fn established() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(ReasonPhrase::from_static(b"Connection established"));
    response
}

fn refused(error: &TunnelError) -> Response<Body> {
    let status = match error {
        TunnelError::Refused(_) => StatusCode::FORBIDDEN,
        TunnelError::Full(_) => StatusCode::SERVICE_UNAVAILABLE,
        TunnelError::Slow(_) => StatusCode::GATEWAY_TIMEOUT,
        TunnelError::Unreachable { .. } => StatusCode::BAD_GATEWAY,
    };
    refuse(status, &error.to_string())
}

fn refuse(status: StatusCode, why: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{why}\n")));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
