//! The Ringway that intercepted requests are sent to.

use std::fs;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::header::HOST;
use http::{Request, Response, StatusCode};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::Url;

use super::ExecOptions;
use crate::intercept::forward;
use crate::rest_security::DEVELOPMENT_FILE;

/// How long the server may take to say that it is well.
const CHECK_LIMIT: Duration = Duration::from_secs(5);

/// Where it is, and how it is spoken to. Cheap to clone.
#[derive(Clone)]
pub(super) struct Server {
    /// As it is told to people.
    shown: Arc<str>,
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl Server {
    /// The one that the options name.
    pub(super) fn new(options: &ExecOptions) -> Result<Self, String> {
        let wrong = |why: &str| format!("--server {}: {why}; expected http://HOST:PORT", options.server);
        let url: Url = options.server.parse().map_err(|error| wrong(&format!("{error}")))?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() {
            return Err(wrong("a path has no place in it"));
        }
        let host = url.host_str().ok_or_else(|| wrong("no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = url.port_or_known_default().ok_or_else(|| wrong("no port"))?;
        let tls = match url.scheme() {
            "http" => None,
            "https" => {
                let name = ServerName::try_from(host.clone()).map_err(|error| wrong(&error.to_string()))?;
                Some((connector(options)?, name))
            }
            scheme => return Err(wrong(&format!("{scheme}:// is not served"))),
        };
        Ok(Self { shown: url.as_str().trim_end_matches('/').into(), host, port, tls })
    }

    /// Whether it answers.
    pub(super) async fn check(&self) -> Result<(), String> {
        let request = Request::get("/healthz").header(HOST, &self.host).body(Body::empty());
        let request = request.map_err(|error| error.to_string())?;
        let answered = timeout(CHECK_LIMIT, self.send(request)).await;
        let answered = answered.unwrap_or_else(|_| Err("it does not answer".to_owned()));
        match answered.map(|response| response.status()) {
            Ok(StatusCode::OK) => Ok(()),
            Ok(status) => {
                Err(format!("{} is not a Ringway that is well: /healthz says {status}", self.shown))
            }
            Err(error) => Err(format!(
                "no Ringway at {}: {error}. Start one with `ringway serve`, or say where it is with --server URL",
                self.shown
            )),
        }
    }

    /// What answers for the hosted names: whatever the server says.
    pub(super) fn router(&self) -> axum::Router {
        let server = self.clone();
        axum::Router::new().fallback(move |request: Request<Body>| {
            let server = server.clone();
            async move { server.send(request).await.unwrap_or_else(|error| server.unreachable(&error)) }
        })
    }

    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, String> {
        let stream = self.connect().await.map_err(|error| error.to_string())?;
        forward(request, stream).await.map_err(|error| error.to_string())
    }

    async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        Ok(match &self.tls {
            None => Box::new(stream),
            Some((connector, name)) => Box::new(connector.connect(name.clone(), stream).await?),
        })
    }

    fn unreachable(&self, error: &str) -> Response<Body> {
        tracing::error!(server = %self.shown, error, "Ringway does not answer");
        let mut response = Response::new(Body::from(format!("Ringway at {}: {error}\n", self.shown)));
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        response
    }
}

/// Trusts the system's roots, and the certificate that the server was given or made itself.
fn connector(options: &ExecOptions) -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let made = options.data_dir.join(DEVELOPMENT_FILE);
    let file = options.server_ca.as_ref().or_else(|| made.exists().then_some(&made));
    if let Some(file) = file {
        let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let text = fs::read(file).map_err(|error| wrong(&error))?;
        for certificate in CertificateDer::pem_slice_iter(&text) {
            let certificate = certificate.map_err(|error| wrong(&error))?;
            roots.add(certificate).map_err(|error| wrong(&error))?;
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config).into())
}
