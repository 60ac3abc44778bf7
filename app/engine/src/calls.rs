//! Live calls by SID, and the one way the REST API reaches them.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use papaya::HashMap;
pub use ringway_call::input::Command as CallCommand;
use ringway_call::input::CommandRefused;
use ringway_model::sid::CallSid;
use tokio::sync::oneshot;

use crate::Engine;
use crate::mailbox::Mailbox;
use crate::outbound::{self, NewCallOut, PlaceError};

/// How long a command may wait for its call to take it, before the answer is [`ControlError::Busy`].
const TAKE_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a command did not reach its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// No call of this SID lives in this process.
    #[error("the call is not handled by this node")]
    NotHere,
    /// The call did not take the command in time, or has another one pending.
    #[error("the call is busy with another command")]
    Busy,
    /// The call is over, or in a state in which the command means nothing (21220).
    #[error("the call is not in a state that allows this")]
    Ended,
}

impl From<CommandRefused> for ControlError {
    fn from(_: CommandRefused) -> Self {
        Self::Ended
    }
}

/// Begins calls, and sends commands to live ones. The REST API knows the engine by this trait only.
pub trait CallControl: Send + Sync + 'static {
    /// Completes when the call has taken the command, not when it has carried it out.
    fn send(
        &self,
        sid: CallSid,
        command: CallCommand,
    ) -> impl Future<Output = Result<(), ControlError>> + Send;

    /// Begins a call out. Completes when its row is kept.
    fn place(&self, call: NewCallOut) -> impl Future<Output = Result<CallSid, PlaceError>> + Send;
}

/// The calls of this process. Cheap to clone.
#[derive(Clone, Default)]
pub struct Calls {
    mailboxes: Arc<HashMap<CallSid, Arc<Mailbox>>>,
}

impl Calls {
    pub(crate) fn insert(&self, sid: CallSid, mailbox: Arc<Mailbox>) {
        self.mailboxes.pin().insert(sid, mailbox);
    }

    pub(crate) fn remove(&self, sid: &CallSid) {
        self.mailboxes.pin().remove(sid);
    }

    /// How many calls live here.
    pub fn len(&self) -> usize {
        self.mailboxes.len()
    }

    /// Whether no call lives here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tells every call that the process is about to stop.
    pub fn shut_down(&self) {
        for mailbox in self.mailboxes.pin().values() {
            mailbox.post(|slots| slots.shutdown = true);
        }
    }
}

impl Calls {
    pub(crate) async fn send(&self, sid: CallSid, command: CallCommand) -> Result<(), ControlError> {
        let mailbox = self.mailboxes.pin().get(&sid).cloned().ok_or(ControlError::NotHere)?;
        let (taken, answer) = oneshot::channel();
        mailbox.command(command, taken)?;
        match tokio::time::timeout(TAKE_TIMEOUT, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(ControlError::Ended),
            Err(_) => Err(ControlError::Busy),
        }
    }
}

impl CallControl for Engine {
    async fn send(&self, sid: CallSid, command: CallCommand) -> Result<(), ControlError> {
        self.shared.calls.send(sid, command).await
    }

    async fn place(&self, call: NewCallOut) -> Result<CallSid, PlaceError> {
        outbound::place(&self.shared, call).await
    }
}
