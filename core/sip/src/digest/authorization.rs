//! What a client answers a challenge with, as the server reads it.

use std::borrow::Cow;
use std::fmt;

use super::{Algorithm, Qop, parameters};

/// Why a header is no answer to a digest challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidAuthorization {
    /// Another scheme than Digest (RFC 4475 3.3.7): treat it as if it were not there.
    Scheme,
    /// Not a list of parameters, or one of them twice.
    Syntax,
    /// A parameter that must be there is not.
    Missing(&'static str),
    /// An algorithm that is not known here.
    Algorithm,
    /// A `qop` other than `auth` and `auth-int`.
    Qop,
    /// A nonce count that is not eight hexadecimal digits.
    NonceCount,
}

impl fmt::Display for InvalidAuthorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme => f.write_str("not the Digest scheme"),
            Self::Syntax => f.write_str("malformed credentials"),
            Self::Missing(name) => write!(f, "credentials without {name}"),
            Self::Algorithm => f.write_str("unknown digest algorithm"),
            Self::Qop => f.write_str("unknown qop"),
            Self::NonceCount => f.write_str("malformed nonce count"),
        }
    }
}

impl std::error::Error for InvalidAuthorization {}

/// The parameters of an Authorization or Proxy-Authorization header, quotes resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization<'a> {
    /// The user of the credentials.
    pub username: Cow<'a, str>,
    /// The realm that the client answers for.
    pub realm: Cow<'a, str>,
    /// The nonce of the challenge.
    pub nonce: Cow<'a, str>,
    /// The URI that the client hashed.
    pub uri: Cow<'a, str>,
    /// The response itself, hexadecimal.
    pub response: Cow<'a, str>,
    /// The algorithm, MD5 when none is named.
    pub algorithm: Algorithm,
    /// The protection; `None` for clients of RFC 2069.
    pub qop: Option<Qop>,
    /// How often the client used the nonce, this time included; there when `qop` is.
    pub nc: Option<u32>,
    /// The client's own nonce; there when `qop` is.
    pub cnonce: Option<Cow<'a, str>>,
    /// What the challenge asked to be given back.
    pub opaque: Option<Cow<'a, str>>,
    nc_text: Cow<'a, str>,
}

impl<'a> Authorization<'a> {
    /// Parses the value of the header.
    ///
    /// # Errors
    /// [`InvalidAuthorization`] says what is wrong with it.
    pub fn parse(value: &'a str) -> Result<Self, InvalidAuthorization> {
        let rest = parameters::of_digest(value).ok_or(InvalidAuthorization::Scheme)?;
        let mut found = Found::default();
        parameters::each(rest, |name, value| found.take(name, value)).ok_or(InvalidAuthorization::Syntax)?;
        found.into_authorization()
    }

    /// The nonce count as it was hashed.
    pub(super) fn nc_text(&self) -> &str {
        &self.nc_text
    }
}

const NAMES: [&str; 10] =
    ["username", "realm", "nonce", "uri", "response", "algorithm", "qop", "nc", "cnonce", "opaque"];

#[derive(Default)]
struct Found<'a>([Option<Cow<'a, str>>; NAMES.len()]);

impl<'a> Found<'a> {
    /// Keeps a parameter; `None` when it is there already. Unknown ones are skipped.
    fn take(&mut self, name: &str, value: Cow<'a, str>) -> Option<()> {
        let Some(place) = NAMES.iter().position(|known| known.eq_ignore_ascii_case(name)) else {
            return Some(());
        };
        let place = self.0.get_mut(place)?;
        place.is_none().then(|| *place = Some(value))
    }

    fn into_authorization(self) -> Result<Authorization<'a>, InvalidAuthorization> {
        let [username, realm, nonce, uri, response, algorithm, qop, nc, cnonce, opaque] = self.0;
        let must = |value: Option<Cow<'a, str>>, name| value.ok_or(InvalidAuthorization::Missing(name));
        let algorithm = match algorithm {
            Some(name) => Algorithm::parse(&name).ok_or(InvalidAuthorization::Algorithm)?,
            None => Algorithm::MD5,
        };
        let qop = match qop.as_deref() {
            Some(name) if name.eq_ignore_ascii_case("auth") => Some(Qop::Auth),
            Some(name) if name.eq_ignore_ascii_case("auth-int") => Some(Qop::AuthInt),
            Some(_) => return Err(InvalidAuthorization::Qop),
            None => None,
        };
        if cnonce.is_none() && (qop.is_some() || algorithm.session) {
            return Err(InvalidAuthorization::Missing("cnonce"));
        }
        let nc_text = if qop.is_some() { must(nc, "nc")? } else { Cow::Borrowed("") };
        let nc = match qop {
            Some(_) => Some(nonce_count(&nc_text).ok_or(InvalidAuthorization::NonceCount)?),
            None => None,
        };
        Ok(Authorization {
            username: must(username, "username")?,
            realm: must(realm, "realm")?,
            nonce: must(nonce, "nonce")?,
            uri: must(uri, "uri")?,
            response: must(response, "response")?,
            algorithm,
            qop,
            nc,
            cnonce,
            opaque,
            nc_text,
        })
    }
}

fn nonce_count(text: &str) -> Option<u32> {
    let sound = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    sound.then(|| u32::from_str_radix(text, 16).ok()).flatten()
}
