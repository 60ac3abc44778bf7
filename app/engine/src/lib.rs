//! Joins the layers: what the SIP driver hears becomes calls, what the calls decide is performed.
//!
//! `inbound` admits requests on the driver's thread, `runner` is the task of one call, `effects` performs
//! what its machine decides on its `leg` (the media) and elsewhere, `calls` lets the REST API reach a live
//! call, `callbacks` delivers what is owed to applications, and `recovery` settles what a crash left
//! unfinished.
#![forbid(unsafe_code)]

mod bans;
mod branches;
mod callbacks;
pub mod calls;
mod effects;
mod events;
mod inbound;
mod leg;
mod lines;
mod mailbox;
mod notifications;
pub mod outbound;
mod places;
mod prompts;
mod recovery;
mod refusals;
pub mod registrations;
mod runner;
mod shared;

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringway_call::abuse::{self, Abuse};
use ringway_call::admit::Admission;
use ringway_sip::endpoint::{Endpoint, EndpointConfig, Screening};
use ringway_sip_net::{Driver, Listeners};
use ringway_store::{RegistrationLog, StoreError};
use tokio::runtime::Handle;

pub use crate::calls::{CallCommand, CallControl, ControlError};
use crate::inbound::{Arrivals, Gatekeeper};
pub use crate::refusals::RefusalRecord;
use crate::registrations::{Keeper, Registrations};
use crate::shared::Shared;
pub use crate::shared::{EngineConfig, Services};
pub use ringway_call::abuse::Ban;

/// How long the last calls may take to end once they were told to.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// How long applications may take to be told of the last calls; what they did not take is told after the next
/// start.
const CALLBACKS_TIMEOUT: Duration = Duration::from_secs(2);

/// What a start needs beside the services: the SIP side, bound but not yet serving.
pub struct SipSide {
    /// The bound sockets.
    pub listeners: Listeners,
    /// Names, timers and limits of the endpoint.
    pub endpoint: EndpointConfig,
    /// Who may come in.
    pub admission: Admission,
    /// Who has lost our patience.
    pub abuse: Abuse,
    /// What is done with those.
    pub banned: Screening,
}

/// Why the engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The calls that a crash left could not be settled.
    #[error("cannot settle the calls of the last run: {0}")]
    Recovery(#[from] StoreError),
    /// The registrations of the last run could not be read, or cannot be kept.
    #[error("cannot read or write the registrations: {0}")]
    Registrations(std::io::Error),
    /// The SIP thread could not be started.
    #[error("cannot start the SIP driver: {0}")]
    Driver(#[from] std::io::Error),
}

/// The running engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    driver: Arc<Mutex<Option<Driver>>>,
    keeper: Arc<Mutex<Option<Keeper>>>,
}

impl Engine {
    /// Settles what the last run left, then serves. Call it inside the runtime that is to run the calls.
    pub async fn start(
        config: EngineConfig,
        services: Services,
        registrations: RegistrationLog,
        sip: SipSide,
    ) -> Result<Self, StartError> {
        let lost =
            recovery::recover(&services.store, config.node.clone(), ringway_sip_net::clock::now()).await?;
        if !lost.is_empty() {
            tracing::warn!(
                calls = lost.len(),
                "calls of the last run were lost; their applications are told"
            );
        }
        let shared = Arc::new(Shared::new(config, services));
        let keeper = registrations::keep(Arc::clone(&shared.registrations), registrations)
            .map_err(StartError::Registrations)?;
        let gatekeeper = Gatekeeper::new(sip.admission, (sip.abuse, sip.banned), Arc::clone(&shared));
        let arrivals = Arrivals { shared: Arc::clone(&shared), runtime: Handle::current() };
        let endpoint = Endpoint::new(sip.endpoint, shared::seed());
        let driver = sip.listeners.start(endpoint, gatekeeper, arrivals)?;
        // Nobody else sets it.
        let _ = shared.sip.set(driver.handle());
        tokio::spawn(callbacks::deliver_all(Arc::clone(&shared)));
        let keeper = Arc::new(Mutex::new(Some(keeper)));
        Ok(Self { shared, driver: Arc::new(Mutex::new(Some(driver))), keeper })
    }

    /// Who is registered where, for the REST API.
    pub fn registrations(&self) -> Registrations {
        Registrations::new(Arc::clone(&self.shared.registrations))
    }

    /// How many calls live.
    pub fn live_calls(&self) -> usize {
        self.shared.calls.len()
    }

    /// Whether the rows can be read.
    pub fn health(&self) -> Result<(), StoreError> {
        self.shared.store.probe()
    }

    /// The newest refusals, newest first.
    pub fn refusals(&self) -> Vec<RefusalRecord> {
        self.shared.refusals.list()
    }

    /// The addresses that are banned now.
    pub fn bans(&self) -> Vec<Ban> {
        self.shared.bans.list(self.shared.now().unix)
    }

    /// Ends the ban of this address; false when it is not banned.
    pub fn lift_ban(&self, source: IpAddr) -> bool {
        self.shared.bans.lift(&abuse::network_of(source), self.shared.now().unix)
    }

    /// From now on new calls get 503.
    pub fn refuse_new_calls(&self) {
        self.shared.draining.store(true, Ordering::Relaxed);
    }

    /// Completes once no call lives.
    pub async fn all_calls_ended(&self) {
        loop {
            let ended = self.shared.call_ended.notified();
            if self.shared.calls.is_empty() {
                return;
            }
            ended.await;
        }
    }

    /// Ends every call, and completes once their rows and callbacks are handed to the store, their BYEs sent,
    /// and the callbacks delivered that applications take at once.
    pub async fn end_calls(&self) {
        self.shared.calls.shut_down();
        if tokio::time::timeout(END_TIMEOUT, self.all_calls_ended()).await.is_err() {
            tracing::warn!(live = self.live_calls(), "calls that did not end in time");
        }
        callbacks::settle(&self.shared, CALLBACKS_TIMEOUT).await;
        let driver = self.driver.lock().unwrap_or_else(PoisonError::into_inner).take();
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Joins the driver's thread, which sends what it still has to send, and then the keeper's, which writes
        // what that left.
        let ended = tokio::task::spawn_blocking(move || {
            drop(driver);
            drop(keeper);
        });
        let _ = ended.await;
    }
}
