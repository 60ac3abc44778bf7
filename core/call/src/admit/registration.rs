//! Who may register: the user that the phone proves to be, in a domain that has registration, and nobody for
//! somebody else (contract, runtime.md 4.2, 4.3). Addresses play no part.

use std::borrow::Cow;

use ringway_model::Now;
use ringway_model::uri::UriRef;
use ringway_sip::endpoint::{Reply, Source};
use ringway_sip::message::Message;
use ringway_sip::registrar::Refused;

use super::digest::{Purpose, Verified};
use super::{Admission, Refusal, Suspicion, Wrong, refusal};
use crate::directory::{Directory, DomainGate};

/// How long who came too often is asked to wait, in seconds.
const TOO_OFTEN_WAIT_S: u32 = 1;
/// How long is asked to wait who found no room, in seconds.
const FULL_WAIT_S: u32 = 60;

impl Admission {
    /// Everything that a domain demands of a REGISTER.
    pub(super) fn enter_registration<'r>(
        &mut self,
        now: Now,
        directory: &dyn Directory,
        request: &'r Message,
        source: &Source,
        gate: &DomainGate,
    ) -> Result<Verified<'r>, Wrong> {
        if !gate.sip_registration {
            let reason = "REGISTER not supported: registration is not enabled on this domain";
            return Err(Wrong::new(403, 32210, reason).warning("REGISTER not supported"));
        }
        if gate.registration_lists.is_empty() {
            let reason =
                "No credential list is mapped to this domain for registrations, and so nobody may register";
            return Err(Wrong::new(403, 32212, reason));
        }
        self.is_of_domain(directory, request, gate)?;
        let lists = (&gate.account_sid, gate.registration_lists.as_slice(), Purpose::Registrations);
        let verified = self.verify(now, directory, request, source, lists)?;
        match &verified {
            Verified::Known(Some(username)) if registered_user(request).as_ref() != Some(username) => {
                let reason = "The user of the credentials is not the user of the To header: each may register for itself";
                Err(Wrong::new(403, 32106, reason)
                    .warning("Authorization user is not the SIP user")
                    .suspicious(Suspicion::Stranger))
            }
            _ => Ok(verified),
        }
    }

    /// The To header must name somebody of the domain of the Request-URI (RFC 3261 10.3, step 5). An address
    /// stands for whatever domain the Request-URI means.
    fn is_of_domain(
        &self,
        directory: &dyn Directory,
        request: &Message,
        gate: &DomainGate,
    ) -> Result<(), Wrong> {
        let to = request.to().uri_ref().ok();
        let is_ours = to.is_some_and(|to| {
            let asked = UriRef::parse(request.uri()).ok();
            to.user.is_some()
                && (asked.is_some_and(|asked| asked.host.eq_ignore_ascii_case(to.host))
                    || to.host_ip().is_some()
                    || self
                        .config
                        .suffixes
                        .find(to.host, directory)
                        .is_some_and(|other| other.sid == gate.sid))
        });
        is_ours.then_some(()).ok_or_else(|| {
            Wrong::new(404, 32106, "The To header names nobody of the domain in the Request-URI")
        })
    }
}

/// The user that a REGISTER is for, escapes resolved.
pub fn registered_user(request: &Message) -> Option<Cow<'_, str>> {
    request.to().uri_ref().ok()?.user_decoded()
}

/// What the phone and what the developer is told of a REGISTER that the registrar refused.
pub fn refused_registration(
    refused: Refused,
    request: &Message,
    source: &Source,
    gate: &DomainGate,
) -> (Reply, Refusal) {
    let (mut reply, refusal) = refusal(told(refused), request, source, Some(gate));
    match refused {
        Refused::TooBrief { expires_min_s } => reply.add_header("Min-Expires", expires_min_s.to_string()),
        Refused::TooOften { .. } => reply.add_header("Retry-After", TOO_OFTEN_WAIT_S.to_string()),
        Refused::Full => reply.add_header("Retry-After", FULL_WAIT_S.to_string()),
        Refused::Path => reply.add_header("Unsupported", "path"),
        Refused::Wildcard
        | Refused::Contact
        | Refused::TooLong
        | Refused::OutOfOrder
        | Refused::TooMany { .. } => {}
    }
    (reply, refusal)
}

fn told(refused: Refused) -> Wrong {
    match refused {
        Refused::Wildcard => Wrong::new(
            400,
            32105,
            "Contact: * removes all bindings and goes with Expires: 0 and nothing else",
        ),
        Refused::Contact => Wrong::new(400, 32105, "The Contact is not a SIP URI"),
        Refused::TooLong => Wrong::new(400, 32105, "Contact, Call-ID and Path are longer than is kept"),
        Refused::Path => Wrong::new(
            420,
            32212,
            "A proxy added itself to the path of a phone that does not say that it supports path",
        ),
        Refused::TooBrief { expires_min_s } => {
            Wrong::new(423, 32212, format!("The phone asked for less than {expires_min_s} seconds"))
        }
        Refused::OutOfOrder => {
            Wrong::new(500, 32212, "The REGISTER was overtaken: a later one of the same Call-ID is known")
        }
        Refused::TooMany { bindings_per_aor } => {
            let reason =
                format!("Too many registrations: there are {bindings_per_aor} for this user already");
            Wrong::new(403, 32007, reason).warning("Too many registrations")
        }
        Refused::TooOften { requests_per_aor_s } => Wrong::new(
            503,
            32008,
            format!("Too many REGISTER requests: more than {requests_per_aor_s} a second for this user"),
        ),
        Refused::Full => {
            Wrong::new(503, 32212, "There is no room for more registrations on this server").urgent()
        }
    }
}
