//! Whose signatures make a stranger's certificate believable.

use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};

use crate::IdentityError;

/// The machine's own authorities, or the Mozilla list that is built in where the machine has none.
pub fn system_authorities() -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if store.is_empty() {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    store
}

/// Adds the authorities of a PEM file, one at least.
///
/// # Errors
/// When the file cannot be read, or holds no certificate, or one that is none.
pub fn authorities_of(file: &Path, mut store: RootCertStore) -> Result<RootCertStore, IdentityError> {
    let unreadable = |source| IdentityError::File { path: file.to_owned(), source };
    let broken = |source| IdentityError::Pem { path: file.to_owned(), what: "certificate", source };
    let contents = std::fs::read(file).map_err(unreadable)?;
    let mut found = false;
    for certificate in CertificateDer::pem_slice_iter(&contents) {
        store.add(certificate.map_err(broken)?)?;
        found = true;
    }
    if found { Ok(store) } else { Err(broken(pem::Error::NoItemsFound)) }
}
