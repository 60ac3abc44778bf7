//! Calls out begin here: those of the REST API, and the children of a Dial.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ringway_call::CallMachine;
use ringway_call::child::NewChild;
pub use ringway_call::directory::VoiceUrls;
use ringway_call::leg::{CallFacts, CallOrigin, LegFacts};
pub use ringway_call::outgoing::{Destination, Events, InvalidSipAddress, Login, Outgoing, SipAddress};
use ringway_model::sid::CallSid;
use tokio::sync::oneshot;

use crate::branches::Parent;
use crate::mailbox::Mailbox;
use crate::runner::Runner;
use crate::shared::Shared;

/// A call that the REST API wants.
#[derive(Debug)]
pub struct NewCallOut {
    /// What it is made with.
    pub outgoing: Outgoing,
    /// `From` as the resource and webhooks say it.
    pub from: String,
    /// `To` as they say it.
    pub to: String,
    /// The longest it may last once answered; the operator's limit stays.
    pub time_limit: Option<Duration>,
}

/// Why a call out is not begun.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Too many calls of the account wait for their turn.
    #[error("too many calls of the account are queued")]
    QueueFull,
    /// There are as many calls as there may be, or the process is about to stop.
    #[error("no more calls can be taken")]
    Unavailable,
    /// The row could not be written.
    #[error(transparent)]
    Store(#[from] ringway_store::StoreError),
}

/// Begins a call of the REST API: its row is there when this returns.
pub(crate) async fn place(shared: &Arc<Shared>, new: NewCallOut) -> Result<CallSid, PlaceError> {
    if is_full(shared) {
        return Err(PlaceError::Unavailable);
    }
    let now = shared.now();
    let turn = shared.pace().turn(new.outgoing.account_sid, now.monotonic).ok_or(PlaceError::QueueFull)?;
    let facts = facts(shared, Arc::new(new.outgoing), new.from, new.to, new.time_limit);
    let machine = CallMachine::outgoing(facts, now, turn);
    let runner = Runner::call_out(Arc::clone(shared), Arc::default(), machine, None);
    let call_sid = runner.facts.call_sid;
    let (kept, answer) = oneshot::channel();
    let shared = Arc::clone(shared);
    // A task of its own: whoever asked may go away meanwhile, and the call must be begun or forgotten.
    tokio::spawn(async move {
        let stored = runner.insert_row().await;
        let is_kept = stored.is_ok();
        let _ = kept.send(stored);
        if is_kept {
            runner.run().await;
        } else {
            shared.calls.remove(&call_sid);
        }
    });
    answer.await.map_err(|_| PlaceError::Unavailable)??;
    Ok(call_sid)
}

/// Begins a child; the SID that it would have had when it cannot be begun.
pub(crate) fn child(shared: &Arc<Shared>, new: NewChild, parent: Parent) -> Result<Arc<Mailbox>, CallSid> {
    let facts = facts(shared, new.outgoing, new.from, new.to, None);
    if is_full(shared) {
        return Err(facts.call_sid);
    }
    let now = shared.now();
    let mailbox = Arc::new(Mailbox::default());
    let machine = CallMachine::outgoing(facts, now, now.monotonic);
    let runner = Runner::call_out(Arc::clone(shared), Arc::clone(&mailbox), machine, Some(parent));
    // Nothing waits for the row.
    drop(runner.insert_row());
    tokio::spawn(runner.run());
    Ok(mailbox)
}

fn is_full(shared: &Shared) -> bool {
    shared.draining.load(Ordering::Relaxed) || shared.calls.len() >= shared.config.calls_max
}

fn facts(
    shared: &Shared,
    outgoing: Arc<Outgoing>,
    from: String,
    to: String,
    time_limit: Option<Duration>,
) -> CallFacts {
    let mut limits = shared.config.call_limits;
    limits.duration_max = time_limit.map_or(limits.duration_max, |limit| limit.min(limits.duration_max));
    limits.max_forwards = outgoing.max_forwards;
    CallFacts {
        call_sid: CallSid::from_random(shared.random().bytes()),
        origin: CallOrigin::Outgoing(outgoing),
        leg: LegFacts {
            from,
            to,
            caller_name: None,
            forwarded_from: None,
            sip_call_id: None,
            source_ip: None,
            username: None,
            headers: Vec::new(),
        },
        limits,
    }
}
