//! Who we are over TLS, and whom we believe: certificates from files that are renewed while the service runs,
//! one made for development, and the authorities that vouch for others.
#![forbid(unsafe_code)]

mod authorities;

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

pub use authorities::{authorities_of, system_authorities};

/// Why there is no identity, or no authority.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
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

/// A certificate with its key, for servers and, where they ask, for clients. Cheap to clone; clones share it.
#[derive(Debug, Clone)]
pub struct Identity(Arc<Shared>);

impl Identity {
    /// Takes the chain and the key from two PEM files.
    pub fn from_files(certificate: PathBuf, key: PathBuf) -> Result<Self, IdentityError> {
        let files = Files { certificate, key };
        let contents = files.contents()?;
        Ok(Self::new(files.pair(&contents)?, Some(files), fingerprint(&contents)))
    }

    /// A self-signed certificate for these names and addresses, new with each start: its key is never written.
    /// The certificate is written to `certificate`, so that others can be told to trust it.
    pub fn for_development(names: Vec<String>, certificate: &Path) -> Result<Self, IdentityError> {
        let made = rcgen::generate_simple_self_signed(names)?;
        let der = made.cert.der().clone();
        fs::write(certificate, made.cert.pem())
            .map_err(|source| IdentityError::File { path: certificate.to_owned(), source })?;
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        Ok(Self::new(CertifiedKey::from_der(vec![der], key, &ring::default_provider())?, None, 0))
    }

    /// Reads the files again; whether there was something new in them. A pair that cannot be used leaves the
    /// one before it: most often only one of the two files has been replaced yet.
    pub fn reload_if_changed(&self) -> Result<bool, IdentityError> {
        let Some(files) = &self.0.files else { return Ok(false) };
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let contents = files.contents()?;
        let found = fingerprint(&contents);
        // What is broken is complained of once, and not every time.
        if std::mem::replace(&mut *seen, found) == found {
            return Ok(false);
        }
        self.0.pair.store(Arc::new(files.pair(&contents)?));
        Ok(true)
    }

    /// What a TLS server presents.
    pub fn for_servers(&self) -> Arc<dyn ResolvesServerCert> {
        self.0.clone()
    }

    /// What a TLS client presents to a server that asks.
    pub fn for_clients(&self) -> Arc<dyn ResolvesClientCert> {
        self.0.clone()
    }

    fn new(pair: CertifiedKey, files: Option<Files>, seen: u64) -> Self {
        let pair = ArcSwap::from_pointee(pair);
        Self(Arc::new(Shared { pair, files, seen: Mutex::new(seen) }))
    }
}

#[derive(Debug)]
struct Shared {
    pair: ArcSwap<CertifiedKey>,
    /// Where it comes from; nowhere when it was made here.
    files: Option<Files>,
    /// The fingerprint of the files when they were last read.
    seen: Mutex<u64>,
}

impl ResolvesServerCert for Shared {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.pair.load_full())
    }
}

impl ResolvesClientCert for Shared {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.pair.load_full())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn contents(&self) -> Result<[Vec<u8>; 2], IdentityError> {
        let read = |path: &Path| {
            fs::read(path).map_err(|source| IdentityError::File { path: path.to_owned(), source })
        };
        Ok([read(&self.certificate)?, read(&self.key)?])
    }

    fn pair(&self, [certificate, key]: &[Vec<u8>; 2]) -> Result<CertifiedKey, IdentityError> {
        let broken = |path: &Path, what| {
            let path = path.to_owned();
            move |source| IdentityError::Pem { path, what, source }
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
