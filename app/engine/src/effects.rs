//! Performs what a call's machine decides: one arm an effect.

use std::sync::Arc;

use ringway_call::effect::{Effect, Fetch, Final, Play, Playable};
use ringway_call::input::{Fetched, Input};
use ringway_call::leg::CallFacts;
use ringway_call::params::{self, Ended};
use ringway_model::{CallStatus, Direction, Secret, UnixTime};
use ringway_sip::endpoint::Command;
use ringway_store::{CallbackRequest, FinishedCall, NewCall};
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
        let (dialog, reason) = (self.dialog, reason.map(str::to_owned));
        self.shared.command(Command::Respond { dialog, status, reason, headers, body: None });
    }

    fn answer(&mut self) {
        match self.leg.open(&self.shared) {
            Ok(body) => {
                let headers = Vec::new();
                let (dialog, body) = (self.dialog, Some(body));
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
        let (dialog, reason) = (self.dialog, None);
        self.shared.command(Command::Hangup { dialog, reason, headers: Vec::new() });
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
            account_sid: self.facts.gate.account_sid.to_string(),
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
        let (shared, account) = (&self.shared, &self.facts.gate.account_sid);
        self.signing_token.get_or_insert_with(|| shared.signing_token(account)).clone()
    }

    fn play(&mut self, play: Play) {
        if let Playable::Digits(digits) = &play.what {
            return self.leg.send_digits(play.id, digits, play.loops);
        }
        self.loops = play.loops;
        let account = self.facts.gate.account_sid;
        let token = self.signing_token();
        let (shared, session) = (Arc::clone(&self.shared), self.session.clone());
        let prompt = async move { shared.prompts.prepare(play.what, account, token, session).await };
        self.preparing = Some((play.id, Box::pin(prompt)));
    }

    fn stop_play(&mut self, id: ringway_call::effect::EffectId) {
        self.preparing.take_if(|(current, _)| *current == id);
        self.leg.stop_play();
    }

    /// The row is written beside the webhook; nothing waits for it.
    pub(crate) fn insert_row(&self) {
        let facts = &self.facts;
        drop(self.shared.store.insert_call(NewCall {
            sid: facts.call_sid,
            account_sid: facts.gate.account_sid,
            parent_call_sid: None,
            direction: Direction::Inbound,
            status: CallStatus::Ringing,
            from: facts.leg.from.clone(),
            to: facts.leg.to.clone(),
            caller_name: facts.leg.caller_name.clone(),
            forwarded_from: facts.leg.forwarded_from.clone(),
            phone_number_sid: None,
            domain_sid: Some(facts.gate.sid),
            node: self.shared.node(),
            now: self.started.unix,
            start_time: Some(self.started.unix),
            callback: callback(facts, params::standard(facts, CallStatus::Ringing)),
        }));
        metrics::counter!("ringway_calls_started_total").increment(1);
    }

    fn store_status(&mut self, status: CallStatus) {
        self.count_as(Some(status));
        let now = self.now().unix;
        drop(self.shared.store.update_call_status(self.facts.call_sid, status, None, now));
    }

    /// The final row and the callback that is owed go into one transaction; then the callback is delivered.
    fn finish(&mut self, end: Final) {
        self.finished = true;
        self.count_as(None);
        self.leg.close();
        let duration_s = end.duration_s;
        tracing::info!(status = %end.status, duration_s, "call ended");
        metrics::counter!("ringway_calls_ended_total", "status" => end.status.as_str()).increment(1);
        callbacks::finish(
            &self.shared,
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
    let ended = Ended { status: CallStatus::Failed, duration_s: 0, at: now, sip_response_code: None };
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
    let urls = facts.gate.urls();
    let url = urls.status_callback_url.clone()?;
    Some(CallbackRequest { url, method: urls.status_callback_method, params })
}
