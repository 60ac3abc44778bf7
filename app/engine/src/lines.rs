//! Who listens to which dialog. The SIP driver's thread delivers; the tasks of calls out add their own lines.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use papaya::HashMap;
use ringway_call::leg::custom_headers;
use ringway_sip::endpoint::{DialogEvent, DialogId};
use ringway_sip::message::Message;

use crate::mailbox::Mailbox;

/// Whom a dialog belongs to.
#[derive(Clone)]
pub(crate) enum Line {
    /// A call that came in: it is the call's only dialog.
    Call(Arc<Mailbox>),
    /// A branch of a call out; the call knows which of them it became.
    Branch(Arc<Mailbox>),
}

/// All of them.
#[derive(Default)]
pub(crate) struct Lines {
    lines: HashMap<DialogId, Line>,
    numbers: AtomicU64,
}

impl Lines {
    pub(crate) fn insert(&self, dialog: DialogId, line: Line) {
        self.lines.pin().insert(dialog, line);
    }

    /// A dialog for a new branch, which is heard from now on.
    pub(crate) fn branch(&self, shard: u8, mailbox: &Arc<Mailbox>) -> DialogId {
        let dialog = DialogId::chosen(shard, self.numbers.fetch_add(1, Ordering::Relaxed));
        self.insert(dialog, Line::Branch(Arc::clone(mailbox)));
        dialog
    }

    /// Every dialog of a call.
    pub(crate) fn of(&self, mailbox: &Arc<Mailbox>) -> Vec<DialogId> {
        let lines = self.lines.pin();
        let own = |line: &Line| match line {
            Line::Call(other) | Line::Branch(other) => Arc::ptr_eq(mailbox, other),
        };
        lines.iter().filter(|(_, line)| own(line)).map(|(dialog, _)| *dialog).collect()
    }

    /// Tells whoever listens; after [`DialogEvent::Terminated`] nobody does.
    pub(crate) fn deliver(&self, dialog: DialogId, event: DialogEvent) {
        let lines = self.lines.pin();
        let line = match event {
            DialogEvent::Terminated => lines.remove(&dialog),
            _ => lines.get(&dialog),
        };
        match line {
            Some(Line::Call(mailbox)) => post(mailbox, event),
            Some(Line::Branch(mailbox)) => mailbox.branch(dialog, event),
            None => {}
        }
    }
}

/// One thing that was heard of a call's dialog, into its slot.
pub(crate) fn post(mailbox: &Mailbox, event: DialogEvent) {
    match event {
        DialogEvent::Acknowledged { body } => mailbox.post(|slots| {
            slots.acknowledged = true;
            slots.acknowledged_body = body.or(slots.acknowledged_body.take());
        }),
        DialogEvent::AcknowledgeTimeout => mailbox.post(|slots| slots.acknowledge_timeout = true),
        DialogEvent::Cancelled { .. } => mailbox.post(|slots| slots.cancelled = true),
        DialogEvent::Bye { request } => mailbox.post(|slots| slots.bye = Some(custom_headers(&request))),
        DialogEvent::Offer { offer, request } => mailbox.post(|slots| slots.offer = Some((offer, request))),
        DialogEvent::OfferWithdrawn { offer } => mailbox.post(|slots| {
            slots.offer.take_if(|(waiting, _)| *waiting == offer);
        }),
        DialogEvent::Info { request } => {
            if let Some(digit) = relayed_digit(&request) {
                mailbox.digit(digit);
            }
        }
        DialogEvent::Refer { refer, .. } => mailbox.post(|slots| slots.refer = Some(refer)),
        DialogEvent::SessionExpired | DialogEvent::Gone | DialogEvent::Terminated => {
            mailbox.post(|slots| slots.dialog_over = true)
        }
        // Branches are heard elsewhere, and nobody here makes offers to a call that is answered.
        DialogEvent::Provisional { .. }
        | DialogEvent::Answered { .. }
        | DialogEvent::Rejected { .. }
        | DialogEvent::OfferAnswered { .. }
        | DialogEvent::OfferRefused { .. }
        | DialogEvent::ReferAnswered { .. }
        | DialogEvent::Notify { .. } => {}
    }
}

/// The key in an INFO of a phone that sends keys so: `application/dtmf-relay` (`Signal=5`) or
/// `application/dtmf` (`5`).
fn relayed_digit(request: &Message) -> Option<char> {
    let content_type = request.content_type()?.split(';').next()?.trim();
    let body = std::str::from_utf8(request.body()).ok()?;
    let text = if content_type.eq_ignore_ascii_case("application/dtmf-relay") {
        let signal = |line: &&str| line.get(..6).is_some_and(|name| name.eq_ignore_ascii_case("signal"));
        body.lines().find(signal)?.split_once('=')?.1
    } else if content_type.eq_ignore_ascii_case("application/dtmf") {
        body
    } else {
        return None;
    };
    relayed_key(text.trim())
}

/// A key as itself, or as the number that RTP has for it (RFC 4733 3.2).
fn relayed_key(text: &str) -> Option<char> {
    match text.parse::<u8>() {
        Ok(number) => "0123456789*#ABCD".chars().nth(number.into()),
        Err(_) => text.chars().next().map(|key| key.to_ascii_uppercase()),
    }
}
