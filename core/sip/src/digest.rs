//! Digest authentication (RFC 7616, RFC 8760, RFC 3261 22): what a server keeps and checks, and what a client
//! answers. Unless the operator wants others, the server's challenge has no algorithm parameter, and phones answer
//! with MD5 (contract, runtime.md 4.2).
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod authorization;
mod challenge;
mod parameters;
#[cfg(test)]
mod tests;

use std::fmt;

use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};
use smallvec::SmallVec;
use subtle::ConstantTimeEq;

pub use self::authorization::{Authorization, InvalidAuthorization};
pub use self::challenge::{Challenge, ServerChallenge};
pub use crate::endpoint::Credentials;

/// The hash of an algorithm, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hash {
    /// MD5, 128 bits.
    Md5,
    /// SHA-256.
    Sha256,
    /// SHA-512/256.
    Sha512_256,
}

/// What a server asks for: one challenge an algorithm, the strongest first, for a client answers the first that
/// it knows (RFC 8760 2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered(SmallVec<[Hash; 3]>);

impl Offered {
    /// These, in whatever order and however often they are named; MD5 when none is.
    pub fn new(hashes: &[Hash]) -> Self {
        let mut offered: SmallVec<[Hash; 3]> = SmallVec::from_slice(hashes);
        offered.sort_unstable_by(|one, other| other.cmp(one));
        offered.dedup();
        if offered.is_empty() { Self::default() } else { Self(offered) }
    }

    /// Whether an answer by this algorithm was asked for. Another one is not taken: whoever sits between could
    /// have made the client choose the weakest.
    pub fn has(&self, algorithm: Algorithm) -> bool {
        !algorithm.session && self.0.contains(&algorithm.hash)
    }

    /// The `algorithm` of each challenge. MD5 alone goes unnamed: that is what phones of any age expect
    /// (contract, runtime.md 4.2).
    pub fn challenges(&self) -> impl Iterator<Item = Option<Algorithm>> {
        let unnamed = *self == Self::default();
        let named = move |hash: &Hash| (!unnamed).then_some(Algorithm { hash: *hash, session: false });
        self.0.iter().map(named)
    }
}

impl Default for Offered {
    fn default() -> Self {
        Self(SmallVec::from_slice(&[Hash::Md5]))
    }
}

/// An `algorithm` parameter; without one it is MD5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Algorithm {
    /// The hash.
    pub hash: Hash,
    /// Whether `-sess` stands behind it: the nonces go into the first hash.
    pub session: bool,
}

impl Algorithm {
    /// What is meant when nothing is said.
    pub const MD5: Self = Self { hash: Hash::Md5, session: false };

    /// Parses `MD5`, `SHA-256`, `SHA-512-256`, each also with `-sess`, without regard to case.
    pub fn parse(text: &str) -> Option<Self> {
        let hashes = [("MD5", Hash::Md5), ("SHA-256", Hash::Sha256), ("SHA-512-256", Hash::Sha512_256)];
        hashes.into_iter().find_map(|(name, hash)| {
            let rest = text.get(..name.len()).filter(|start| start.eq_ignore_ascii_case(name));
            match rest.and(text.get(name.len()..))? {
                "" => Some(Self { hash, session: false }),
                suffix if suffix.eq_ignore_ascii_case("-sess") => Some(Self { hash, session: true }),
                _ => None,
            }
        })
    }

    /// The name on the wire.
    pub fn as_str(&self) -> &'static str {
        match (self.hash, self.session) {
            (Hash::Md5, false) => "MD5",
            (Hash::Md5, true) => "MD5-sess",
            (Hash::Sha256, false) => "SHA-256",
            (Hash::Sha256, true) => "SHA-256-sess",
            (Hash::Sha512_256, false) => "SHA-512-256",
            (Hash::Sha512_256, true) => "SHA-512-256-sess",
        }
    }
}

/// `H(user:realm:password)` by each hash: all that is kept of a password. They are as good as the password
/// within their realm, so they have no way to be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct DigestHashes {
    /// By MD5.
    pub md5: [u8; 16],
    /// By SHA-256.
    pub sha256: [u8; 32],
    /// By SHA-512/256.
    pub sha512_256: [u8; 32],
}

impl DigestHashes {
    /// The hashes of a password.
    pub fn compute(user: &str, realm: &str, password: &str) -> Self {
        let parts: [&[u8]; 5] = [user.as_bytes(), b":", realm.as_bytes(), b":", password.as_bytes()];
        Self {
            md5: digest_of::<Md5>(&parts).into(),
            sha256: digest_of::<Sha256>(&parts).into(),
            sha512_256: digest_of::<Sha512_256>(&parts).into(),
        }
    }

    fn hex(&self, hash: Hash) -> Hex {
        match hash {
            Hash::Md5 => Hex::of(&self.md5),
            Hash::Sha256 => Hex::of(&self.sha256),
            Hash::Sha512_256 => Hex::of(&self.sha512_256),
        }
    }
}

impl fmt::Debug for DigestHashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[digest hashes]")
    }
}

/// How a response protects more than the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qop {
    /// `auth`: the nonce counts its uses.
    Auth,
    /// `auth-int`: the body is covered too.
    AuthInt,
}

impl Qop {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::AuthInt => "auth-int",
        }
    }
}

/// Whether the response was made with the password behind `hashes`, for this method and body. Takes the same
/// time wherever a wrong response differs. A response without `qop` is refused: nothing in it counts, so
/// whoever hears it may repeat it; see [`verify_without_qop`].
///
/// The caller checks the rest: nonce and its count, realm, that `uri` is what was asked for.
pub fn verify(authorization: &Authorization<'_>, hashes: &DigestHashes, method: &str, body: &[u8]) -> bool {
    authorization.qop.is_some() && response_matches(authorization, hashes, method, body)
}

/// As [`verify`], and RFC 2069 responses, which have no `qop`, pass too: for phones that know nothing better,
/// where the operator allows it.
pub fn verify_without_qop(
    authorization: &Authorization<'_>,
    hashes: &DigestHashes,
    method: &str,
    body: &[u8],
) -> bool {
    response_matches(authorization, hashes, method, body)
}

/// The value of the Authorization or Proxy-Authorization header that answers a challenge. `nonce_count` is 1
/// for the first use of its nonce; `client_nonce` is fresh chance, of letters that need no escape.
pub fn answer(
    challenge: &Challenge,
    credentials: &Credentials,
    method: &str,
    uri: &str,
    nonce_count: u32,
    client_nonce: &str,
) -> String {
    let algorithm = challenge.algorithm.unwrap_or(Algorithm::MD5);
    let hashes =
        DigestHashes::compute(&credentials.username, &challenge.realm, credentials.password.expose());
    let count = format!("{nonce_count:08x}");
    let secret = session_secret(algorithm, &hashes, &challenge.nonce, client_nonce);
    let request = hash_hex(algorithm.hash, &[method.as_bytes(), b":", uri.as_bytes()]);
    let qop = challenge.qop_auth.then_some(("auth", count.as_str(), client_nonce));
    let response = response_hex(algorithm.hash, &secret, &challenge.nonce, qop, &request);
    challenge::print_answer(challenge, &credentials.username, uri, response.as_str(), qop)
}

fn response_matches(
    authorization: &Authorization<'_>,
    hashes: &DigestHashes,
    method: &str,
    body: &[u8],
) -> bool {
    let hash = authorization.algorithm.hash;
    let cnonce = authorization.cnonce.as_deref().unwrap_or_default();
    let secret = session_secret(authorization.algorithm, hashes, &authorization.nonce, cnonce);
    let uri = authorization.uri.as_bytes();
    let request = match authorization.qop {
        Some(Qop::AuthInt) => {
            let body = hash_hex(hash, &[body]);
            hash_hex(hash, &[method.as_bytes(), b":", uri, b":", body.as_bytes()])
        }
        Some(Qop::Auth) | None => hash_hex(hash, &[method.as_bytes(), b":", uri]),
    };
    let qop = authorization.qop.map(|qop| (qop.as_str(), authorization.nc_text(), cnonce));
    let expected = response_hex(hash, &secret, &authorization.nonce, qop, &request);
    let given = authorization.response.to_ascii_lowercase();
    bool::from(given.as_bytes().ct_eq(expected.as_bytes()))
}

/// `H(A1)`, of RFC 7616 3.4.2.
fn session_secret(algorithm: Algorithm, hashes: &DigestHashes, nonce: &str, cnonce: &str) -> Hex {
    let secret = hashes.hex(algorithm.hash);
    if !algorithm.session {
        return secret;
    }
    hash_hex(algorithm.hash, &[secret.as_bytes(), b":", nonce.as_bytes(), b":", cnonce.as_bytes()])
}

/// The response of RFC 7616 3.4.1; `qop` is its name, the nonce count and the client's nonce.
fn response_hex(
    hash: Hash,
    secret: &Hex,
    nonce: &str,
    qop: Option<(&str, &str, &str)>,
    request: &Hex,
) -> Hex {
    let (secret, nonce, request) = (secret.as_bytes(), nonce.as_bytes(), request.as_bytes());
    match qop {
        Some((qop, count, cnonce)) => {
            let (qop, count, cnonce) = (qop.as_bytes(), count.as_bytes(), cnonce.as_bytes());
            let parts = [secret, b":", nonce, b":", count, b":", cnonce, b":", qop, b":", request];
            hash_hex(hash, &parts)
        }
        None => hash_hex(hash, &[secret, b":", nonce, b":", request]),
    }
}

fn hash_hex(hash: Hash, parts: &[&[u8]]) -> Hex {
    match hash {
        Hash::Md5 => Hex::of(&digest_of::<Md5>(parts)),
        Hash::Sha256 => Hex::of(&digest_of::<Sha256>(parts)),
        Hash::Sha512_256 => Hex::of(&digest_of::<Sha512_256>(parts)),
    }
}

fn digest_of<D: Digest>(parts: &[&[u8]]) -> sha2::digest::Output<D> {
    let mut digest = D::new();
    for part in parts {
        digest.update(part);
    }
    digest.finalize()
}

/// Up to 32 bytes in lower-case hexadecimal digits, without an allocation.
struct Hex {
    digits: [u8; 64],
    length: usize,
}

impl Hex {
    fn of(bytes: &[u8]) -> Self {
        const DIGITS: [u8; 16] = *b"0123456789abcdef";
        let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or(b'0');
        let mut digits = [0; 64];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        Self { digits, length: (bytes.len() * 2).min(64) }
    }

    fn as_bytes(&self) -> &[u8] {
        self.digits.get(..self.length).unwrap_or_default()
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}
