//! Encryption at rest: digest hashes stand for passwords, and tokens are passwords, so neither lies in the
//! database as it is. AES-256-GCM with the key of a file that only its owner may read.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use zeroize::Zeroizing;

use crate::{OpenError, StoreError, random};

const NONCE_LENGTH: usize = 12;

/// Seals and opens values; what a value is for and whose it is are bound in, so that one cannot be moved to
/// another row.
pub(crate) struct Sealer(Aes256Gcm);

impl Sealer {
    /// Reads the key file; makes it when it is missing and `create` allows that.
    pub(crate) fn from_file(path: &Path, create: bool) -> Result<Self, OpenError> {
        let failed = |source| OpenError::File { path: path.to_owned(), source };
        let text = match fs::read_to_string(path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == ErrorKind::NotFound && create => {
                create_key_file(path)?;
                Zeroizing::new(fs::read_to_string(path).map_err(failed)?)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(OpenError::KeyFileMissing { path: path.to_owned() });
            }
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                return Err(OpenError::KeyFileMalformed { path: path.to_owned() });
            }
            Err(error) => return Err(failed(error)),
        };
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(OpenError::KeyFileExposed { path: path.to_owned(), mode });
        }
        let key =
            decode_key(text.trim()).ok_or_else(|| OpenError::KeyFileMalformed { path: path.to_owned() })?;
        Ok(Self(Aes256Gcm::new(&(*key).into())))
    }

    /// Encrypts `plain` for one use in one row: a random nonce, then the ciphertext with its tag.
    pub(crate) fn seal(&self, purpose: &str, sid: &str, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let nonce: [u8; NONCE_LENGTH] = random::bytes()?;
        let payload = Payload { msg: plain, aad: &associated_data(purpose, sid) };
        let sealed =
            self.0.encrypt(&nonce.into(), payload).map_err(|_| StoreError::Sealed { sid: sid.to_owned() })?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// The value again, or an error when any of key, purpose, row and bytes is not what it was.
    pub(crate) fn open(
        &self,
        purpose: &str,
        sid: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let refused = || StoreError::Sealed { sid: sid.to_owned() };
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LENGTH>().ok_or_else(refused)?;
        let payload = Payload { msg: ciphertext, aad: &associated_data(purpose, sid) };
        let plain = self.0.decrypt(&(*nonce).into(), payload).map_err(|_| refused())?;
        Ok(Zeroizing::new(plain))
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

fn associated_data(purpose: &str, sid: &str) -> Vec<u8> {
    [purpose.as_bytes(), b"\0", sid.as_bytes()].concat()
}

/// Written aside and renamed, so that a crash leaves either no key file or a whole one.
fn create_key_file(path: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::File { path: path.to_owned(), source };
    let key: [u8; 32] = random::bytes()?;
    let key = Zeroizing::new(key);
    let aside = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&aside)
        .map_err(failed)?;
    file.write_all(random::hex(&*key).as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&aside, path).map_err(failed)?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)
}

fn decode_key(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut key = Zeroizing::new([0; 32]);
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| !pair.starts_with('+'))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(key)
}
