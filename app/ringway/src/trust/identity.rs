//! Who we are to an intercepted client: a leaf that is replaced before it ends.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ringway_rest::HOSTED;
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};

use super::authority::LEAF_LIFETIME;
use super::{Authority, TrustError};

/// The age at which a leaf is replaced.
const RENEWAL: Duration = LEAF_LIFETIME.saturating_sub(Duration::from_secs(10 * 24 * 60 * 60));

/// A server's identity for the hosted names.
#[derive(Debug)]
pub(crate) struct Identity {
    authority: Authority,
    leaf: Mutex<Leaf>,
}

#[derive(Debug)]
struct Leaf {
    made: Instant,
    key: Arc<CertifiedKey>,
}

impl Identity {
    /// Of an authority.
    pub(crate) fn new(authority: Authority) -> Result<Self, TrustError> {
        let key = Arc::new(authority.leaf()?);
        Ok(Self { authority, leaf: Mutex::new(Leaf { made: Instant::now(), key }) })
    }

    /// TLS 1.2 and 1.3, for HTTP/1.1.
    pub(crate) fn server_config(self) -> Result<Arc<ServerConfig>, TrustError> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config.into())
    }

    fn current(&self, now: Instant) -> Arc<CertifiedKey> {
        let mut leaf = self.leaf.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(leaf.made) > RENEWAL {
            match self.authority.leaf() {
                Ok(key) => *leaf = Leaf { made: now, key: key.into() },
                Err(error) => tracing::error!(%error, "the certificate of the interception was not renewed"),
            }
        }
        leaf.key.clone()
    }
}

impl ResolvesServerCert for Identity {
    /// A client that names another host gets none; one that names no host can only have meant ours.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let ours = |name: &str| HOSTED.iter().any(|hosted| hosted.eq_ignore_ascii_case(name));
        hello.server_name().is_none_or(ours).then(|| self.current(Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_is_replaced_ten_days_before_its_end() {
        let scratch = tempfile::tempdir().unwrap();
        let identity = Identity::new(Authority::open(&scratch.path().join("trust")).unwrap()).unwrap();
        let start = Instant::now();
        let first = identity.current(start);
        assert!(Arc::ptr_eq(&first, &identity.current(start + RENEWAL - Duration::from_secs(60))));
        let second = identity.current(start + RENEWAL + Duration::from_secs(60));
        assert!(!Arc::ptr_eq(&first, &second));
        assert_ne!(first.cert, second.cert);
    }
}
