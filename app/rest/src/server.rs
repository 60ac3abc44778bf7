//! The HTTP server: connections, and what bounds them.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;

use crate::closing::Closing;
use crate::origin::Connection;
use crate::tls::Tls;

/// After the listener failed (most often: no descriptors left), how long until it is tried again.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// How often the files of the certificate are looked at.
const CERTIFICATE_CHECK: Duration = Duration::from_secs(1);

/// What bounds the connections of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServeOptions {
    /// The most connections at once; more wait in the backlog of the listener.
    pub connections_max: usize,
    /// How long the head of a request may take, from the end of the one before it: slow and idle
    /// connections end after this.
    pub head_timeout: Duration,
    /// The largest head of a request, in bytes (beyond it, and beyond 100 headers: 431).
    pub head_bytes_max: usize,
    /// How long requests in flight may still take when the server shuts down.
    pub drain: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            connections_max: 4096,
            head_timeout: Duration::from_secs(30),
            head_bytes_max: 64 << 10,
            drain: Duration::from_secs(5),
        }
    }
}

/// Serves `router` until `shutdown` completes; then accepts nothing new, lets requests in flight end
/// (their replies say `Connection: close`), and returns.
pub async fn serve(
    listener: TcpListener,
    router: axum::Router,
    options: ServeOptions,
    shutdown: impl Future<Output = ()>,
) {
    accept(listener, None, router, options, shutdown).await;
}

/// The same over TLS. The certificate is looked at every second, and a new one taken without a restart.
pub async fn serve_tls(
    listener: TcpListener,
    tls: Tls,
    router: axum::Router,
    options: ServeOptions,
    shutdown: impl Future<Output = ()>,
) {
    let acceptor = TlsAcceptor::from(tls.config());
    tokio::select! {
        () = accept(listener, Some(acceptor), router, options, shutdown) => {}
        () = keep_fresh(tls) => {}
    }
}

async fn keep_fresh(tls: Tls) {
    let mut interval = tokio::time::interval(CERTIFICATE_CHECK);
    loop {
        interval.tick().await;
        let tls = tls.clone();
        match tokio::task::spawn_blocking(move || tls.reload_if_changed()).await {
            Ok(Ok(false)) => {}
            Ok(Ok(true)) => tracing::info!("the certificate of the API was renewed"),
            Ok(Err(error)) => tracing::warn!(%error, "the certificate of the API stays the one before"),
            Err(error) => tracing::error!(%error, "the certificate of the API could not be looked at"),
        }
    }
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: axum::Router,
    options: ServeOptions,
    shutdown: impl Future<Output = ()>,
) {
    let (closer, closing) = Closing::new();
    let permits = Arc::new(Semaphore::new(options.connections_max));
    let mut shutdown = pin!(shutdown);
    loop {
        let next = async {
            let permit = permits.clone().acquire_owned().await;
            (listener.accept().await, permit)
        };
        tokio::select! {
            () = &mut shutdown => break,
            (accepted, permit) = next => match (accepted, permit) {
                (Ok((stream, peer)), Ok(permit)) => {
                    start((stream, peer), tls.clone(), permit, router.clone(), &options, closing.clone());
                }
                (Err(error), _) => wait_after(&error).await,
                (_, Err(_)) => break,
            },
        }
    }
    drop((listener, closing));
    if !closer.close(options.drain).await {
        tracing::warn!("some HTTP requests did not end in time");
    }
}

fn start(
    (stream, peer): (TcpStream, SocketAddr),
    tls: Option<TlsAcceptor>,
    permit: OwnedSemaphorePermit,
    router: axum::Router,
    options: &ServeOptions,
    closing: Closing,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection ended at once");
        return;
    }
    let options = *options;
    let connection = Connection { peer, secure: tls.is_some() };
    tokio::spawn(async move {
        match tls {
            None => converse(stream, connection, router, &options, closing).await,
            Some(tls) => match tokio::time::timeout(options.head_timeout, tls.accept(stream)).await {
                Ok(Ok(stream)) => converse(stream, connection, router, &options, closing).await,
                Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                Err(_) => tracing::debug!("a TLS handshake took too long"),
            },
        }
        drop(permit);
    });
}

/// Serves `router` on one connection that somebody accepted, until either side ends it or, after the request in
/// flight, the server closes.
pub async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    connection: Connection,
    router: axum::Router,
    options: &ServeOptions,
    mut closing: Closing,
) {
    let service = TowerToHyperService::new(router.layer(Extension(connection)));
    let mut conversation = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(options.head_timeout)
            .max_header_size(options.head_bytes_max)
            .serve_connection(TokioIo::new(stream), service)
    );
    let ended = tokio::select! {
        ended = conversation.as_mut() => ended,
        () = closing.begun() => {
            conversation.as_mut().graceful_shutdown();
            conversation.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// A connection that its client gave up says nothing about the listener; anything else may be a lack of
/// descriptors or memory, which a pause lets pass.
async fn wait_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::warn!(%error, "no connection could be accepted");
        tokio::time::sleep(ACCEPT_RETRY).await;
    }
}
