//! Delivers the status callbacks that the store owes, with growing pauses, for as long as they live.
//!
//! A callback is a row until an application has taken it, so a restart resumes it. Whoever delivers one
//! leases it first: two nodes never deliver the same one at the same time. The callback of a call that ends is
//! stored with its lease and delivered by whoever stored it, as long as there is room; what is left, and what
//! has to be tried again, is found in the store.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ringway_model::UnixTime;
use ringway_model::random::Random;
use ringway_store::{Callback, Claim, FinishedCall, NewCallback};
use ringway_webhook::{Failure, Purpose, Request};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::notifications;
use crate::shared::{Shared, webhook_method};

/// How many are leased at once by who looks for them,
const CLAIM_MAX: u32 = 64;
/// and by calls that end: together fewer than the web client lets go to one host at once.
pub(crate) const PROMPT_MAX: usize = 256;
/// Longer than the longest delivery (15 s of attempts), so that a lease ends only when its holder is gone.
const LEASE: Duration = Duration::from_secs(60);
/// The first pause; each further one is twice as long.
const RETRY_DELAY_MIN: Duration = Duration::from_secs(1);
/// The longest pause.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(3600);
/// How often the store is asked although nobody said that something is due.
const POLL: Duration = Duration::from_secs(30);

/// How often [`settle`] looks.
const SETTLE_POLL: Duration = Duration::from_millis(25);

/// Wakes the delivery when a callback was stored.
#[derive(Clone, Default)]
pub(crate) struct Due(Arc<Notify>);

impl Due {
    /// A callback was stored.
    pub(crate) fn now(&self) {
        self.0.notify_one();
    }

    async fn wait(&self) {
        self.0.notified().await;
    }
}

/// Stores a callback about a call that goes on. Those of one call are delivered one after the other.
pub(crate) fn progress(shared: &Arc<Shared>, callback: NewCallback) {
    let stored = shared.store.insert_callback(callback);
    deliver_in_turn(shared, async move { stored.await.is_ok() });
}

/// Stores the end of a call, and delivers its callback once both are on the disk; after those that went before,
/// where some did. Under way from now on: an end of the process that comes before waits for it.
pub(crate) fn finish(shared: &Arc<Shared>, in_turn: bool, finished: FinishedCall) {
    if finished.callback.is_none() {
        drop(shared.store.finish_call(finished));
        return;
    }
    match Arc::clone(&shared.prompt_callbacks).try_acquire_owned() {
        Ok(room) if !in_turn => {
            shared.callbacks_under_way.fetch_add(1, Ordering::SeqCst);
            let shared = Arc::clone(shared);
            let claim = Claim { node: shared.node(), lease: LEASE };
            let stored = shared.store.finish_call_and_claim(finished, claim);
            tokio::spawn(async move {
                // A failure is logged by the store, and the callback is not there then.
                if let Ok(Some(callback)) = stored.await {
                    deliver(&shared, callback).await;
                }
                shared.callbacks_under_way.fetch_sub(1, Ordering::SeqCst);
                drop(room);
            });
        }
        _ => {
            let stored = shared.store.finish_call(finished);
            deliver_in_turn(shared, async move { stored.await.is_ok() });
        }
    }
}

/// The callback is due as soon as it is stored; a failure to store is logged by the store.
fn deliver_in_turn(shared: &Arc<Shared>, stored: impl Future<Output = bool> + Send + 'static) {
    shared.callbacks_under_way.fetch_add(1, Ordering::SeqCst);
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        if stored.await {
            shared.callbacks_due.now();
        }
        shared.callbacks_under_way.fetch_sub(1, Ordering::SeqCst);
    });
}

/// Delivers until the task is dropped.
pub(crate) async fn deliver_all(shared: Arc<Shared>) {
    let mut deliveries = JoinSet::new();
    loop {
        // What is being claimed is neither due any more nor on its way yet.
        shared.callbacks_under_way.fetch_add(1, Ordering::SeqCst);
        let claimed = claim(&shared, CLAIM_MAX.saturating_sub(deliveries.len() as u32)).await;
        if claimed.is_empty() && deliveries.is_empty() && is_due(&shared) {
            expire(&shared).await;
        }
        for callback in claimed {
            shared.callbacks_under_way.fetch_add(1, Ordering::SeqCst);
            let shared = Arc::clone(&shared);
            deliveries.spawn(async move {
                deliver(&shared, callback).await;
                shared.callbacks_under_way.fetch_sub(1, Ordering::SeqCst);
            });
        }
        shared.callbacks_under_way.fetch_sub(1, Ordering::SeqCst);
        tokio::select! {
            () = shared.callbacks_due.wait() => {}
            Some(_) = deliveries.join_next() => {}
            () = tokio::time::sleep(next_look(&shared)) => {}
        }
        while deliveries.try_join_next().is_some() {}
    }
}

/// Waits until nothing is due or on its way any more, at most so long.
pub(crate) async fn settle(shared: &Shared, limit: Duration) {
    let settled = async {
        while shared.callbacks_under_way.load(Ordering::SeqCst) > 0 || is_due(shared) {
            tokio::time::sleep(SETTLE_POLL).await;
        }
    };
    if tokio::time::timeout(limit, settled).await.is_err() {
        tracing::info!("some status callbacks are left for the next start");
    }
}

fn is_due(shared: &Shared) -> bool {
    let due = shared.store.next_callback_due().ok().flatten();
    due.is_some_and(|due| due <= shared.now().unix)
}

async fn claim(shared: &Shared, limit: u32) -> Vec<Callback> {
    if limit == 0 {
        return Vec::new();
    }
    let now = shared.now().unix;
    match shared.store.claim_due_callbacks(shared.node(), now, limit, LEASE).await {
        Ok(claimed) => claimed,
        Err(error) => {
            tracing::error!(%error, "cannot read the callbacks that are due");
            Vec::new()
        }
    }
}

/// Forgets what no application took for a day.
async fn expire(shared: &Shared) {
    match shared.store.expire_callbacks(shared.now().unix).await {
        Ok(expired) => {
            for Callback { call_sid, attempts, .. } in expired {
                tracing::warn!(?call_sid, attempts, "a status callback was given up after 24 hours");
            }
        }
        Err(error) => tracing::error!(%error, "cannot remove the callbacks that are too old"),
    }
}

/// Until the next callback is due, as far as the store knows now.
fn next_look(shared: &Shared) -> Duration {
    let due = shared.store.next_callback_due().ok().flatten();
    due.map_or(POLL, |due| due.since(shared.now().unix).clamp(Duration::from_millis(50), POLL))
}

async fn deliver(shared: &Shared, callback: Callback) {
    let request = Request {
        url: callback.request.url.clone(),
        method: webhook_method(callback.request.method),
        params: callback.request.params.clone(),
        account_sid: callback.account_sid.to_string(),
        signing_token: shared.signing_token(&callback.account_sid),
        idempotency_token: callback.idempotency_token.clone(),
        purpose: Purpose::Callback,
    };
    let id = callback.id;
    let result = shared.webhook.deliver(request).await;
    let stored = match result {
        Ok(_) => shared.store.complete_callback(id, shared.node()).await,
        Err(failure) => {
            let now = shared.now().unix;
            if callback.attempts == 0 {
                warn(shared, &callback, &failure, now);
            }
            let next = now + retry_delay(callback.attempts, &mut shared.random());
            let stored = shared.store.reschedule_callback(id, shared.node(), next).await;
            // Whoever looks for what is due has to look earlier now.
            shared.callbacks_due.now();
            stored
        }
    };
    if let Err(error) = stored {
        tracing::error!(%error, "cannot store the outcome of a callback; it will be delivered again");
    }
}

/// The developer hears once of a callback that is refused, not at every repetition.
fn warn(shared: &Shared, callback: &Callback, failure: &Failure, now: UnixTime) {
    tracing::warn!(call_sid = ?callback.call_sid, code = failure.code, "status callback: {}", failure.message);
    let notification = notifications::of_callback(callback, failure, now);
    drop(shared.store.insert_notification(notification));
}

/// Doubles from a second to an hour, spread by a quarter so that callbacks do not come in crowds.
fn retry_delay(attempts: u32, random: &mut Random) -> Duration {
    let doubled = RETRY_DELAY_MIN.saturating_mul(1 << attempts.min(12));
    let delay = doubled.min(RETRY_DELAY_MAX);
    delay + delay.mul_f64(random.below(1000) as f64 / 4000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour() {
        let mut random = Random::from_number(1);
        for (attempts, seconds) in [(0, 1), (1, 2), (5, 32), (11, 2048), (12, 3600), (40, 3600)] {
            let delay = retry_delay(attempts, &mut random).as_secs_f64();
            let least = f64::from(seconds);
            assert!((least..=least * 1.25).contains(&delay), "{attempts}: {delay}");
        }
    }
}
