//! The requests that calls make, as the store keeps them for whoever looks into a call later.

use std::time::Duration;

use ringway_call::HttpMethod;
use ringway_call::effect::RESPONSE_BODY_SEEN_BYTES;
use ringway_call::input::{FetchFailure, Fetched};
use ringway_call::leg::CallFacts;
use ringway_model::UnixTime;
use ringway_store::{NewCallEvent, Store};

/// A request that is on its way.
pub(crate) struct Asked {
    /// Which of its call it is, from one.
    pub(crate) number: u32,
    pub(crate) method: HttpMethod,
    pub(crate) url: String,
    pub(crate) params: Vec<(String, String)>,
}

/// Records how it ended; nothing waits for that.
pub(crate) fn record(
    store: &Store,
    facts: &CallFacts,
    asked: Asked,
    result: &Result<Fetched, FetchFailure>,
    (duration, now): (Duration, UnixTime),
) {
    let (response_code, response_content_type, response_body) = seen(result);
    drop(store.insert_call_event(NewCallEvent {
        account_sid: facts.account_sid(),
        call_sid: facts.call_sid,
        number: asked.number,
        request_method: asked.method,
        request_url: asked.url,
        request_params: asked.params,
        response_code,
        response_content_type,
        response_body,
        duration,
        now,
    }));
}

/// What came back; when nothing did, the body says why.
fn seen(result: &Result<Fetched, FetchFailure>) -> (Option<u16>, Option<String>, String) {
    match result {
        Ok(fetched) => {
            // It may be sound, of which there can be much.
            let beginning = fetched.body.get(..RESPONSE_BODY_SEEN_BYTES).unwrap_or(&fetched.body);
            let body = String::from_utf8_lossy(beginning).into_owned();
            (Some(fetched.status), fetched.content_type.clone(), body)
        }
        Err(FetchFailure { response: Some(response), .. }) => {
            let mut headers = response.headers.iter();
            let content_type = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
            (Some(response.status), content_type.map(|(_, kind)| kind.clone()), response.body.clone())
        }
        Err(failure) => (None, None, failure.message.clone()),
    }
}
