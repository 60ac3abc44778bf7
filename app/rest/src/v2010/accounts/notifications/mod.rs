//! `/2010-04-01/Accounts/{AC}/Notifications`, and `Calls/{CA}/Notifications`: the same notifications, of
//! one call (contract, rest.md 2).

mod fetch;
mod list;

use ringway_model::sid::{CallSid, NotificationSid};
use ringway_store::{LogLevel, Notification};

use super::API_VERSION;
use crate::error::Fault;
use crate::reply::Reply;
use crate::representation::{Field, Shape, optional_text, text};
use crate::request::{Place, Request, Verb};

const SHAPE: Shape = Shape {
    key: "notifications",
    element: "Notification",
    elements: "Notifications",
    xml_first: &[
        "sid",
        "account_sid",
        "call_sid",
        "log",
        "error_code",
        "more_info",
        "message_text",
        "message_date",
        "response_body",
        "request_method",
        "request_url",
        "request_variables",
        "response_headers",
        "date_created",
        "api_version",
        "date_updated",
        "uri",
    ],
};

/// `call` is the call of the path, when it names one; the caller has seen that it exists.
pub(super) fn dispatch<C>(
    request: &Request<C>,
    call: Option<&CallSid>,
    path: &[&str],
) -> Result<Reply, Fault> {
    match path {
        [] => match request.verb {
            Verb::Get => list::list(request, call),
            _ => Err(Fault::wrong_verb("GET")),
        },
        [sid] => {
            let sid: NotificationSid = sid.parse().map_err(|_| Fault::not_found())?;
            match request.verb {
                Verb::Get => fetch::fetch(request, call, &sid),
                _ => Err(Fault::wrong_verb("GET")),
            }
        }
        _ => Err(Fault::not_found()),
    }
}

/// The path of the list, below the account.
fn list_path(call: Option<&CallSid>) -> String {
    call.map_or_else(|| "/Notifications".to_owned(), |call| format!("/Calls/{call}/Notifications"))
}

/// The fields that lists show, as the path of the request reaches them.
fn describe(notification: &Notification, call: Option<&CallSid>, place: &Place) -> Vec<Field> {
    let log = match notification.log {
        LogLevel::Error => "0",
        LogLevel::Warning => "1",
    };
    let method = Some(&notification.request_method).filter(|method| !method.is_empty());
    vec![
        ("account_sid", text(notification.account_sid)),
        ("api_version", API_VERSION.into()),
        ("call_sid", optional_text(notification.call_sid)),
        ("date_created", notification.created.into()),
        ("date_updated", notification.updated.into()),
        ("error_code", text(notification.error_code)),
        ("log", log.into()),
        ("message_date", notification.message_date.into()),
        ("message_text", notification.message_text.clone().into()),
        ("more_info", format!("{}{}", place.more_info, notification.error_code).into()),
        ("request_method", method.cloned().into()),
        ("request_url", notification.request_url.clone().into()),
        ("sid", text(notification.sid)),
        ("uri", place.uri(&format!("{}/{}", list_path(call), notification.sid)).into()),
    ]
}
