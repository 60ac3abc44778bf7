//! What every call's task reaches: the services below, and the few things that all calls share.

use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use ringway_call::HttpMethod;
use ringway_call::host::Suffixes;
use ringway_call::leg::CallLimits;
use ringway_call::pace::Pace;
use ringway_model::random::Random;
use ringway_model::sid::AccountSid;
use ringway_model::{Now, Secret};
use ringway_rtp_net::MediaNet;
use ringway_sip::endpoint::{Command, Source};
use ringway_sip::registrar::{Bindings, RegistrarLimits};
use ringway_sip_net::{AdvertiseRule, DriverHandle, Resolver};
use ringway_speech::Synthesizer;
use ringway_store::Store;
use ringway_webhook::{Client, Guard, Method};
use tokio::sync::{Notify, Semaphore};

use crate::bans::Bans;
use crate::callbacks::{Due, PROMPT_MAX};
use crate::calls::Calls;
use crate::lines::Lines;
use crate::prompts::Prompts;
use crate::refusals::Refusals;

/// The services that the engine drives, made by whoever starts it.
pub struct Services {
    /// The rows.
    pub store: Store,
    /// Asks applications.
    pub webhook: Client,
    /// Speaks; `None` when no synthesiser is installed.
    pub speech: Option<Arc<dyn Synthesizer>>,
    /// Sound in and out.
    pub media: MediaNet,
    /// Which of our addresses peers are told.
    pub advertise: AdvertiseRule,
    /// Where the URIs of calls out lead.
    pub resolver: Resolver,
}

/// What the operator decides about calls.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// The name of this node in the rows it owns.
    pub node: String,
    /// Limits of one call.
    pub call_limits: CallLimits,
    /// Most calls at once.
    pub calls_max: usize,
    /// Media is taken from anyone who sends first, not only from the signalled addresses.
    pub latch_any: bool,
    /// A call that should receive RTP and gets none for so long is ended.
    pub rtp_timeout: Duration,
    /// An INVITE without a session description is answered with our offer instead of 488.
    pub accept_late_offer: bool,
    /// Limits of registrations.
    pub registrar: RegistrarLimits,
    /// The suffixes under which domains are made.
    pub suffixes: Suffixes,
    /// The host of our From in calls out.
    pub from_domain: String,
    /// Where calls out may go that an application chose.
    pub guard: Guard,
    /// Calls of the REST API that each account may begin in a second.
    pub calls_per_second: u32,
    /// Calls of the REST API that may wait for their turn, of each account.
    pub queued_calls_max: u32,
}

pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) webhook: Client,
    pub(crate) media: MediaNet,
    pub(crate) advertise: AdvertiseRule,
    pub(crate) prompts: Prompts,
    /// Set as soon as the driver runs.
    pub(crate) sip: OnceLock<DriverHandle>,
    pub(crate) config: EngineConfig,
    pub(crate) calls: Calls,
    /// Who listens to which dialog.
    pub(crate) lines: Lines,
    /// Where the URIs of calls out lead.
    pub(crate) resolver: Resolver,
    pace: Mutex<Pace>,
    pub(crate) refusals: Refusals,
    /// Where the phones are.
    pub(crate) registrations: Arc<Bindings>,
    pub(crate) bans: Bans,
    pub(crate) callbacks_due: Due,
    pub(crate) callbacks_under_way: AtomicUsize,
    /// Room for callbacks that are delivered as soon as their call has ended.
    pub(crate) prompt_callbacks: Arc<Semaphore>,
    pub(crate) draining: AtomicBool,
    pub(crate) call_ended: Notify,
}

impl Shared {
    pub(crate) fn new(config: EngineConfig, services: Services) -> Self {
        Self {
            prompts: Prompts::new(services.speech, services.webhook.clone()),
            store: services.store,
            webhook: services.webhook,
            media: services.media,
            advertise: services.advertise,
            resolver: services.resolver,
            sip: OnceLock::new(),
            pace: Mutex::new(Pace::new(config.calls_per_second, config.queued_calls_max)),
            config,
            calls: Calls::default(),
            lines: Lines::default(),
            refusals: Refusals::default(),
            registrations: Arc::new(Bindings::new(seed())),
            bans: Bans::default(),
            callbacks_due: Due::default(),
            callbacks_under_way: AtomicUsize::new(0),
            prompt_callbacks: Arc::new(Semaphore::new(PROMPT_MAX)),
            draining: AtomicBool::new(false),
            call_ended: Notify::new(),
        }
    }

    pub(crate) fn now(&self) -> Now {
        ringway_sip_net::clock::now()
    }

    /// A generator of this moment's own; entropy comes from the operating system.
    pub(crate) fn random(&self) -> Random {
        random()
    }

    pub(crate) fn node(&self) -> String {
        self.config.node.clone()
    }

    /// The turns of calls out.
    pub(crate) fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a command to the SIP driver. It stops only after the last call, so nothing is lost.
    pub(crate) fn command(&self, command: Command) {
        if self.sip.wait().send(command).is_err() {
            tracing::warn!("a command came after the SIP driver had stopped");
        }
    }

    /// The key that signs requests of an account: its primary auth token.
    pub(crate) fn signing_token(&self, account: &AccountSid) -> Option<Secret> {
        self.store.account(account).map(|account| account.auth_token.clone())
    }

    /// The address that a peer is told for signalling and media.
    pub(crate) fn advertised(&self, source: &Source) -> std::net::IpAddr {
        self.advertise.advertised(source.local, source.remote).ip()
    }
}

/// A generator seeded by the operating system.
pub(crate) fn random() -> Random {
    Random::from_seed(seed())
}

/// Entropy from the operating system.
pub(crate) fn seed() -> [u8; 32] {
    let mut seed = [0; 32];
    // Without entropy nothing that we mint could be trusted, and no call could be told apart.
    getrandom::fill(&mut seed).expect("the operating system gives random bytes");
    seed
}

pub(crate) fn webhook_method(method: HttpMethod) -> Method {
    match method {
        HttpMethod::Get => Method::Get,
        HttpMethod::Post => Method::Post,
        HttpMethod::Head => Method::Head,
        HttpMethod::Put => Method::Put,
        HttpMethod::Patch => Method::Patch,
        HttpMethod::Delete => Method::Delete,
    }
}

/// A version 4 UUID (RFC 9562 5.4).
pub(crate) fn uuid(random: &mut Random) -> String {
    let mut bytes: [u8; 16] = random.bytes();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_version_4_uuids() {
        let token = uuid(&mut Random::from_number(3));
        let parts: Vec<usize> = token.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(token.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&token.as_bytes()[19]));
    }
}
