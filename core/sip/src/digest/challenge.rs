//! Challenges: what a server sends, and what a client makes of it.

use std::borrow::Cow;
use std::fmt;

use super::{Algorithm, parameters};

/// The challenge of our server. `Display` writes the value of Proxy-Authenticate or WWW-Authenticate:
/// `Digest realm="…",qop="auth",nonce="…",opaque="…"`, and the algorithm when it is named (contract,
/// runtime.md 4.2).
#[derive(Debug, Clone, Copy)]
pub struct ServerChallenge<'a> {
    /// Whose password is asked for.
    pub realm: &'a str,
    /// The nonce to hash.
    pub nonce: &'a str,
    /// To be given back as it is.
    pub opaque: &'a str,
    /// The algorithm to answer with; MD5 when none is named.
    pub algorithm: Option<Algorithm>,
    /// The response was right, only its nonce is too old: try again without asking a person.
    pub stale: bool,
}

impl fmt::Display for ServerChallenge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { realm, nonce, opaque, algorithm, stale } = *self;
        let (realm, nonce, opaque) = (Quoted(realm), Quoted(nonce), Quoted(opaque));
        write!(f, "Digest realm={realm},qop=\"auth\",nonce={nonce},opaque={opaque}")?;
        if let Some(algorithm) = algorithm {
            write!(f, ",algorithm={}", algorithm.as_str())?;
        }
        if stale { f.write_str(",stale=true") } else { Ok(()) }
    }
}

/// A challenge that a client received and can answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Whose password is asked for.
    pub realm: String,
    /// The nonce to hash.
    pub nonce: String,
    /// To be given back as it is.
    pub opaque: Option<String>,
    /// Only the nonce of the last answer was too old.
    pub stale: bool,
    /// The algorithm, when one is named.
    pub algorithm: Option<Algorithm>,
    /// Whether `qop` offers `auth`; servers of RFC 2069 have no `qop`.
    pub qop_auth: bool,
}

impl Challenge {
    /// Parses the value of one WWW-Authenticate or Proxy-Authenticate header. `None` for another scheme, for
    /// an algorithm that is not known here, for a server that insists on `auth-int`, and for nonsense
    /// (a session algorithm without `qop`).
    pub fn parse(value: &str) -> Option<Self> {
        let (mut realm, mut nonce, mut opaque) = (None, None, None);
        let (mut algorithm, mut qop, mut stale) = (None, None, false);
        parameters::each(parameters::of_digest(value)?, |name, value| {
            let value: Cow<'_, str> = value;
            match name.to_ascii_lowercase().as_str() {
                "realm" => realm = Some(value.into_owned()),
                "nonce" => nonce = Some(value.into_owned()),
                "opaque" => opaque = Some(value.into_owned()),
                "algorithm" => algorithm = Some(Algorithm::parse(&value)?),
                "qop" => qop = Some(value.into_owned()),
                "stale" => stale = value.eq_ignore_ascii_case("true"),
                _ => {}
            }
            Some(())
        })?;
        let offers_auth =
            |offers: &str| offers.split(',').any(|offer| offer.trim().eq_ignore_ascii_case("auth"));
        let qop_auth = qop.as_deref().is_some_and(offers_auth);
        let wants_more = qop.is_some() || algorithm.is_some_and(|algorithm| algorithm.session);
        if wants_more && !qop_auth {
            return None;
        }
        Some(Self { realm: realm?, nonce: nonce?, opaque, stale, algorithm, qop_auth })
    }
}

/// The answer's header value; `qop` is its name, the nonce count and the client's nonce.
pub(super) fn print_answer(
    challenge: &Challenge,
    username: &str,
    uri: &str,
    response: &str,
    qop: Option<(&str, &str, &str)>,
) -> String {
    let (realm, nonce) = (Quoted(&challenge.realm), Quoted(&challenge.nonce));
    let (username, uri) = (Quoted(username), Quoted(uri));
    let mut text =
        format!("Digest username={username},realm={realm},nonce={nonce},uri={uri},response=\"{response}\"");
    if let Some(algorithm) = challenge.algorithm {
        text.push_str(",algorithm=");
        text.push_str(algorithm.as_str());
    }
    if let Some((name, count, client_nonce)) = qop {
        text.push_str(&format!(",qop={name},nc={count},cnonce={}", Quoted(client_nonce)));
    }
    if let Some(opaque) = &challenge.opaque {
        text.push_str(&format!(",opaque={}", Quoted(opaque)));
    }
    text
}

/// A quoted string (RFC 3261 25.1): quotes and backslashes escaped, control characters left out.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        f.write_char('"')?;
        let plain = |letter: char| !letter.is_control() && letter != '"' && letter != '\\';
        if self.0.chars().all(plain) {
            f.write_str(self.0)?;
        } else {
            for letter in self.0.chars().filter(|letter| !letter.is_control()) {
                if !plain(letter) {
                    f.write_char('\\')?;
                }
                f.write_char(letter)?;
            }
        }
        f.write_char('"')
    }
}
