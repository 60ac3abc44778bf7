//! TLS: certificates that are good, and every way in which they are not.

mod support;

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use ringway_webhook::{CallSession, Client, Failure};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use support::{Server, TWIML, client, ok, post, trusting};
use tokio_rustls::TlsAcceptor;

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), root }
    }

    fn acceptor(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> TlsAcceptor {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        acceptor(certificate.der().clone(), &key)
    }
}

fn acceptor(certificate: CertificateDer<'static>, key: &KeyPair) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn failure(client: &Client, acceptor: TlsAcceptor) -> Failure {
    let server = Server::start_tls(acceptor, |_| ok(TWIML)).await;
    let failure =
        client.fetch(&CallSession::new(), post(server.named_url("localhost", "/"))).await.unwrap_err();
    assert_eq!(failure.outcome, "tls");
    assert!(server.received().is_empty());
    failure
}

#[tokio::test]
async fn a_certificate_of_a_trusted_authority_is_good_and_the_connection_is_kept() {
    let authority = Authority::new();
    let server = Server::start_tls(authority.acceptor("localhost", |_| ()), |_| ok(TWIML)).await;
    let client = trusting(authority.root.clone());
    for rest in ["/", "/", "/#sni=n"] {
        client.fetch(&CallSession::new(), post(server.named_url("localhost", rest))).await.unwrap();
    }
    let seen = server.received();
    assert_eq!((seen[0].connection, seen[1].connection, seen[2].connection), (0, 0, 1));
    assert_eq!((seen[0].sni.as_deref(), seen[2].sni.as_deref()), (Some("localhost"), None));
}

#[tokio::test]
async fn a_certificate_for_another_name_is_11235() {
    let authority = Authority::new();
    let client = trusting(authority.root.clone());
    assert_eq!(failure(&client, authority.acceptor("other.example", |_| ())).await.code, 11235);
}

#[tokio::test]
async fn an_expired_certificate_is_11236_and_tried_once() {
    let authority = Authority::new();
    let acceptor = authority.acceptor("localhost", |params| {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    });
    let failure = failure(&trusting(authority.root.clone()), acceptor).await;
    assert_eq!((failure.code, failure.attempts.len()), (11236, 1));
}

#[tokio::test]
async fn a_certificate_of_nobody_known_is_11237() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let client = trusting(ours.root.clone());
    assert_eq!(failure(&client, theirs.acceptor("localhost", |_| ())).await.code, 11237);
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    assert_eq!(failure(&client, acceptor(own.der().clone(), &key)).await.code, 11237);
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_11220() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ =
                tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let url = format!("https://{plain}/");
    let failure = client().fetch(&CallSession::new(), post(url)).await.unwrap_err();
    assert_eq!((failure.code, failure.outcome), (11220, "tls"));
}
