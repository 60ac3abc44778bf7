//! What admission and a call read of the configuration. A gate is replaced whole, so that a call never sees
//! half of a change.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use ringway_model::sid::{AccountSid, ByocTrunkSid, CredentialListSid, DomainSid};
use ringway_sip::digest::DigestHashes;
use ringway_twiml::HttpMethod;

/// A SIP domain as the SIP side sees it.
#[derive(Debug, Clone)]
pub struct DomainGate {
    /// The domain.
    pub sid: DomainSid,
    /// Its owner.
    pub account_sid: AccountSid,
    /// False for a suspended or closed account: everything is refused.
    pub account_active: bool,
    /// The canonical name, lower case, without an edge label: `name.sip.twilio.com`. `SipDomain` in webhooks.
    pub name: String,
    /// TLS and SRTP demanded; until both are built, every INVITE and REGISTER is refused.
    pub secure: bool,
    /// Phones may register.
    pub sip_registration: bool,
    /// Emergency numbers are emergency numbers here, and never reach the webhook.
    pub emergency_calling: bool,
    /// Set when the domain belongs to a trunk: then the trunk's URLs are used, never the domain's
    /// (contract, runtime.md 5).
    pub byoc_trunk: Option<ByocTrunk>,
    /// The addresses of all mapped IP access control lists together; `None` when none is mapped. Mapped but
    /// empty admits nobody.
    pub acl: Option<Vec<IpNet>>,
    /// The credential lists mapped for calls.
    pub call_lists: Vec<CredentialListSid>,
    /// The credential lists mapped for registrations.
    pub registration_lists: Vec<CredentialListSid>,
    /// The domain's own URLs.
    pub voice: VoiceUrls,
}

impl DomainGate {
    /// The URLs that calls of this domain use: the trunk's when it has one.
    pub fn urls(&self) -> &VoiceUrls {
        self.byoc_trunk.as_ref().map_or(&self.voice, |trunk| &trunk.voice)
    }
}

/// The trunk that a domain belongs to.
#[derive(Debug, Clone)]
pub struct ByocTrunk {
    /// The trunk.
    pub sid: ByocTrunkSid,
    /// Its URLs.
    pub voice: VoiceUrls,
}

/// Where the application is. A URL that is not set is `None`, never empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VoiceUrls {
    /// `VoiceUrl`: asked first.
    pub url: Option<String>,
    /// `VoiceMethod`.
    pub method: HttpMethod,
    /// `VoiceFallbackUrl`: asked when fetching or executing failed.
    pub fallback_url: Option<String>,
    /// `VoiceFallbackMethod`.
    pub fallback_method: HttpMethod,
    /// `VoiceStatusCallbackUrl`: told once that a call is over.
    pub status_callback_url: Option<String>,
    /// `VoiceStatusCallbackMethod`.
    pub status_callback_method: HttpMethod,
}

/// Look-ups on the SIP path: no locks held, no waiting, no allocation.
pub trait Directory {
    /// The domain of this name. `host` is lower case and has no edge label (admission saw to both), and no
    /// trailing dot.
    fn domain(&self, host: &str) -> Option<Arc<DomainGate>>;

    /// The domain that requests from this address are for when they name an address instead of a domain.
    fn domain_of_source(&self, source: IpAddr) -> Option<Arc<DomainGate>>;

    /// The hashes of this user name in every credential list of the account that has it; user names are
    /// case-sensitive.
    fn credentials(
        &self,
        account: &AccountSid,
        user: &str,
    ) -> Option<Arc<[(CredentialListSid, DigestHashes)]>>;
}
