//! TLS for the API: where the certificate comes from, and how a renewed one takes its place.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};

/// Lines of PEM (RFC 7468 2).
const PEM_LINE: usize = 64;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file has not what it should.
    #[error("{path} has no {what} in PEM: {source}", path = path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// A certificate, or a key.
        what: &'static str,
        /// Why.
        source: pem::Error,
    },
    /// Certificate and key do not belong together, or are of a kind that is not supported.
    #[error("the certificate and its key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// No development certificate could be made.
    #[error("no development certificate could be made: {0}")]
    Made(#[from] rcgen::Error),
}

/// The identity of a TLS server. Cheap to clone; clones share the certificate.
#[derive(Debug, Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    identity: Arc<Identity>,
}

impl Tls {
    /// Takes the chain and the key from two PEM files.
    pub fn from_files(certificate: PathBuf, key: PathBuf) -> Result<Self, TlsError> {
        let files = Files { certificate, key };
        let contents = files.contents()?;
        Self::new(files.pair(&contents)?, Some(files), fingerprint(&contents))
    }

    /// A self-signed certificate for this machine, new with each start: its key is never written. The
    /// certificate is written to `certificate`, so that clients can be told to trust it.
    pub fn for_development(address: IpAddr, certificate: &Path) -> Result<Self, TlsError> {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned(), address.to_string()];
        let made = rcgen::generate_simple_self_signed(names)?;
        let der = made.cert.der().clone();
        fs::write(certificate, pem_of(&der))
            .map_err(|source| TlsError::File { path: certificate.to_owned(), source })?;
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let pair = CertifiedKey::from_der(vec![der], key, &ring::default_provider())?;
        Self::new(pair, None, 0)
    }

    /// Reads the files again; whether there was something new in them. A pair that cannot be used leaves the
    /// one before it: most often only one of the two files has been replaced yet.
    pub fn reload_if_changed(&self) -> Result<bool, TlsError> {
        let Some(files) = &self.identity.files else { return Ok(false) };
        let mut seen = self.identity.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let contents = files.contents()?;
        let found = fingerprint(&contents);
        // What is broken is complained of once, and not every time.
        if std::mem::replace(&mut *seen, found) == found {
            return Ok(false);
        }
        self.identity.pair.store(Arc::new(files.pair(&contents)?));
        Ok(true)
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }

    fn new(pair: CertifiedKey, files: Option<Files>, seen: u64) -> Result<Self, TlsError> {
        let pair = ArcSwap::from_pointee(pair);
        let identity = Arc::new(Identity { pair, files, seen: Mutex::new(seen) });
        let provider: Arc<CryptoProvider> = ring::default_provider().into();
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(identity.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: config.into(), identity })
    }
}

#[derive(Debug)]
struct Identity {
    pair: ArcSwap<CertifiedKey>,
    /// Where it comes from; nowhere when it was made here.
    files: Option<Files>,
    /// The fingerprint of the files when they were last read.
    seen: Mutex<u64>,
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.pair.load_full())
    }
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn contents(&self) -> Result<[Vec<u8>; 2], TlsError> {
        let read =
            |path: &Path| fs::read(path).map_err(|source| TlsError::File { path: path.to_owned(), source });
        Ok([read(&self.certificate)?, read(&self.key)?])
    }

    fn pair(&self, [certificate, key]: &[Vec<u8>; 2]) -> Result<CertifiedKey, TlsError> {
        let broken = |path: &Path, what| {
            let path = path.to_owned();
            move |source| TlsError::Pem { path, what, source }
        };
        let chain = CertificateDer::pem_slice_iter(certificate)
            .collect::<Result<Vec<_>, _>>()
            .and_then(|chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) })
            .map_err(broken(&self.certificate, "certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(broken(&self.key, "key"))?;
        Ok(CertifiedKey::from_der(chain, key, &ring::default_provider())?)
    }
}

/// Of what is in the files: times and sizes need not change when a link is led elsewhere.
fn fingerprint(contents: &[Vec<u8>; 2]) -> u64 {
    let mut hasher = DefaultHasher::new();
    contents.hash(&mut hasher);
    hasher.finish()
}

fn pem_of(certificate: &CertificateDer<'_>) -> String {
    let encoded = STANDARD.encode(certificate);
    let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(PEM_LINE));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text + "-----END CERTIFICATE-----\n"
}
