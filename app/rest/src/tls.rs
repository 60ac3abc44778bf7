//! TLS for the API: how the server's identity is presented.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ringway_identity::Identity;
use rustls::crypto::{CryptoProvider, ring};
use rustls::{ServerConfig, version};

/// Why there is no TLS.
pub use ringway_identity::IdentityError as TlsError;

/// The identity of a TLS server. Cheap to clone; clones share the certificate.
#[derive(Debug, Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    identity: Identity,
}

impl Tls {
    /// Takes the chain and the key from two PEM files.
    pub fn from_files(certificate: PathBuf, key: PathBuf) -> Result<Self, TlsError> {
        Self::new(Identity::from_files(certificate, key)?)
    }

    /// A self-signed certificate for this machine, new with each start, written to `certificate`.
    pub fn for_development(address: IpAddr, certificate: &Path) -> Result<Self, TlsError> {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into_iter();
        let names = names.chain([address.to_string()]).collect();
        Self::new(Identity::for_development(names, certificate)?)
    }

    /// Takes renewed files; see [`Identity::reload_if_changed`].
    pub fn reload_if_changed(&self) -> Result<bool, TlsError> {
        self.identity.reload_if_changed()
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }

    fn new(identity: Identity) -> Result<Self, TlsError> {
        let provider: Arc<CryptoProvider> = ring::default_provider().into();
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(identity.for_servers());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: config.into(), identity })
    }
}
