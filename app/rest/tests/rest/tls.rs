//! The API over TLS: what a client that checks certificates sees.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ringway_rest::{ServeOptions, Tls, TlsError, serve_tls};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsConnector;

use crate::world::{ACCOUNT, TOKEN, World, basic};

/// A directory with a certificate and its key, as an operator has them.
struct Files {
    directory: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl Files {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("ringway-tls-{}-{name}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let (certificate, key) = (directory.join("cert.pem"), directory.join("key.pem"));
        let files = Self { directory, certificate, key };
        files.renew();
        files
    }

    fn renew(&self) -> CertificateDer<'static> {
        let (certificate, key) = pair();
        fs::write(&self.certificate, pem("CERTIFICATE", &certificate)).unwrap();
        fs::write(&self.key, pem("PRIVATE KEY", &key)).unwrap();
        certificate
    }

    fn tls(&self) -> Result<Tls, TlsError> {
        Tls::from_files(self.certificate.clone(), self.key.clone())
    }
}

fn pair() -> (CertificateDer<'static>, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    (made.cert.der().clone(), made.signing_key.serialize_der())
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

/// The response to a request for `/v1/Settings`; an error when the server is not who it should be.
async fn ask(address: std::net::SocketAddr, trusted: CertificateDer<'static>) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let login = basic(ACCOUNT, TOKEN);
    let request = format!(
        "GET /v1/Settings HTTP/1.1\r\nHost: localhost\r\nAuthorization: {login}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    Ok(response)
}

#[tokio::test]
async fn the_api_answers_over_tls_and_takes_a_renewed_certificate() {
    let world = World::new().await;
    let files = Files::new("renewed");
    let first = CertificateDer::from_pem_file(&files.certificate).unwrap();
    let tls = files.tls().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async move { drop(stopped.await) };
    let options = ServeOptions::default();
    let task = tokio::spawn(serve_tls(listener, tls.clone(), world.api.router(), options, shutdown));

    let response = ask(address, first.clone()).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    assert!(response.contains("\"url\": \"https://localhost/v1/Settings\""), "{response}");
    assert!(response.to_lowercase().contains("strict-transport-security: max-age=31536000"), "{response}");

    let second = files.renew();
    // The server may have looked already.
    tls.reload_if_changed().unwrap();
    assert!(ask(address, first).await.is_err());
    assert!(ask(address, second).await.unwrap().starts_with("HTTP/1.1 200 OK\r\n"));
    drop(stop);
    task.await.unwrap();
}

#[test]
fn half_a_renewal_changes_nothing() {
    let files = Files::new("half");
    let tls = files.tls().unwrap();
    assert!(!tls.reload_if_changed().unwrap());
    let (certificate, key) = pair();
    fs::write(&files.certificate, pem("CERTIFICATE", &certificate)).unwrap();
    assert!(matches!(tls.reload_if_changed(), Err(TlsError::Unusable(_))));
    assert!(!tls.reload_if_changed().unwrap(), "complained of once");
    fs::write(&files.key, pem("PRIVATE KEY", &key)).unwrap();
    assert!(tls.reload_if_changed().unwrap());
    assert!(!tls.reload_if_changed().unwrap());
}

#[test]
fn what_is_wrong_with_the_files_is_said_by_name() {
    let files = Files::new("wrong");
    let missing = Tls::from_files(PathBuf::from("/nowhere/cert.pem"), files.key.clone()).unwrap_err();
    assert!(missing.to_string().starts_with("/nowhere/cert.pem: "), "{missing}");
    let swapped = Tls::from_files(files.key.clone(), files.certificate.clone()).unwrap_err();
    assert!(swapped.to_string().contains("key.pem has no certificate in PEM"), "{swapped}");
    fs::write(&files.key, "nothing").unwrap();
    let error = files.tls().unwrap_err().to_string();
    assert!(error.contains("key.pem has no key in PEM"), "{error}");
}

#[tokio::test]
async fn a_development_certificate_can_be_trusted_from_its_file() {
    let world = World::new().await;
    let files = Files::new("development");
    let path: &Path = &files.directory.join("development.pem");
    let tls = Tls::for_development("127.0.0.1".parse().unwrap(), path).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let never = std::future::pending();
    let task = tokio::spawn(serve_tls(listener, tls, world.api.router(), ServeOptions::default(), never));
    let trusted = CertificateDer::from_pem_file(path).unwrap();
    assert!(ask(address, trusted).await.unwrap().starts_with("HTTP/1.1 200 OK\r\n"));
    task.abort();
}
