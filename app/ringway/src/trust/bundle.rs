//! One file of everything that an intercepted program trusts. Most of the variables that name such a file
//! replace the system's roots, so these are in it as well.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use pem::{EncodeConfig, LineEnding, Pem, encode_config};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};

use super::{Authority, TrustError};

/// Writes the file into `directory` and returns its absolute path. Its name is that of its contents: a file that
/// a program has been told of never changes. `also` are the files that the program was told of before.
pub(crate) fn write(
    authority: &Authority,
    directory: &Path,
    also: impl IntoIterator<Item = OsString>,
) -> Result<PathBuf, TrustError> {
    let mut roots = rustls_native_certs::load_native_certs().certs;
    if roots.is_empty() {
        tracing::warn!("this machine has no root certificates; other hosts cannot be trusted");
    }
    roots.extend(also.into_iter().flat_map(certificates_of));
    let mut seen = HashSet::new();
    let every = roots.iter().chain([authority.certificate()]);
    let text: String = every.filter(|root| seen.insert((*root).clone())).map(|root| text_of(root)).collect();
    let name: String = Sha256::digest(&text).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let path = directory.join(format!("bundle-{name}.pem"));
    if !path.exists() {
        let fresh = path.with_extension(format!("new-{}", std::process::id()));
        fs::write(&fresh, text).map_err(TrustError::file(&fresh))?;
        fs::rename(&fresh, &path).map_err(TrustError::file(&path))?;
    }
    path.canonicalize().map_err(TrustError::file(&path))
}

fn text_of(certificate: &CertificateDer<'_>) -> String {
    let lines = EncodeConfig::new().set_line_ending(LineEnding::LF);
    encode_config(&Pem::new("CERTIFICATE", certificate.as_ref()), lines)
}

/// What cannot be read is said, and left out: the program would have failed on it only where it needed it.
fn certificates_of(path: OsString) -> Vec<CertificateDer<'static>> {
    match CertificateDer::pem_file_iter(&path) {
        Ok(certificates) => certificates.filter_map(Result::ok).collect(),
        Err(error) => {
            tracing::warn!(path = %Path::new(&path).display(), %error, "its certificates are left out");
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_trusted_before_stays_trusted_once() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("trust");
        let authority = Authority::open(&directory).unwrap();
        let other = Authority::open(&scratch.path().join("other")).unwrap();
        let named = scratch.path().join("corporate.pem");
        fs::write(&named, text_of(other.certificate())).unwrap();

        let also = [named.clone().into(), named.into(), scratch.path().join("absent.pem").into()];
        let path = write(&authority, &directory, also.clone()).unwrap();
        assert!(path.is_absolute());
        let bundle: Vec<_> = CertificateDer::pem_file_iter(&path).unwrap().map(Result::unwrap).collect();
        let count = |wanted: &CertificateDer<'_>| bundle.iter().filter(|found| *found == wanted).count();
        assert_eq!((count(authority.certificate()), count(other.certificate())), (1, 1));
        for root in rustls_native_certs::load_native_certs().certs {
            assert_eq!(count(&root), 1, "the system's roots are kept");
        }
        assert_eq!(write(&authority, &directory, also).unwrap(), path, "the same again");
    }
}
