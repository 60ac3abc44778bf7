//! Digest authentication of our own requests (RFC 3261 22, RFC 8760).

use ringway_model::Random;
use smallvec::SmallVec;

use crate::digest;
use crate::endpoint::Credentials;
use crate::message::{Message, Name};

/// Header name and value, ready to print.
pub(crate) type CredentialHeaders = SmallVec<[(Name, String); 1]>;

/// The challenges that a dialog has met, and how often each nonce was used.
#[derive(Debug, Default)]
pub(crate) struct Authenticator {
    credentials: Option<Credentials>,
    sessions: Vec<Session>,
}

#[derive(Debug)]
struct Session {
    answer_in: Name,
    challenge: digest::Challenge,
    nonce_count: u32,
}

impl Authenticator {
    /// More realms than this on one way are not answered.
    const REALMS_MAX: usize = 4;

    pub(crate) fn new(credentials: Option<Credentials>) -> Self {
        Self { credentials, sessions: Vec::new() }
    }

    /// Takes the challenges of a 401 or 407. True when a request with the new answers may succeed: there are
    /// credentials, and `attempts` earlier answers of the same request do not speak against it.
    pub(crate) fn challenged(&mut self, response: &Message, attempts: u8) -> bool {
        if self.credentials.is_none() {
            return false;
        }
        let mut worthwhile = false;
        for (ask, answer_in) in [
            (Name::WwwAuthenticate, Name::Authorization),
            (Name::ProxyAuthenticate, Name::ProxyAuthorization),
        ] {
            let challenges: Vec<_> = response.headers(ask).filter_map(digest::Challenge::parse).collect();
            for challenge in strongest_by_realm(challenges) {
                worthwhile |= self.take(answer_in, challenge, attempts);
            }
        }
        worthwhile
    }

    fn take(&mut self, answer_in: Name, challenge: digest::Challenge, attempts: u8) -> bool {
        let has_room = self.sessions.len() < Self::REALMS_MAX;
        let known = self
            .sessions
            .iter_mut()
            .find(|session| session.answer_in == answer_in && session.challenge.realm == challenge.realm);
        match known {
            Some(session) => {
                let refused = session.challenge.nonce == challenge.nonce || attempts > 0;
                if refused && !challenge.stale {
                    return false;
                }
                session.challenge = challenge;
                session.nonce_count = 0;
                true
            }
            None if has_room => {
                self.sessions.push(Session { answer_in, challenge, nonce_count: 0 });
                true
            }
            None => false,
        }
    }

    /// The headers that answer every challenge met so far, each nonce counted.
    pub(crate) fn headers(&mut self, random: &mut Random, method: &str, uri: &str) -> CredentialHeaders {
        let Some(credentials) = &self.credentials else { return CredentialHeaders::new() };
        let sign = |session: &mut Session| {
            session.nonce_count += 1;
            let client_nonce = format!("{:016x}", random.u64());
            let value = digest::answer(
                &session.challenge,
                credentials,
                method,
                uri,
                session.nonce_count,
                &client_nonce,
            );
            (session.answer_in, value)
        };
        self.sessions.iter_mut().map(sign).collect()
    }
}

/// A server may offer one realm with several algorithms, the preferred first (RFC 8760 2.3); those that we do
/// not know did not parse.
fn strongest_by_realm(challenges: Vec<digest::Challenge>) -> Vec<digest::Challenge> {
    let mut kept: Vec<digest::Challenge> = Vec::with_capacity(challenges.len());
    for challenge in challenges {
        if !kept.iter().any(|other| other.realm == challenge.realm) {
            kept.push(challenge);
        }
    }
    kept
}
