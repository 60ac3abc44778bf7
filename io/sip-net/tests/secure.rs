//! TLS in both directions, as rustls on the other side sees it.

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use ringway_identity::{Identity, authorities_of};
use ringway_sip::endpoint::{Target, Transport};
use ringway_sip_net::{TcpLimits, TlsConfig, TlsSetup};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, ServerConfig, ServerConnection,
    StreamOwned, SupportedProtocolVersion, version,
};
use support::{PATIENCE, World, invite, options, rejected, serve_with, target, tcp_client};
use tempfile::TempDir;

/// An authority, and the certificates that it has signed.
struct Authority {
    dir: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).expect("parameters");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(parameters, KeyPair::generate().expect("a key"));
        let issuer = issuer.expect("an authority");
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("ca.pem"), issuer.pem()).expect("written");
        Self { dir, issuer }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes `label.pem` and `label.key`, for `name`.
    fn sign(&self, label: &str, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().expect("a key");
        let parameters = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        let certificate = parameters.signed_by(&key, &self.issuer).expect("signed");
        let (certificate_file, key_file) =
            (self.file(&format!("{label}.pem")), self.file(&format!("{label}.key")));
        std::fs::write(&certificate_file, certificate.pem()).expect("written");
        std::fs::write(&key_file, key.serialize_pem()).expect("written");
        (certificate_file, key_file)
    }

    fn identity(&self, label: &str, name: &str) -> Identity {
        let (certificate, key) = self.sign(label, name);
        Identity::from_files(certificate, key).expect("an identity")
    }

    fn trusted(&self) -> RootCertStore {
        authorities_of(&self.file("ca.pem"), RootCertStore::empty()).expect("an authority")
    }

    /// A listener with this identity; it wants certificates of clients when `mutual`.
    fn serve(&self, identity: &Identity, mutual: bool, limits: TcpLimits) -> World {
        let setup = TlsSetup {
            certificate: identity.for_servers(),
            client_authorities: mutual.then(|| self.trusted()),
        };
        let tls = TlsConfig::default().with_listeners(setup).expect("TLS");
        serve_with(&["tls://127.0.0.1:0"], limits, tls)
    }

    /// A driver that trusts this authority on connections of its own.
    fn trusting(&self) -> World {
        let tls = TlsConfig::default().with_connections(self.trusted(), None).expect("TLS");
        serve_with(&["udp://127.0.0.1:0"], TcpLimits::default(), tls)
    }
}

type Client = StreamOwned<ClientConnection, TcpStream>;

fn client(
    authority: &Authority,
    world: &World,
    versions: &[&'static SupportedProtocolVersion],
    certificate: Option<(PathBuf, PathBuf)>,
) -> Client {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .expect("versions")
        .with_root_certificates(authority.trusted());
    let config = match certificate {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let certificate = CertificateDer::from_pem_file(certificate).expect("a certificate");
            let key = PrivateKeyDer::from_pem_file(key).expect("a key");
            builder.with_client_auth_cert(vec![certificate], key).expect("a pair")
        }
    };
    let name = ServerName::try_from("sip.example.com").expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a client");
    StreamOwned::new(connection, tcp_client(world.addresses[0]))
}

/// Asks for OPTIONS, and gives back what comes.
fn ask(client: &mut Client, number: u32) -> std::io::Result<String> {
    client.write_all(options("TLS", number).as_bytes())?;
    let mut buffer = [0; 4096];
    let length = client.read(&mut buffer)?;
    Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
}

const BOTH: [&SupportedProtocolVersion; 2] = [&version::TLS12, &version::TLS13];

#[test]
fn tls_1_2_and_1_3_are_spoken() {
    let authority = Authority::new();
    let world = authority.serve(&authority.identity("a", "sip.example.com"), false, TcpLimits::default());
    for (offered, spoken) in
        [(&version::TLS12, ProtocolVersion::TLSv1_2), (&version::TLS13, ProtocolVersion::TLSv1_3)]
    {
        let mut client = client(&authority, &world, &[offered], None);
        for number in 1..=3 {
            let text = ask(&mut client, number).expect("an answer");
            assert!(text.starts_with("SIP/2.0 200 ") && text.contains(&format!("{number}@client")), "{text}");
        }
        assert_eq!(client.conn.protocol_version(), Some(spoken));
    }
}

#[test]
fn a_renewed_certificate_is_presented_to_new_connections_while_old_ones_go_on() {
    let authority = Authority::new();
    let identity = authority.identity("a", "sip.example.com");
    let world = authority.serve(&identity, false, TcpLimits::default());
    let mut before = client(&authority, &world, &BOTH, None);
    ask(&mut before, 1).expect("an answer");
    authority.sign("a", "sip.example.com");
    assert!(identity.reload_if_changed().expect("a pair"));
    let mut after = client(&authority, &world, &BOTH, None);
    ask(&mut after, 2).expect("an answer");
    assert_ne!(before.conn.peer_certificates(), after.conn.peer_certificates());
    assert!(ask(&mut before, 3).expect("an answer").contains("3@client"));
}

#[test]
fn where_clients_must_show_a_certificate_only_those_of_the_authority_get_in() {
    let authority = Authority::new();
    let world = authority.serve(&authority.identity("a", "sip.example.com"), true, TcpLimits::default());
    for version in BOTH {
        let known = authority.sign("phone", "phone.example.com");
        let mut known = client(&authority, &world, &[version], Some(known));
        assert!(ask(&mut known, 1).expect("an answer").starts_with("SIP/2.0 200 "));
        let stranger = Authority::new().sign("phone", "phone.example.com");
        for certificate in [None, stranger.0.exists().then_some(stranger)] {
            let mut refused = client(&authority, &world, &[version], certificate);
            assert!(ask(&mut refused, 2).is_err());
        }
    }
}

#[test]
fn a_handshake_that_takes_too_long_ends() {
    let limits = TcpLimits { handshake: Duration::from_millis(1), ..TcpLimits::default() };
    let authority = Authority::new();
    let world = authority.serve(&authority.identity("a", "sip.example.com"), false, limits);
    let mut slow = tcp_client(world.addresses[0]);
    slow.write_all(&[0x16, 3, 1]).expect("written");
    assert!(support::is_closed(&mut slow));
}

#[test]
fn handshakes_beyond_the_limit_wait_for_their_second() {
    let limits = TcpLimits { handshakes_per_second_max: 2, ..TcpLimits::default() };
    let authority = Authority::new();
    let world = authority.serve(&authority.identity("a", "sip.example.com"), false, limits);
    let mut clients: Vec<Client> = (0..4).map(|_| client(&authority, &world, &BOTH, None)).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        assert!(ask(client, number as u32).expect("an answer in the end").starts_with("SIP/2.0 200 "));
    }
}

#[test]
fn what_is_not_tls_gets_an_alert_and_the_end() {
    let authority = Authority::new();
    let world = authority.serve(&authority.identity("a", "sip.example.com"), false, TcpLimits::default());
    let mut plain = tcp_client(world.addresses[0]);
    plain.write_all(options("TCP", 1).as_bytes()).expect("written");
    let mut heard = Vec::new();
    plain.read_to_end(&mut heard).expect("the end");
    assert_eq!(heard.first(), Some(&21), "an alert record: {heard:?}");
}

/// A TLS server for one connection; gives back what it was told first, or nothing when it was not believed.
fn server(identity: &Identity) -> (std::net::SocketAddr, thread::JoinHandle<Option<String>>) {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&BOTH)
        .expect("versions")
        .with_no_client_auth()
        .with_cert_resolver(identity.for_servers());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let told = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let connection = ServerConnection::new(Arc::new(config)).expect("a server");
        let mut stream = StreamOwned::new(connection, stream);
        let mut buffer = [0; 4096];
        let length = stream.read(&mut buffer).ok().filter(|length| *length > 0)?;
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    });
    (address, told)
}

#[test]
fn a_call_out_is_told_only_to_who_proves_the_name() {
    let authority = Authority::new();
    let (address, told) = server(&authority.identity("b", "sip.example.com"));
    let world = authority.trusting();
    let name = Some(world.names.number("sip.example.com"));
    invite(&world, Target { name, ..target(Transport::Tls, address) });
    let heard = told.join().expect("a thread").expect("the INVITE");
    assert!(heard.starts_with("INVITE sip:b@test.example SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:"), "{heard}");
    assert!(heard.contains(";transport=tls>"), "{heard}");
    for (signer, proved) in [(&authority, "other.example.com"), (&Authority::new(), "sip.example.com")] {
        let (address, told) = server(&signer.identity("b", proved));
        let world = authority.trusting();
        let name = Some(world.names.number("sip.example.com"));
        invite(&world, Target { name, ..target(Transport::Tls, address) });
        assert_eq!(rejected(&world), 503, "{proved}");
        assert_eq!(told.join().expect("a thread"), None);
    }
}

#[test]
fn without_a_name_the_certificate_must_be_for_the_address() {
    let authority = Authority::new();
    for (proved, told_it) in [("127.0.0.1", true), ("sip.example.com", false)] {
        let (address, told) = server(&authority.identity("b", proved));
        let world = authority.trusting();
        invite(&world, target(Transport::Tls, address));
        assert_eq!(told.join().expect("a thread").is_some(), told_it, "{proved}");
    }
}
