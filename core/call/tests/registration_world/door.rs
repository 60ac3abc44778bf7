//! What lets phones in: the same admission and registrar as in the service, over a directory of one domain.

use std::net::IpAddr;
use std::sync::Arc;

use ringway_call::admit::{Admission, AdmissionConfig, Decision, refused_registration, registered_user};
use ringway_call::directory::{Directory, DomainGate, VoiceUrls};
use ringway_call::host::Suffixes;
use ringway_model::Now;
use ringway_model::sid::{AccountSid, CredentialListSid, DomainSid};
use ringway_sip::digest::DigestHashes;
use ringway_sip::endpoint::{FlowId, Policy, Source, TransactionKey, Verdict};
use ringway_sip::message::Message;
use ringway_sip::nonce::Nonces;
use ringway_sip::registrar::{Bindings, Registrar, RegistrarLimits, Registration};

const REALM: &str = "sip.twilio.com";
pub(super) const PASSWORD: &str = "Secret-password1";

pub(super) fn domain() -> DomainSid {
    DomainSid::from_random([1; 16])
}

/// The policy of one shard.
pub(super) struct Door {
    admission: Admission,
    directory: OneDomain,
    registrar: Registrar,
    /// Why somebody was refused: nobody should be.
    pub(super) refused: Vec<String>,
}

impl Door {
    pub(super) fn new(shard: u8, bindings: Arc<Bindings>) -> Self {
        let config = AdmissionConfig {
            realm: REALM.to_owned(),
            algorithms: Default::default(),
            suffixes: Suffixes::new([REALM]),
            default_domain: None,
        };
        Self {
            admission: Admission::new(config, Nonces::new([shard; 32], shard), [shard; 16]),
            directory: OneDomain::new(),
            registrar: Registrar::new(RegistrarLimits::default(), bindings, [shard; 32]),
            refused: Vec::new(),
        }
    }
}

impl Policy for Door {
    type Ticket = ();

    fn admit(&mut self, _: Now, request: &Message, _: &Source) -> Verdict<()> {
        panic!("only REGISTER is sent here: {request:?}")
    }

    fn register(
        &mut self,
        now: Now,
        transaction: TransactionKey,
        request: &Message,
        source: &Source,
    ) -> Verdict<()> {
        if let Some(reply) = self.registrar.repeated(now, transaction, request, source) {
            return Verdict::Reply(reply);
        }
        let gate = match self.admission.admit(now, &self.directory, request, source) {
            Decision::Register(gate) => gate,
            Decision::Challenge(reply) => return Verdict::Reply(reply),
            other => panic!("{other:?}"),
        };
        let user = registered_user(request).expect("a user");
        let registration = Registration { transaction, domain: &gate.sid, user: &user, request, source };
        Verdict::Reply(self.registrar.register(now, &registration).unwrap_or_else(|refused| {
            self.refused.push(format!("{refused:?}"));
            refused_registration(refused, request, source, &gate).0
        }))
    }

    fn flow_closed(&mut self, flow: FlowId) {
        self.registrar.flow_closed(flow);
    }
}

struct OneDomain {
    gate: Arc<DomainGate>,
}

impl OneDomain {
    fn new() -> Self {
        let gate = DomainGate {
            sid: domain(),
            account_sid: AccountSid::from_random([2; 16]),
            account_active: true,
            name: "phones.sip.twilio.com".to_owned(),
            secure: false,
            sip_registration: true,
            emergency_calling: false,
            byoc_trunk: None,
            acl: None,
            call_lists: Vec::new(),
            registration_lists: vec![CredentialListSid::from_random([3; 16])],
            voice: VoiceUrls::default(),
        };
        Self { gate: Arc::new(gate) }
    }
}

impl Directory for OneDomain {
    fn domain(&self, host: &str) -> Option<Arc<DomainGate>> {
        (host == self.gate.name).then(|| Arc::clone(&self.gate))
    }

    fn domain_of_source(&self, _: IpAddr) -> Option<Arc<DomainGate>> {
        None
    }

    fn credentials(&self, _: &AccountSid, user: &str) -> Option<Arc<[(CredentialListSid, DigestHashes)]>> {
        let hashes = DigestHashes::compute(user, REALM, PASSWORD);
        Some(Arc::new([(CredentialListSid::from_random([3; 16]), hashes)]))
    }
}
