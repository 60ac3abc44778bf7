//! The one thread that writes. Whatever is queued becomes one transaction, is committed once, published to the
//! directory in that order, and only then answered. A request that fails is undone alone, by a savepoint of its
//! own; a commit that fails fails them all and publishes nothing.
//!
//! Writes that nobody waits for come first in a group. They fail only when storage does, so they get no
//! savepoints, which cost about as much as the writes; should one fail, all of them are done again, each with
//! its own.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::task::{Context, Poll};
use std::thread::{self, Thread};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ringway_model::UnixTime;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::directory::{Change, Publication, Publisher};
use crate::sqlite::rows;
use crate::store::Settings;
use crate::{StoreError, random};

/// So many requests at most share a transaction; those behind wait no longer than that takes.
const GROUP_MAX: usize = 512;

/// How long requests that nobody is kept waiting by may wait for company: a commit costs the same for one as
/// for many. What a crash can take with it is as much of the newest calls.
const COMPANY_WAIT: Duration = Duration::from_millis(25);

/// A write under way. Await it, or [`wait`](Self::wait) for it, to learn how it ended; drop it to leave it to
/// itself: it was queued when this was made, and failures are logged.
#[derive(Debug)]
pub struct Pending<T, E> {
    reply: oneshot::Receiver<Result<T, E>>,
}

impl<T, E: From<StoreError>> Pending<T, E> {
    /// Blocks until the write is on disk or has failed. Not for async code: there, await.
    pub fn wait(self) -> Result<T, E> {
        self.reply.blocking_recv().unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }
}

impl<T, E: From<StoreError>> Future for Pending<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let reply = Pin::new(&mut self.reply).poll(context);
        reply.map(|reply| reply.unwrap_or_else(|_| Err(StoreError::Closed.into())))
    }
}

/// What a request works with: the open transaction, and what it will change in the directory.
pub(crate) struct Work<'w> {
    /// The writing connection, inside the transaction.
    pub(crate) connection: &'w Connection,
    /// Realm, limits, suffixes, sealer.
    pub(crate) settings: &'w Settings,
    /// When the transaction began.
    pub(crate) now: UnixTime,
    changes: &'w mut Vec<Change>,
}

impl Work<'_> {
    /// The SIP path must see this change.
    pub(crate) fn changed(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Sixteen bytes for a new SID.
    pub(crate) fn random(&self) -> Result<[u8; 16], StoreError> {
        random::bytes()
    }
}

/// Whether somebody is kept waiting by a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// The row of a call, its callbacks and notifications: some milliseconds later will do. The SIP path sees
    /// nothing of it.
    Soon,
    /// A REST request waits: commit at once, with all that is queued.
    Now,
}

/// A request in the queue.
pub(crate) trait Request: Send {
    /// Whether somebody is kept waiting by it.
    fn urgency(&self) -> Urgency;

    /// Does it inside the transaction; whether it is to be kept. What is [`Urgency::Soon`] may be done again
    /// in another transaction, the first one undone.
    fn perform(&mut self, work: &mut Work<'_>) -> bool;

    /// Answers it; `Err` when the transaction was lost.
    fn reply(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Queued<F, T, E> {
    urgency: Urgency,
    operation: F,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Request for Queued<F, T, E>
where
    F: FnMut(&mut Work<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Debug + Send,
{
    fn urgency(&self) -> Urgency {
        self.urgency
    }

    fn perform(&mut self, work: &mut Work<'_>) -> bool {
        self.outcome = Some((self.operation)(work));
        matches!(self.outcome, Some(Ok(_)))
    }

    fn reply(self: Box<Self>, committed: Result<(), StoreError>) {
        let outcome = match committed {
            Ok(()) => self.outcome.unwrap_or_else(|| Err(StoreError::Closed.into())),
            Err(error) => Err(error.into()),
        };
        if let Err(Err(error)) = self.reply.send(outcome) {
            tracing::error!(?error, "a write that nobody waited for failed");
        }
    }
}

/// Puts a request in the queue. The queue needs no bound of its own: REST requests wait for their answer, and
/// a call has a handful of writes in its life.
pub(crate) fn enqueue<T, E>(
    queue: Option<&Sender<Box<dyn Request>>>,
    writer: Option<&Thread>,
    urgency: Urgency,
    operation: impl FnMut(&mut Work<'_>) -> Result<T, E> + Send + 'static,
) -> Pending<T, E>
where
    T: Send + 'static,
    E: From<StoreError> + Debug + Send + 'static,
{
    let (reply, pending) = oneshot::channel();
    let request = Box::new(Queued { urgency, operation, outcome: None, reply });
    match queue {
        Some(queue) => {
            if let Err(refused) = queue.send(request) {
                refused.0.reply(Err(StoreError::Closed));
            }
            if let (Urgency::Now, Some(writer)) = (urgency, writer) {
                writer.unpark();
            }
        }
        None => request.reply(Err(StoreError::Closed)),
    }
    Pending { reply: pending }
}

/// The thread's state.
pub(crate) struct Writer {
    pub(crate) connection: Connection,
    pub(crate) settings: Arc<Settings>,
    pub(crate) publisher: Publisher,
    /// Counts the commits that somebody waited for.
    pub(crate) version: Arc<AtomicU64>,
}

impl Writer {
    /// Runs until every sender is gone and the queue is empty.
    pub(crate) fn run(mut self, queue: &Receiver<Box<dyn Request>>) {
        while let Ok(first) = queue.recv() {
            let mut group = gather(first, queue);
            let committed = self.transact(&mut group);
            if let Err(error) = &committed {
                tracing::error!(%error, requests = group.len(), "a transaction was lost");
            }
            for request in group {
                request.reply(committed.clone());
            }
        }
    }

    fn transact(&mut self, group: &mut [Box<dyn Request>]) -> Result<(), StoreError> {
        let committed = self.begin_with_unhurried(group).and_then(|hurried| {
            let publication = self.perform_hurried(hurried)?;
            rows::execute(&self.connection, "COMMIT", []).map_err(not_committed)?;
            Ok(publication)
        });
        match committed {
            Ok(publication) => {
                if group.iter().any(|request| request.urgency() == Urgency::Now) {
                    self.version.fetch_add(1, Ordering::SeqCst);
                }
                self.publisher.publish(publication);
            }
            Err(error) => {
                self.abandon();
                return Err(error);
            }
        }
        Ok(())
    }

    /// Begins the transaction with the writes that nobody waits for; returns the others.
    fn begin_with_unhurried<'g>(
        &self,
        group: &'g mut [Box<dyn Request>],
    ) -> Result<&'g mut [Box<dyn Request>], StoreError> {
        group.sort_by_key(|request| request.urgency());
        let unhurried = group.partition_point(|request| request.urgency() == Urgency::Soon);
        let (unhurried, hurried) = group.split_at_mut(unhurried);
        let begin = || rows::execute(&self.connection, "BEGIN IMMEDIATE", []);
        begin()?;
        if !unhurried.iter_mut().all(|request| self.perform(request.as_mut(), &mut Vec::new())) {
            self.abandon();
            begin()?;
            for request in unhurried {
                self.perform_guarded(request.as_mut(), &mut Vec::new())?;
            }
        }
        Ok(hurried)
    }

    /// What is to be published is read inside the transaction: reading cannot fail any more once it stands,
    /// and a directory that missed a revocation would let it go on opening doors.
    fn perform_hurried(&self, group: &mut [Box<dyn Request>]) -> Result<Publication, StoreError> {
        let mut changes = Vec::new();
        for request in group {
            self.perform_guarded(request.as_mut(), &mut changes)?;
        }
        if changes.is_empty() {
            return Ok(Publication::default());
        }
        rows::execute(&self.connection, "UPDATE directory_version SET version = version + 1", [])?;
        Publication::prepare(&self.connection, &self.settings, changes)
    }

    /// A request that is undone alone when it fails.
    fn perform_guarded(
        &self,
        request: &mut dyn Request,
        changes: &mut Vec<Change>,
    ) -> Result<(), StoreError> {
        rows::execute(&self.connection, "SAVEPOINT request", [])?;
        let kept_changes = changes.len();
        if !self.perform(request, changes) {
            changes.truncate(kept_changes);
            // A full disk makes SQLite undo the whole transaction by itself; then this fails, and so does the
            // group.
            rows::execute(&self.connection, "ROLLBACK TO request", [])?;
        }
        rows::execute(&self.connection, "RELEASE request", [])?;
        Ok(())
    }

    fn perform(&self, request: &mut dyn Request, changes: &mut Vec<Change>) -> bool {
        request.perform(&mut Work {
            connection: &self.connection,
            settings: &self.settings,
            now: wall_clock(),
            changes,
        })
    }

    fn abandon(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a lost transaction could not be rolled back");
        }
    }
}

/// The requests that share the next transaction: all that are queued, and while none of them is urgent, those
/// that come soon. They do not wake this thread; an urgent one does, by [`Thread::unpark`].
fn gather(first: Box<dyn Request>, queue: &Receiver<Box<dyn Request>>) -> Vec<Box<dyn Request>> {
    let deadline = Instant::now() + COMPANY_WAIT;
    let mut group = vec![first];
    loop {
        group.extend(queue.try_iter().take(GROUP_MAX - group.len()));
        let left = deadline.saturating_duration_since(Instant::now());
        let is_urgent = group.iter().any(|request| request.urgency() == Urgency::Now);
        if is_urgent || left.is_zero() || group.len() == GROUP_MAX {
            return group;
        }
        thread::park_timeout(left);
    }
}

fn not_committed(error: StoreError) -> StoreError {
    match error {
        StoreError::Database(error) => StoreError::NotCommitted(error),
        other => other,
    }
}

fn wall_clock() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
