//! TLS to web applications: certificates are always verified (contract, runtime.md 1.4 TLS).

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{CertificateError, ClientConfig, Error as TlsError, RootCertStore};

use crate::fault::Fault;

/// Whose certificates are trusted.
#[derive(Debug, Clone, Default)]
pub enum Roots {
    /// The machine's own store, or the Mozilla list that is built in where the machine has none.
    #[default]
    System,
    /// The system's, and these: an operator's own authority.
    SystemAnd(Vec<CertificateDer<'static>>),
    /// These only.
    Only(Vec<CertificateDer<'static>>),
}

/// The two ways to begin a handshake.
#[derive(Clone)]
pub(crate) struct TlsConfigs {
    named: Arc<ClientConfig>,
    unnamed: Arc<ClientConfig>,
}

impl TlsConfigs {
    pub(crate) fn new(roots: &Roots) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(store(roots)?)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let mut unnamed = config.clone();
        unnamed.enable_sni = false;
        Ok(Self { named: Arc::new(config), unnamed: Arc::new(unnamed) })
    }

    /// With the server's name in the clear (`sni=y`), or without. It is verified either way.
    pub(crate) fn with_sni(&self, sni: bool) -> Arc<ClientConfig> {
        if sni { Arc::clone(&self.named) } else { Arc::clone(&self.unnamed) }
    }
}

fn store(roots: &Roots) -> Result<RootCertStore, TlsError> {
    let mut store = match roots {
        Roots::System | Roots::SystemAnd(_) => system_store(),
        Roots::Only(_) => RootCertStore::empty(),
    };
    if let Roots::SystemAnd(added) | Roots::Only(added) = roots {
        for certificate in added {
            store.add(certificate.clone())?;
        }
    }
    Ok(store)
}

fn system_store() -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if store.is_empty() {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    store
}

/// The fault behind a failed handshake.
pub(crate) fn handshake_fault(error: &std::io::Error) -> Fault {
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) else {
        return Fault::Handshake(error.to_string());
    };
    let detail = error.to_string();
    match error {
        TlsError::InvalidCertificate(reason) => match reason {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Fault::CertificateName(detail)
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Fault::CertificateDates(detail),
            _ => Fault::CertificatePath(detail),
        },
        _ => Fault::Handshake(detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_always_roots_to_trust() {
        assert!(!system_store().is_empty());
        assert!(TlsConfigs::new(&Roots::System).is_ok());
        assert!(!TlsConfigs::new(&Roots::System).is_ok_and(|configs| configs.with_sni(false).enable_sni));
    }

    #[test]
    fn what_is_not_a_certificate_is_refused_at_the_start() {
        let broken = Roots::SystemAnd(vec![CertificateDer::from(vec![1, 2, 3])]);
        assert!(TlsConfigs::new(&broken).is_err());
    }
}
