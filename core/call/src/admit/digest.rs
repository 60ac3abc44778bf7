//! Passwords (RFC 3261 22.3; contract, runtime.md 4.2).

use std::borrow::Cow;

use ringway_model::Now;
use ringway_model::sid::{AccountSid, CredentialListSid};
use ringway_sip::digest::{self, Authorization, DigestHashes, InvalidAuthorization, Qop, ServerChallenge};
use ringway_sip::endpoint::{Reply, Source};
use ringway_sip::message::{Message, Name};
use ringway_sip::nonce::NonceState;

use super::{Admission, Suspicion, Wrong};
use crate::directory::Directory;

/// What stands in for the hashes of a user that does not exist, so that the answer takes as long.
const NOBODY: DigestHashes = DigestHashes { md5: [0; 16], sha256: [0; 32], sha512_256: [0; 32] };

/// What a password is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Calls,
    Registrations,
}

impl Purpose {
    /// The number of what went wrong (contract, runtime.md 4.2).
    fn code(self) -> u32 {
        match self {
            Purpose::Calls => 32202,
            Purpose::Registrations => 32212,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Purpose::Calls => "calls",
            Purpose::Registrations => "registrations",
        }
    }
}

/// What came of looking at the credentials.
#[derive(Debug)]
pub(super) enum Verified<'r> {
    /// The user, when one was asked for.
    Known(Option<Cow<'r, str>>),
    /// There is nothing to look at yet.
    Challenge(Reply),
}

impl Admission {
    /// Looks at the credentials of a request. An answer in a way that was not asked for, such as a weaker algorithm,
    /// is as good as none. Whether the user or the password is wrong cannot be told from
    /// outside; a right answer to an old nonce is challenged again with `stale=true`, and so is one that was
    /// heard before.
    ///
    /// The `uri` that was signed need not be the Request-URI: many phones and testers sign the address of their
    /// proxy instead. What that leaves open is closed by the nonce, which is good for one address and, with its
    /// count, for one request.
    pub(super) fn verify<'r>(
        &mut self,
        now: Now,
        directory: &dyn Directory,
        request: &'r Message,
        source: &Source,
        (account, lists, purpose): (&AccountSid, &[CredentialListSid], Purpose),
    ) -> Result<Verified<'r>, Wrong> {
        let asked_for = |authorization: &Authorization<'_>| {
            authorization.qop != Some(Qop::AuthInt) && self.config.algorithms.has(authorization.algorithm)
        };
        let Some(authorization) = self.ours(request, purpose)?.filter(asked_for) else {
            return Ok(Verified::Challenge(self.challenge(now, source, false)));
        };
        let known = directory.credentials(account, &authorization.username);
        let nonce = self.nonces.check(now.monotonic, source.remote.ip(), &authorization.nonce);
        let right = is_right(&authorization, known.as_deref().unwrap_or_default(), lists, request);
        if !right {
            let reason = format!(
                "Bad user credentials: the user is in no credential list that is mapped for {}, or its password is wrong",
                purpose.name()
            );
            let suspicion = match nonce {
                NonceState::Fresh | NonceState::Stale => Suspicion::WrongAnswer,
                NonceState::Forged => Suspicion::Stranger,
            };
            return Err(Wrong::new(403, purpose.code(), reason).suspicious(suspicion));
        }
        let fresh = nonce == NonceState::Fresh
            && self.nonces.accept_nc(&authorization.nonce, authorization.nc.unwrap_or(0));
        if !fresh {
            return Ok(Verified::Challenge(self.challenge(now, source, true)));
        }
        Ok(Verified::Known(Some(authorization.username)))
    }

    /// The credentials for our realm. Those for others are for proxies on the way.
    fn ours<'a>(&self, request: &'a Message, purpose: Purpose) -> Result<Option<Authorization<'a>>, Wrong> {
        for value in request.headers(Name::ProxyAuthorization) {
            match Authorization::parse(value) {
                Ok(authorization) if authorization.realm == self.config.realm => {
                    return Ok(Some(authorization));
                }
                Ok(_) | Err(InvalidAuthorization::Scheme) => (),
                Err(why) => {
                    let reason =
                        format!("Bad user credentials: the Proxy-Authorization header cannot be read: {why}");
                    return Err(Wrong::new(403, purpose.code(), reason));
                }
            }
        }
        Ok(None)
    }

    fn challenge(&mut self, now: Now, source: &Source, stale: bool) -> Reply {
        let nonce = self.nonces.mint(now.monotonic, source.remote.ip());
        let (realm, opaque) = (&self.config.realm, &self.opaque);
        self.config.algorithms.challenges().fold(Reply::new(407), |reply, algorithm| {
            let challenge = ServerChallenge { realm, nonce: nonce.as_str(), opaque, algorithm, stale };
            reply.with_header("Proxy-Authenticate", challenge.to_string())
        })
    }
}

fn is_right(
    authorization: &Authorization<'_>,
    known: &[(CredentialListSid, DigestHashes)],
    lists: &[CredentialListSid],
    request: &Message,
) -> bool {
    let verify = |hashes| digest::verify(authorization, hashes, request.method().as_str(), request.body());
    let mut mapped = known.iter().filter(|(list, _)| lists.contains(list)).peekable();
    if mapped.peek().is_none() {
        let _ = std::hint::black_box(verify(&NOBODY));
        return false;
    }
    mapped.any(|(_, hashes)| verify(hashes))
}
