//! Performs what a call's machine decides: one arm an effect.

use std::sync::Arc;

use ringway_call::effect::{Effect, Fetch, Final, Play, Playable};
use ringway_call::input::{Fetched, Input};
use ringway_call::leg::CallFacts;
use ringway_call::params::{self, Ended};
use ringway_model::{CallStatus, Secret, UnixTime};
use ringway_sip::endpoint::Command;
use ringway_store::{CallbackRequest, FinishedCall, NewCall, NewCallback, Pending, StoreError};
use ringway_webhook::{Purpose, Request};

use crate::callbacks;
use crate::events::{self, Asked};
use crate::leg::Unacceptable;
use crate::prompts::{fetch_failure, header_pairs};
use crate::runner::Runner;
use crate::shared::{uuid, webhook_method};

impl Runner {
    pub(crate) fn perform_one(&mut self, effect: Effect) {
        match effect {
            Effect::Ring => self.respond(180, None, Vec::new()),
            Effect::Answer => self.answer(),
            Effect::Route { id } => self.route(id),
            Effect::Invite { branch } => self.invite(branch),
            Effect::EndBranch { branch, reason } => self.end_branch(branch, reason),
            Effect::Accept { branch } => self.accept(branch),
            Effect::StartChild { id, child } => self.start_child(id, *child),
            Effect::EndChild { id, reason } => self.end_child(id, reason),
            Effect::Bridge { id } => self.bridge(id),
            Effect::Unbridge => self.leg.unbridge(),
            Effect::TellParent(news) => self.tell_parent(news),
            Effect::Callback(request) => self.call_back(*request),
            Effect::Refuse { status, reason } => self.respond(status, reason, Vec::new()),
            Effect::Hangup => self.hang_up(),
            Effect::Fetch(fetch) => self.fetch(fetch),
            Effect::CancelFetch { id } => {
                self.fetching.take_if(|(current, _)| *current == id);
            }
            Effect::Play(play) => self.play(play),
            Effect::StopPlay { id } => self.stop_play(id),
            Effect::Notify(notification) => self.notify(&notification),
            Effect::Status(status) => self.store_status(status),
            Effect::Finish(end) => self.finish(*end),
        }
    }

    pub(crate) fn respond(&self, status: u16, reason: Option<&str>, headers: Vec<(String, String)>) {
        let (Some(dialog), reason) = (self.dialog, reason.map(str::to_owned)) else { return };
        self.shared.command(Command::Respond { dialog, status, reason, headers, body: None });
    }

    fn answer(&mut self) {
        match self.leg.open(&self.shared) {
            Ok(body) => {
                let (Some(dialog), body, headers) = (self.dialog, Some(body), Vec::new()) else { return };
                self.shared.command(Command::Respond { dialog, status: 200, reason: None, headers, body });
                let to_answer = self.now().monotonic.since(self.started.monotonic);
                metrics::histogram!("ringway_invite_to_answer_seconds").record(to_answer);
                let own = to_answer.saturating_sub(self.webhook_time);
                metrics::histogram!("ringway_invite_to_answer_without_webhook_seconds").record(own);
                if !self.leg.awaits_answer() {
                    self.input(Input::Answered);
                }
            }
            Err(Unacceptable { status, code, message }) => {
                self.input(Input::AnswerFailed { status, code, message });
            }
        }
    }

    fn hang_up(&mut self) {
        if let Some(dialog) = self.dialog {
            self.shared.command(Command::Hangup { dialog, reason: None, headers: Vec::new() });
        }
        self.leg.close();
    }

    fn fetch(&mut self, fetch: Fetch) {
        self.fetches += 1;
        let asked = Asked {
            number: self.fetches,
            method: fetch.method,
            url: fetch.url.clone(),
            params: fetch.params.clone(),
        };
        let request = Request {
            url: fetch.url,
            method: webhook_method(fetch.method),
            params: fetch.params,
            account_sid: self.facts.account_sid().to_string(),
            signing_token: self.signing_token(),
            idempotency_token: uuid(&mut self.random),
            purpose: Purpose::Document,
        };
        let (shared, session) = (Arc::clone(&self.shared), self.session.clone());
        let facts = Arc::clone(&self.facts);
        let started = self.now().monotonic;
        let answer = async move {
            let response = shared.webhook.fetch(&session, request).await.map_err(fetch_failure);
            let result = response.map(|response| Fetched {
                url: response.url,
                status: response.status,
                content_type: Some(response.content_type).filter(|kind| !kind.is_empty()),
                headers: header_pairs(&response.headers),
                body: response.body,
            });
            let now = shared.now();
            events::record(&shared.store, &facts, asked, &result, (now.monotonic.since(started), now.unix));
            result
        };
        self.fetch_started = started;
        self.fetching = Some((fetch.id, Box::pin(answer)));
    }

    /// The account's token as it was when the call first needed it.
    fn signing_token(&mut self) -> Option<Secret> {
        let (shared, account) = (&self.shared, &self.facts.account_sid());
        self.signing_token.get_or_insert_with(|| shared.signing_token(account)).clone()
    }

    fn play(&mut self, play: Play) {
        if let Playable::Digits(digits) = &play.what {
            return self.leg.send_digits(play.id, digits, play.loops);
        }
        self.loops = play.loops;
        let account = self.facts.account_sid();
        let token = self.signing_token();
        let (shared, session) = (Arc::clone(&self.shared), self.session.clone());
        let prompt = async move { shared.prompts.prepare(play.what, account, token, session).await };
        self.preparing = Some((play.id, Box::pin(prompt)));
    }

    fn stop_play(&mut self, id: ringway_call::effect::EffectId) {
        self.preparing.take_if(|(current, _)| *current == id);
        self.leg.stop_play();
    }

    /// The row, in the first state that the call has.
    pub(crate) fn insert_row(&self) -> Pending<(), StoreError> {
        let facts = &self.facts;
        // Whatever has become of it already is told next.
        let status = match facts.outgoing() {
            Some(_) => CallStatus::Queued,
            None => CallStatus::Ringing,
        };
        metrics::counter!("ringway_calls_started_total").increment(1);
        self.shared.store.insert_call(NewCall {
            sid: facts.call_sid,
            account_sid: facts.account_sid(),
            parent_call_sid: facts.parent_call_sid(),
            direction: facts.direction(),
            status,
            from: facts.leg.from.clone(),
            to: facts.leg.to.clone(),
            caller_name: facts.leg.caller_name.clone(),
            forwarded_from: facts.leg.forwarded_from.clone(),
            phone_number_sid: None,
            domain_sid: facts.domain().map(|gate| gate.sid),
            node: self.shared.node(),
            now: self.started.unix,
            start_time: (status == CallStatus::Ringing).then_some(self.started.unix),
            callback: callback(facts, params::standard(facts, status)),
        })
    }

    /// A callback about a call that goes on.
    fn call_back(&mut self, request: ringway_call::effect::CallbackRequest) {
        let new = NewCallback {
            account_sid: self.facts.account_sid(),
            call_sid: Some(self.facts.call_sid),
            request: CallbackRequest { url: request.url, method: request.method, params: request.params },
            now: self.now().unix,
        };
        self.told_of_progress = true;
        callbacks::progress(&self.shared, new);
    }

    fn store_status(&mut self, status: CallStatus) {
        self.count_as(Some(status));
        let now = self.now().unix;
        let dialled = (status == CallStatus::Initiated).then_some(now);
        drop(self.shared.store.update_call_status(self.facts.call_sid, status, dialled, now));
    }

    /// The final row and the callback that is owed go into one transaction; then the callback is delivered.
    fn finish(&mut self, end: Final) {
        self.finished = true;
        self.count_as(None);
        self.leg.close();
        let duration_s = end.duration_s;
        tracing::info!(status = %end.status, duration_s, "call ended");
        metrics::counter!("ringway_calls_ended_total", "status" => end.status.as_str()).increment(1);
        let in_turn = self.told_of_progress;
        callbacks::finish(
            &self.shared,
            in_turn,
            FinishedCall {
                sid: self.facts.call_sid,
                status: end.status,
                end_time: end.ended_at,
                duration_s,
                answered_by: None,
                callback: end.callback.map(|request| CallbackRequest {
                    url: request.url,
                    method: request.method,
                    params: request.params,
                }),
            },
        );
    }
}

/// The end of a call whose task did not live to tell it.
pub(crate) fn lost(facts: &CallFacts, now: UnixTime) -> FinishedCall {
    let sequence = facts.events().before_the_end();
    let ended =
        Ended { status: CallStatus::Failed, duration_s: 0, at: now, sip_response_code: None, sequence };
    let params = params::completed(params::standard(facts, CallStatus::Failed), &ended);
    FinishedCall {
        sid: facts.call_sid,
        status: ended.status,
        end_time: now,
        duration_s: ended.duration_s,
        answered_by: None,
        callback: callback(facts, params),
    }
}

/// A request to the status callback, when there is one.
fn callback(facts: &CallFacts, params: Vec<(String, String)>) -> Option<CallbackRequest> {
    if !facts.events().completed {
        return None;
    }
    let urls = facts.urls();
    let url = urls.status_callback_url.clone()?;
    Some(CallbackRequest { url, method: urls.status_callback_method, params })
}
