//! The ends of a call. All of them lead to `finish`, and nothing leads out of it.

use ringway_model::{CallStatus, Moment, Now};

use super::{Activity, CLOSING_TIME, CallMachine, Phase};
use crate::effect::{CallbackRequest, Effect, Final};
use crate::input::Input;
use crate::params::{self, Ended};

impl CallMachine {
    /// Ends it from our side: `answered` when it was answered (or is just being), else refused.
    pub(super) fn end(&mut self, now: Now, answered: CallStatus, unanswered: (u16, CallStatus)) {
        match self.phase {
            Phase::Queued { .. } | Phase::Dialing(_) => self.give_up(now, unanswered.1, None),
            Phase::Ringing { .. } => self.refuse(now, unanswered.0, unanswered.1),
            _ => self.hang_up(now, answered),
        }
    }

    /// Refuses a call that rings.
    pub(super) fn refuse(&mut self, now: Now, sip_status: u16, status: CallStatus) {
        self.drop_activity();
        self.out.push(Effect::Refuse { status: sip_status, reason: None });
        self.finish(now, status, Some(sip_status));
    }

    /// Hangs up. Before the ACK the dialog cannot be ended yet; its ACK, or the want of it, is awaited, since
    /// an ACK that never comes is something to tell.
    pub(super) fn hang_up(&mut self, now: Now, status: CallStatus) {
        if matches!(self.phase, Phase::Closing { .. } | Phase::Over { .. }) {
            return;
        }
        self.drop_activity();
        self.out.push(Effect::Hangup);
        if self.acknowledged {
            return self.finish(now, status, None);
        }
        self.phase = Phase::Closing { status, ended_at: now, until: now.monotonic + CLOSING_TIME };
    }

    pub(super) fn acknowledged(&mut self, now: Now) {
        self.acknowledged = true;
        if let Phase::Closing { status, .. } = self.phase {
            self.finish(now, status, None);
        }
    }

    /// The phone never confirmed our 200: it was not a call, whatever we played into it. When only a later
    /// change of the session went unconfirmed, it was one.
    pub(super) fn acknowledge_timeout(&mut self, now: Now) {
        let message = "ACK not received from your SIP endpoint: the call was torn down".to_owned();
        self.out.notify(self.program.notification(32022, message));
        let status = if self.acknowledged { CallStatus::Completed } else { CallStatus::Failed };
        self.finish(now, status, None);
    }

    /// Without media there is no call. An answer whose ACK brought media that cannot be used (late offer) was
    /// sent already, and so is hung up instead of refused.
    pub(super) fn answer_failed(&mut self, now: Now, sip_status: u16, code: u32, message: String) {
        match self.phase {
            Phase::Answering => {
                self.out.notify(self.program.notification(code, message));
                if self.acknowledged || self.facts.outgoing().is_some() {
                    return self.hang_up(now, CallStatus::Failed);
                }
                self.refuse(now, sip_status, CallStatus::Failed);
            }
            Phase::Closing { status, .. } => self.finish(now, status, Some(sip_status)),
            _ => (),
        }
    }

    /// The other side hung up.
    pub(super) fn bye(&mut self, now: Now, headers: Vec<(String, String)>) {
        self.last_headers = headers;
        let status = match self.phase {
            Phase::Closing { status, .. } | Phase::Over { status } => status,
            Phase::InProgress | Phase::Answering => CallStatus::Completed,
            Phase::Ringing { .. } | Phase::Queued { .. } | Phase::Dialing(_) => CallStatus::NoAnswer,
        };
        self.finish(now, status, None);
    }

    /// The caller gave up, or the dialog was lost.
    pub(super) fn dialog_over(&mut self, now: Now, input: &Input) {
        if matches!(input, Input::Cancelled) {
            return self.cancelled(now);
        }
        let status = match self.phase {
            Phase::Closing { status, .. } | Phase::Over { status } => status,
            Phase::InProgress => CallStatus::Completed,
            _ => CallStatus::Failed,
        };
        self.finish(now, status, None);
    }

    /// The phone was told 487, so an answer of ours that was on its way never left: whatever we believed
    /// meanwhile, nobody was talking.
    fn cancelled(&mut self, now: Now) {
        self.answered_at = None;
        self.finish(now, CallStatus::NoAnswer, Some(487));
    }

    pub(super) fn media_inactive(&mut self, now: Now) {
        if matches!(self.phase, Phase::InProgress) {
            let message =
                "RTP timeout: nothing was heard of the caller's side; the call was ended".to_owned();
            self.out.notify(self.program.notification(86007, message));
            self.hang_up(now, CallStatus::Completed);
        }
    }

    pub(super) fn lasted_too_long(&mut self, now: Now) {
        let message = "Call is terminated due to exceeding maximum call duration".to_owned();
        self.out.notify(self.program.notification(32015, message));
        self.end(now, CallStatus::Completed, (480, CallStatus::NoAnswer));
    }

    pub(super) fn shut_down(&mut self, now: Now) {
        self.end(now, CallStatus::Completed, (503, CallStatus::Failed));
    }

    /// Nobody waits any more for what is outstanding.
    pub(super) fn drop_activity(&mut self) {
        if let Some(id) = self.playing() {
            self.out.push(Effect::StopPlay { id });
        }
        match std::mem::replace(&mut self.activity, Activity::Idle) {
            Activity::Fetching { id, .. } => self.out.push(Effect::CancelFetch { id }),
            Activity::Performing { verb, .. } => verb.abandon(&mut self.out),
            Activity::WithParent => self.out.push(Effect::Unbridge),
            Activity::Idle => (),
        }
    }

    /// The end. A call that we hung up ended then, and not when the dialog did; one that was given up before its
    /// turn is told to nobody (contract, runtime.md 2.1).
    pub(super) fn finish(&mut self, now: Now, status: CallStatus, sip_response_code: Option<u16>) {
        self.drop_activity();
        let ended = match self.phase {
            Phase::Closing { ended_at, .. } => ended_at,
            _ => now,
        };
        let was_queued = matches!(self.phase, Phase::Queued { .. });
        let sip_response_code = sip_response_code.or(self.sip_response_code);
        self.phase = Phase::Over { status };
        let duration_s = self.lasted_s(ended.monotonic);
        let sequence = self.callbacks_sent;
        let end = Ended { status, duration_s, at: ended.unix, sip_response_code, sequence };
        self.tell_end(&end);
        let callback = if was_queued { None } else { self.callback(&end) };
        self.out.push(Effect::Finish(Box::new(Final {
            status,
            answered_at: self.answered_at.map(|answered| answered.unix),
            ended_at: ended.unix,
            duration_s,
            sip_response_code,
            callback,
        })));
    }

    /// From the answer until then, rounded to whole seconds.
    pub(super) fn lasted_s(&self, until: Moment) -> u32 {
        let lasted = self.answered_at.map(|answered| until.since(answered.monotonic));
        u32::try_from((lasted.unwrap_or_default().as_millis() + 500) / 1000).unwrap_or(u32::MAX)
    }

    fn callback(&self, end: &Ended) -> Option<CallbackRequest> {
        if !self.facts.events().completed {
            return None;
        }
        let urls = self.facts.urls();
        let url = urls.status_callback_url.clone()?;
        let params = params::completed(params::standard(&self.facts, end.status), end);
        Some(CallbackRequest { url, method: urls.status_callback_method, params })
    }
}
