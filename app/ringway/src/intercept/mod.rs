//! The interception: a proxy for programs that cannot be told another base URL. It answers for the hosted names
//! itself, with TLS of its own authority, and passes everything else on untouched.
//!
//! One port takes three kinds of clients: those that know a proxy (CONNECT, or a request with an absolute
//! target), and those that a hosts entry led here, which begin with TLS and name the host in it.

mod forward;
mod options;
mod proxy;
mod tunnel;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ringway_rest::{Closing, Connection, ServeOptions, converse};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

pub(crate) use forward::forward;
pub(crate) use options::InterceptOptions;
pub(crate) use tunnel::Others;

/// The content type of a TLS handshake, which a ClientHello begins with (RFC 8446 5.1).
const TLS_HANDSHAKE: u8 = 22;
/// After the listener failed, how long until it is tried again.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// An intercepting proxy. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Intercept {
    tls: TlsAcceptor,
    /// What answers for the hosted names.
    api: axum::Router,
    others: Arc<Others>,
    options: ServeOptions,
}

impl Intercept {
    /// One that answers for the hosted names with `api`.
    pub(crate) fn new(tls: Arc<ServerConfig>, api: axum::Router, others: Others) -> Self {
        Self { tls: tls.into(), api, others: others.into(), options: ServeOptions::default() }
    }

    /// Serves until `shutdown` completes, and lets requests in flight end. Tunnels end with the process.
    pub(crate) async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let (closer, closing) = Closing::new();
        tokio::select! {
            () = shutdown => {}
            () = self.accept(&listener, &closing) => {}
        }
        drop((listener, closing));
        if !closer.close(self.options.drain).await {
            tracing::warn!("some intercepted requests did not end in time");
        }
    }

    async fn accept(&self, listener: &TcpListener, closing: &Closing) {
        let permits = Arc::new(Semaphore::new(self.options.connections_max));
        while let Ok(permit) = permits.clone().acquire_owned().await {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let (intercept, closing) = (self.clone(), closing.clone());
                    tokio::spawn(async move {
                        intercept.greet(stream, peer, closing).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "no connection could be accepted");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }

    /// Finds out what the client speaks.
    async fn greet(&self, stream: TcpStream, peer: SocketAddr, closing: Closing) {
        let mut first = [0];
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection ended at once");
            return;
        }
        match timeout(self.options.head_timeout, stream.peek(&mut first)).await {
            Ok(Ok(1)) if first == [TLS_HANDSHAKE] => self.answer_tls(stream, peer, closing).await,
            Ok(Ok(1)) => self.answer_proxy(stream, peer, closing).await,
            _ => {}
        }
    }

    /// Takes TLS off and answers with the API.
    async fn answer_tls(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
        peer: SocketAddr,
        closing: Closing,
    ) {
        match timeout(self.options.head_timeout, self.tls.accept(stream)).await {
            Ok(Ok(stream)) => self.answer_plain(stream, Connection { peer, secure: true }, closing).await,
            Ok(Err(error)) => tracing::debug!(%error, "an intercepted TLS handshake failed"),
            Err(_) => tracing::debug!("an intercepted TLS handshake took too long"),
        }
    }

    async fn answer_plain(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
        connection: Connection,
        closing: Closing,
    ) {
        converse(stream, connection, self.api.clone(), &self.options, closing).await;
    }
}
