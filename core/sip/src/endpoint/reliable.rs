//! Reliable provisional responses of ours (RFC 3262): their PRACK, or the want of it.

use ringway_model::Moment;

use super::output::Transmit;
use super::receive::body_of;
use super::{Endpoint, Fate};
use crate::dialog::reliable::{ReliableDue, acknowledges};
use crate::dialog::{Dialog, Phase};
use crate::message::Message;
use crate::transaction::key::Key;

impl<T> Endpoint<T> {
    /// A PRACK that fits nothing is refused, and so is an offer in one: that would have to be answered before
    /// anybody decided about the call. The provisional response counts as heard nevertheless.
    pub(super) fn serve_prack(
        &mut self,
        now: Moment,
        dialog: &mut Dialog,
        key: Key,
        request: Message,
    ) -> Fate {
        let heard = match &mut dialog.phase {
            Phase::Incoming(incoming) => {
                let cseq = incoming.request.cseq().number;
                incoming.reliable.as_mut().and_then(|reliable| reliable.acknowledged(&request, cseq))
            }
            _ => {
                let late = dialog.late_prack.take_if(|(rseq, cseq)| acknowledges(&request, *rseq, *cseq));
                late.map(|_| None)
            }
        };
        let Some(next) = heard else { return self.deny(now, dialog, key, &request, 481, &[]) };
        let status = if body_of(&request).is_some() { 488 } else { 200 };
        self.refuse(now, key, &request, &dialog.local_tag, status, &[]);
        next.map_or(Fate::Continues, |said| self.say(now, dialog, said))
    }

    /// A caller that never acknowledges cannot be rung (RFC 3262 3).
    pub(super) fn provisional_timeout(&mut self, now: Moment, dialog: &mut Dialog) -> Fate {
        let Phase::Incoming(incoming) = &mut dialog.phase else { return Fate::Continues };
        match incoming.reliable.as_mut().and_then(|reliable| reliable.take_due(now)) {
            Some(ReliableDue::Repeat(Transmit { target, bytes })) => {
                let status = self.servers.get(&incoming.transaction).map_or(180, |server| server.last_status);
                self.send_response(target, "INVITE", status, bytes);
                Fate::Continues
            }
            Some(ReliableDue::Remind(said)) => self.respond(now, dialog, said),
            Some(ReliableDue::GiveUp) => {
                let (key, request) = (incoming.transaction, incoming.request.clone());
                self.refuse(now, key, &request, &dialog.local_tag, 504, &[]);
                Fate::Over
            }
            None => Fate::Continues,
        }
    }
}
