//! A call and the Dial that began it. The child tells how it fares and waits to be bridged; it ends when its
//! parent says so, and is nobody's child any more once the REST API gave it another document.

use ringway_model::{CallStatus, Now};

use super::{Activity, CallMachine, Phase};
use crate::child::{ChildEnd, ChildNews, EndReason, ParentNews};
use crate::effect::Effect;
use crate::params::Ended;

impl CallMachine {
    /// Takes what the parent says; of one that was left, nothing.
    pub(super) fn parent(&mut self, now: Now, news: ParentNews) {
        match news {
            ParentNews::End(reason) if self.has_parent => self.end_with_parent(now, reason),
            ParentNews::End(_) | ParentNews::Bridged => (),
        }
    }

    /// Its own document is executed: now it is its parent's turn.
    pub(super) fn wait_for_parent(&mut self) {
        self.activity = Activity::WithParent;
        self.out.push(Effect::TellParent(ChildNews::Ready));
    }

    /// Another document is executed: the parent goes on without it.
    pub(super) fn leave_parent(&mut self, now: Now) {
        if std::mem::take(&mut self.has_parent) {
            let sequence = self.callbacks_sent;
            let (status, duration_s) = (CallStatus::Completed, self.lasted_s(now.monotonic));
            let ended = Ended { status, duration_s, at: now.unix, sip_response_code: Some(200), sequence };
            self.out.push(Effect::TellParent(ChildNews::Left(Box::new(self.child_end(&ended)))));
        }
    }

    /// The parent is told of the end, unless it was left.
    pub(super) fn tell_end(&mut self, ended: &Ended) {
        if std::mem::take(&mut self.has_parent) {
            self.out.push(Effect::TellParent(ChildNews::Ended(Box::new(self.child_end(ended)))));
        }
    }

    fn child_end(&self, ended: &Ended) -> ChildEnd {
        let extension = |(name, _): &&(String, String)| crate::leg::is_extension(name);
        ChildEnd {
            call_sid: self.facts.call_sid,
            status: ended.status,
            duration_s: ended.duration_s,
            sip_call_id: self.facts.leg.sip_call_id.clone(),
            sip_response_code: ended.sip_response_code,
            headers: self.last_headers.iter().filter(extension).cloned().collect(),
        }
    }

    fn end_with_parent(&mut self, now: Now, reason: EndReason) {
        match self.phase {
            Phase::Queued { .. } | Phase::Dialing(_) => {
                self.give_up(now, CallStatus::NoAnswer, reason.header());
            }
            _ => self.hang_up(now, CallStatus::Completed),
        }
    }
}
