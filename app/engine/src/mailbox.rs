//! What waits for a call's task: one slot for each kind of news, so that the mailbox is bounded by
//! construction, and nothing that must not be lost ever finds it full.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ringway_call::child::{ChildNews, EndReason};
use ringway_call::effect::EffectId;
use ringway_rtp_net::SessionHandle;
use ringway_sip::endpoint::{Body, DialogEvent, DialogId, OfferId, ReferId};
use ringway_sip::message::Message;
use tokio::sync::{Notify, oneshot};

use crate::calls::{CallCommand, ControlError};

/// Keys that may wait; what is pressed beyond them is lost.
const DIGITS_MAX: usize = 64;

/// Events of branches that may wait. Each branch has few that matter, and says each once; what a far end can
/// repeat at will is dropped beyond this.
const BRANCH_EVENTS_MAX: usize = 256;

/// What a child tells, with its sound.
pub(crate) struct FromChild {
    pub(crate) id: EffectId,
    pub(crate) news: ChildNews,
    pub(crate) sound: Option<SessionHandle>,
}

/// The answer to whoever sent a command.
pub(crate) type Taken = oneshot::Sender<Result<(), ControlError>>;

/// News for one call, from the SIP driver, the media reactor and the REST API; read by the call's task.
#[derive(Default)]
pub(crate) struct Mailbox {
    slots: Mutex<Slots>,
    news: Notify,
}

/// Everything that waits, taken out at once.
#[derive(Default)]
pub(crate) struct Slots {
    /// The ACK of our 200 came.
    pub(crate) acknowledged: bool,
    /// What it brought: the answer, when our 200 held the offer.
    pub(crate) acknowledged_body: Option<Body>,
    /// It never came.
    pub(crate) acknowledge_timeout: bool,
    /// The caller gave up.
    pub(crate) cancelled: bool,
    /// The other side hung up, with these headers of its own.
    pub(crate) bye: Option<Vec<(String, String)>>,
    /// Nothing more will come from the dialog.
    pub(crate) dialog_over: bool,
    /// The peer wants to change the session.
    pub(crate) offer: Option<(OfferId, Message)>,
    /// The peer wants to be connected with somebody else.
    pub(crate) refer: Option<ReferId>,
    /// Keys pressed, in order.
    pub(crate) digits: VecDeque<char>,
    /// The newest play that came to its end.
    pub(crate) played: Option<u64>,
    /// No RTP for too long.
    pub(crate) media_inactive: bool,
    /// What was heard of the branches of a call out, in order.
    pub(crate) branches: VecDeque<(DialogId, DialogEvent)>,
    /// What the children told, in order: at most four things each.
    pub(crate) children: VecDeque<FromChild>,
    /// The parent has bridged this call.
    pub(crate) bridged: bool,
    /// The parent does not want this call any more.
    pub(crate) unwanted: Option<EndReason>,
    /// The REST API wants something.
    pub(crate) command: Option<(CallCommand, Taken)>,
    /// The process is about to stop.
    pub(crate) shutdown: bool,
}

impl Mailbox {
    /// Changes the slots and wakes the call.
    pub(crate) fn post(&self, change: impl FnOnce(&mut Slots)) {
        change(&mut self.slots());
        self.news.notify_one();
    }

    /// A key was pressed.
    pub(crate) fn digit(&self, digit: char) {
        self.post(|slots| {
            if slots.digits.len() < DIGITS_MAX {
                slots.digits.push_back(digit);
            }
        });
    }

    /// Something was heard of a branch. Of its 1xx the newest is enough.
    pub(crate) fn branch(&self, dialog: DialogId, event: DialogEvent) {
        let matters = matches!(
            event,
            DialogEvent::Answered { .. }
                | DialogEvent::Rejected { .. }
                | DialogEvent::Bye { .. }
                | DialogEvent::Gone
                | DialogEvent::Terminated
        );
        self.post(|slots| {
            if let DialogEvent::Provisional { .. } = event {
                slots.branches.retain(|(of, waiting)| {
                    *of != dialog || !matches!(waiting, DialogEvent::Provisional { .. })
                });
            }
            if matters || slots.branches.len() < BRANCH_EVENTS_MAX {
                slots.branches.push_back((dialog, event));
            }
        });
    }

    /// Leaves a command, unless one waits already.
    pub(crate) fn command(&self, command: CallCommand, taken: Taken) -> Result<(), ControlError> {
        let mut slots = self.slots();
        if slots.command.is_some() {
            return Err(ControlError::Busy);
        }
        slots.command = Some((command, taken));
        drop(slots);
        self.news.notify_one();
        Ok(())
    }

    /// Waits for news and takes them all.
    pub(crate) async fn take(&self) -> Slots {
        self.news.notified().await;
        std::mem::take(&mut *self.slots())
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_posted_before_the_call_looks_is_lost() {
        let mailbox = Mailbox::default();
        mailbox.post(|slots| slots.acknowledged = true);
        mailbox.post(|slots| slots.bye = Some(Vec::new()));
        mailbox.digit('7');
        let news = mailbox.take().await;
        assert!(news.acknowledged && news.bye.is_some());
        assert_eq!(news.digits, ['7']);
        assert!(mailbox.slots().bye.is_none(), "taken once");
    }

    #[tokio::test]
    async fn keys_and_commands_are_bounded() {
        let mailbox = Mailbox::default();
        for _ in 0..100 {
            mailbox.digit('1');
        }
        let (taken, _answer) = oneshot::channel();
        assert_eq!(mailbox.command(CallCommand::Complete, taken), Ok(()));
        let (taken, _answer) = oneshot::channel();
        assert_eq!(mailbox.command(CallCommand::Complete, taken), Err(ControlError::Busy));
        assert_eq!(mailbox.take().await.digits.len(), DIGITS_MAX);
    }
}
