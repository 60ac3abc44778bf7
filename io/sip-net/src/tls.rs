//! TLS between a socket and SIP: bytes in, bytes out, no socket of its own.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::server::{ResolvesServerCert, WebPkiClientVerifier};
use rustls::{
    ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection, version,
};

/// Decrypted bytes taken at once.
const PLAIN_BYTES: usize = 16 * 1024;

/// How the TLS side of SIP is set up; see [`TlsSetup::config`].
#[derive(Debug, Clone)]
pub struct TlsSetup {
    /// What our listeners present.
    pub certificate: Arc<dyn ResolvesServerCert>,
    /// Who vouches for the clients of our listeners; without any, clients need no certificate.
    pub client_authorities: Option<RootCertStore>,
}

/// What TLS listeners and TLS connections of ours work with. The default has no listeners, and trusts nobody.
#[derive(Clone, Default)]
pub struct TlsConfig {
    pub(crate) server: Option<Arc<ServerConfig>>,
    pub(crate) client: Option<Arc<ClientConfig>>,
}

impl TlsConfig {
    /// TLS 1.2 and 1.3 for listeners (contract, runtime.md 4.6).
    ///
    /// # Errors
    /// When the authorities of clients cannot be used.
    pub fn with_listeners(mut self, setup: TlsSetup) -> Result<Self, String> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(|error| error.to_string())?;
        let builder = match setup.client_authorities {
            None => builder.with_no_client_auth(),
            Some(authorities) => {
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider()).build();
                builder.with_client_cert_verifier(verifier.map_err(|error| error.to_string())?)
            }
        };
        self.server = Some(Arc::new(builder.with_cert_resolver(setup.certificate)));
        Ok(self)
    }

    /// For connections of ours: whom we trust, and what we present to those who ask who we are.
    ///
    /// # Errors
    /// When the versions cannot be had.
    pub fn with_connections(
        mut self,
        authorities: RootCertStore,
        certificate: Option<Arc<dyn ResolvesClientCert>>,
    ) -> Result<Self, String> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(|error| error.to_string())?
            .with_root_certificates(authorities);
        self.client = Some(Arc::new(match certificate {
            None => builder.with_no_client_auth(),
            Some(certificate) => builder.with_client_cert_resolver(certificate),
        }));
        Ok(self)
    }
}

impl fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (server, client) = (self.server.is_some(), self.client.is_some());
        f.debug_struct("TlsConfig").field("server", &server).field("client", &client).finish()
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// One connection's TLS.
pub(crate) struct Tls(Connection);

impl Tls {
    pub(crate) fn server(config: Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        Ok(Self(Connection::Server(ServerConnection::new(config)?)))
    }

    /// A connection of ours: the other side must prove `name`.
    pub(crate) fn client(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<Self, rustls::Error> {
        Ok(Self(Connection::Client(ClientConnection::new(config, name)?)))
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        self.0.is_handshaking()
    }

    /// Takes what came from the socket and appends what it says. Whatever happens, [`Tls::write_pending`] has
    /// something for the peer afterwards: handshake, alert. True when the peer has said its last word.
    pub(crate) fn open(&mut self, mut sealed: &[u8], plain: &mut Vec<u8>) -> Result<bool, rustls::Error> {
        let mut over = false;
        while !sealed.is_empty() && !over {
            let taken = self.0.read_tls(&mut sealed);
            let state = self.0.process_new_packets()?;
            over = state.peer_has_closed() || !matches!(taken, Ok(1..));
            self.take_plain(state.plaintext_bytes_to_read(), plain);
        }
        Ok(over)
    }

    fn take_plain(&mut self, mut left: usize, plain: &mut Vec<u8>) {
        let mut buffer = [0; PLAIN_BYTES];
        while left > 0 {
            let Ok(count @ 1..) = self.0.reader().read(&mut buffer) else { return };
            plain.extend_from_slice(buffer.get(..count).unwrap_or_default());
            left = left.saturating_sub(count);
        }
    }

    /// Seals a message, once the handshake is done.
    pub(crate) fn seal(&mut self, plain: &[u8], sealed: &mut Vec<u8>) -> io::Result<()> {
        let mut rest = plain;
        while !rest.is_empty() {
            let taken = self.0.writer().write(rest)?;
            rest = rest.get(taken..).unwrap_or_default();
            self.write_pending(sealed);
        }
        Ok(())
    }

    /// Tells the peer that nothing more will come.
    pub(crate) fn close(&mut self, sealed: &mut Vec<u8>) {
        self.0.send_close_notify();
        self.write_pending(sealed);
    }

    /// Appends what TLS itself wants to send.
    pub(crate) fn write_pending(&mut self, sealed: &mut Vec<u8>) {
        while self.0.wants_write() {
            // Into memory: it cannot fail.
            let Ok(1..) = self.0.write_tls(sealed) else { return };
        }
    }
}
