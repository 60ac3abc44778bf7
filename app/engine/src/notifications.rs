//! Notifications as the store keeps them.

use ringway_call::admit::Refusal;
use ringway_call::effect::{Level, Notification};
use ringway_model::UnixTime;
use ringway_model::sid::{AccountSid, CallSid};
use ringway_store::{Callback, LogLevel, NewNotification};
use ringway_webhook::Failure;

use crate::prompts::header_pairs;

/// Of a call, or of an INVITE that did not become one.
pub(crate) fn of_call(
    account_sid: AccountSid,
    call_sid: Option<CallSid>,
    notification: &Notification,
    now: UnixTime,
) -> NewNotification {
    let response = notification.response.as_ref();
    NewNotification {
        account_sid,
        call_sid,
        error_code: notification.code,
        log: log_level(notification.level),
        message_text: notification.message.clone(),
        message_date: now,
        request_url: notification.url.clone(),
        request_method: notification.method.map_or_else(String::new, |method| method.to_string()),
        request_variables: form(&notification.params),
        response_headers: response.map_or_else(String::new, |response| form(&response.headers)),
        response_body: response.map_or_else(String::new, |response| response.body.clone()),
    }
}

/// Of a request that was turned away.
pub(crate) fn of_refusal(account_sid: AccountSid, refusal: &Refusal, now: UnixTime) -> NewNotification {
    let text = format!("{} (from {}).", refusal.reason, refusal.source);
    plain(account_sid, refusal.code, refusal.level, text, now)
}

/// Of a call for which something of our own has run out.
pub(crate) fn of_shortage(
    account_sid: AccountSid,
    code: u32,
    text: String,
    now: UnixTime,
) -> NewNotification {
    plain(account_sid, code, Level::Error, text, now)
}

fn plain(account_sid: AccountSid, code: u32, level: Level, text: String, now: UnixTime) -> NewNotification {
    NewNotification {
        account_sid,
        call_sid: None,
        error_code: code,
        log: log_level(level),
        message_text: text,
        message_date: now,
        request_url: String::new(),
        request_method: String::new(),
        request_variables: String::new(),
        response_headers: String::new(),
        response_body: String::new(),
    }
}

/// Of a status callback that was not taken.
pub(crate) fn of_callback(callback: &Callback, failure: &Failure, now: UnixTime) -> NewNotification {
    let reply = failure.reply.as_ref();
    NewNotification {
        account_sid: callback.account_sid,
        call_sid: callback.call_sid,
        error_code: failure.code,
        log: LogLevel::Warning,
        message_text: failure.message.clone(),
        message_date: now,
        request_url: ringway_call::url::presentable(&callback.request.url),
        request_method: callback.request.method.to_string(),
        request_variables: form(&callback.request.params),
        response_headers: reply.map_or_else(String::new, |reply| form(&header_pairs(&reply.headers))),
        response_body: reply
            .map_or_else(String::new, |reply| String::from_utf8_lossy(&reply.body).into_owned()),
    }
}

fn log_level(level: Level) -> LogLevel {
    match level {
        Level::Error => LogLevel::Error,
        Level::Warning => LogLevel::Warning,
    }
}

/// Names and values as a form, which is how the notification resource shows them.
fn form(pairs: &[(String, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
