//! At start: what a crash left unfinished. Every call of this node that was not over becomes `failed`, its
//! application gets the one `completed` callback that it is owed, and a notification says why.

use ringway_call::params::{self, Ended};
use ringway_model::sid::CallSid;
use ringway_model::{CallStatus, Direction, Now};
use ringway_store::{
    CallbackRequest, LogLevel, NewNotification, Recovered, Store, StoreError, UnfinishedCall,
};

/// The number of the notification: an internal failure (contract, runtime.md 1.8).
const INTERNAL_FAILURE: u32 = 12400;

/// `initiated`, `ringing` and `answered` may have been told before the end.
const CALLBACKS_BEFORE_THE_END_MAX: u32 = 3;

/// Settles them all in one transaction and returns their SIDs.
pub(crate) async fn recover(store: &Store, node: String, now: Now) -> Result<Vec<CallSid>, StoreError> {
    store.recover_calls(node, now.unix, move |unfinished| settle(unfinished, now)).await
}

fn settle(unfinished: &UnfinishedCall, now: Now) -> Recovered {
    let call = &unfinished.call;
    // How many callbacks went before is not known any more; of an inbound call none ever does.
    let sequence = if call.direction == Direction::Inbound { 0 } else { CALLBACKS_BEFORE_THE_END_MAX };
    let ended =
        Ended { status: CallStatus::Failed, duration_s: 0, at: now.unix, sip_response_code: None, sequence };
    let callback = unfinished
        .callback
        .clone()
        .map(|request| CallbackRequest { params: params::completed(request.params, &ended), ..request });
    let notification = NewNotification {
        account_sid: call.account_sid,
        call_sid: Some(call.sid),
        error_code: INTERNAL_FAILURE,
        log: LogLevel::Error,
        message_text: "The server stopped while this call was in progress; the call was lost.".to_owned(),
        message_date: now.unix,
        request_url: String::new(),
        request_method: String::new(),
        request_variables: String::new(),
        response_headers: String::new(),
        response_body: String::new(),
    };
    Recovered { callback, notification: Some(notification) }
}
