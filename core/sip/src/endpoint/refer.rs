//! Transfers: REFER and the NOTIFY that reports of it, both ways (RFC 3515). There is no SUBSCRIBE: the REFER
//! is the subscription.

use bytes::Bytes;
use ringway_model::Moment;

use super::change::Refused;
use super::input::{Body, ReferId};
use super::output::DialogEvent;
use super::table::{Payload, Purpose};
use super::{Endpoint, Fate};
use crate::dialog::refer::PeerRefer;
use crate::dialog::{Dialog, Phase};
use crate::message::{Message, Name, ReferTo, default_reason};
use crate::transaction::key::Key;

/// How long a peer may expect reports of its REFER; the last one ends them.
const REPORTS_EXPIRE_S: u32 = 3600;

impl<T> Endpoint<T> {
    /// Asks the peer to call somebody else.
    pub(super) fn refer(
        &mut self,
        now: Moment,
        dialog: &mut Dialog,
        refer_to: String,
        mut headers: Vec<(String, String)>,
    ) -> Fate {
        if matches!(dialog.phase, Phase::Confirmed) {
            headers.insert(0, (Name::ReferTo.as_str().to_owned(), refer_to));
            self.send_refer(now, dialog, Payload { headers, body: None }, 0);
        } else {
            self.event(dialog.id, DialogEvent::ReferAnswered { status: 481, response: None });
        }
        Fate::Continues
    }

    pub(super) fn send_refer(&mut self, now: Moment, dialog: &mut Dialog, payload: Payload, attempts: u8) {
        self.send_in_dialog(now, dialog, Purpose::Refer, payload, attempts);
        dialog.referrals.sent(dialog.local_cseq);
    }

    /// The peer took our REFER; reports follow, unless it says that there will be none (RFC 4488).
    pub(super) fn refer_accepted(&mut self, dialog: &mut Dialog, response: Message) {
        let silent =
            response.header_named("Refer-Sub").is_some_and(|value| value.eq_ignore_ascii_case("false"));
        if silent {
            dialog.referrals.forget_sent(response.cseq().number);
        }
        let status = response.status().unwrap_or(202);
        self.event(dialog.id, DialogEvent::ReferAnswered { status, response: Some(response) });
    }

    pub(super) fn refer_refused(&mut self, dialog: &mut Dialog, refused: &Refused<'_>) {
        dialog.referrals.forget_sent(refused.cseq);
        let (status, response) = (refused.status, refused.response.cloned());
        self.event(dialog.id, DialogEvent::ReferAnswered { status, response });
    }

    /// The peer asks us to call somebody else: the application decides.
    pub(super) fn serve_refer(
        &mut self,
        now: Moment,
        dialog: &mut Dialog,
        key: Key,
        request: Message,
    ) -> Fate {
        let mut targets = request.headers(Name::ReferTo);
        let sound = targets.next().and_then(ReferTo::parse).is_some() && targets.next().is_none();
        drop(targets);
        if !sound {
            return self.deny(now, dialog, key, &request, 400, &[]);
        }
        if !matches!(dialog.phase, Phase::Confirmed) || dialog.is_given_up() || !dialog.referrals.has_room() {
            return self.deny_for_now(now, dialog, key, &request);
        }
        let refer = ReferId(request.cseq().number);
        dialog.referrals.waiting = Some(PeerRefer { refer, transaction: key, request: request.clone() });
        self.event(dialog.id, DialogEvent::Refer { refer, request });
        Fate::Continues
    }

    /// Accepts or refuses a REFER of the peer. An accepted one is reported of at once (RFC 3515 2.4.4).
    pub(super) fn answer_refer(
        &mut self,
        now: Moment,
        dialog: &mut Dialog,
        refer: ReferId,
        status: u16,
    ) -> Fate {
        let Some(waiting) = dialog.referrals.waiting.take_if(|waiting| waiting.refer == refer) else {
            return Fate::Continues;
        };
        if !(200..300).contains(&status) {
            let status = status.clamp(300, 699);
            let allow = [("Allow".to_owned(), self.config.allow.clone())];
            let headers = if status == 405 { &allow[..] } else { &[] };
            return self.deny(now, dialog, waiting.transaction, &waiting.request, status, headers);
        }
        self.accept_with_contact(now, dialog, waiting.transaction, &waiting.request, 202);
        dialog.referrals.accept(refer);
        self.notify(now, dialog, refer, 100, None)
    }

    /// Reports how a transfer goes; a final status is the last report.
    pub(super) fn notify(
        &mut self,
        now: Moment,
        dialog: &mut Dialog,
        refer: ReferId,
        status: u16,
        reason: Option<&str>,
    ) -> Fate {
        let confirmed = matches!(dialog.phase, Phase::Confirmed);
        let Some(event) = dialog.referrals.event(refer).filter(|_| confirmed) else {
            return Fate::Continues;
        };
        let state = if status >= 200 {
            dialog.referrals.forget_accepted(refer);
            "terminated;reason=noresource".to_owned()
        } else {
            format!("active;expires={REPORTS_EXPIRE_S}")
        };
        let reason = reason.unwrap_or(default_reason(status)).replace(char::is_control, " ");
        let fragment = format!("SIP/2.0 {status} {reason}\r\n");
        let body = Body {
            content_type: "message/sipfrag;version=2.0".to_owned(),
            bytes: Bytes::from(fragment.into_bytes()),
        };
        let headers = vec![
            (Name::Event.as_str().to_owned(), event),
            (Name::SubscriptionState.as_str().to_owned(), state),
        ];
        self.send_in_dialog(now, dialog, Purpose::Notify, Payload { headers, body: Some(body) }, 0);
        Fate::Continues
    }

    /// The peer does not want to hear of its REFER any more, or nobody is there to hear.
    pub(super) fn notify_refused(&mut self, dialog: &mut Dialog, refused: &Refused<'_>) {
        let event = refused.payload.headers.iter().find(|(name, _)| name == Name::Event.as_str());
        let refer = event.and_then(|(_, event)| dialog.referrals.by_event(event));
        if let Some(refer) = refer {
            dialog.referrals.forget_accepted(refer);
        }
    }

    /// A report of our REFER. Others were never asked for (RFC 6665 4.1.3).
    pub(super) fn serve_notify(
        &mut self,
        now: Moment,
        dialog: &mut Dialog,
        key: Key,
        request: Message,
    ) -> Fate {
        let (package, id) = event_of(&request);
        if !package.eq_ignore_ascii_case("refer") {
            let known = [(Name::AllowEvents.as_str().to_owned(), "refer".to_owned())];
            return self.deny(now, dialog, key, &request, 489, &known);
        }
        let Some(number) = dialog.referrals.reported(id) else {
            return self.deny(now, dialog, key, &request, 481, &[]);
        };
        let Some(state) = request.header(Name::SubscriptionState) else {
            return self.deny(now, dialog, key, &request, 400, &[]);
        };
        let state = state.split(';').next().unwrap_or_default().trim();
        if state.eq_ignore_ascii_case("terminated") {
            dialog.referrals.forget_sent(number);
        }
        self.refuse(now, key, &request, &dialog.local_tag, 200, &[]);
        self.event(dialog.id, DialogEvent::Notify { request });
        Fate::Continues
    }

    /// The peer's REFER that nobody will answer any more.
    pub(super) fn refuse_refer(&mut self, now: Moment, dialog: &mut Dialog) {
        if let Some(waiting) = dialog.referrals.waiting.take() {
            self.refuse(now, waiting.transaction, &waiting.request, &dialog.local_tag, 487, &[]);
        }
    }
}

/// The package of an Event header and its id; an id that is no number of ours finds nothing.
fn event_of(request: &Message) -> (&str, Option<u32>) {
    let value = request.header(Name::Event).unwrap_or_default();
    let (package, params) = value.split_once(';').unwrap_or((value, ""));
    let id = params.split(';').find_map(|param| {
        let (name, value) = param.split_once('=')?;
        name.trim().eq_ignore_ascii_case("id").then(|| value.trim().parse().unwrap_or(u32::MAX))
    });
    (package.trim(), id)
}
