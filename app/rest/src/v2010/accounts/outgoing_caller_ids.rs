//! `/2010-04-01/Accounts/{AC}/OutgoingCallerIds` (contract, rest.md 2).

use std::time::SystemTime;

use ringway_model::UnixTime;
use ringway_model::sid::PhoneNumberSid;
use ringway_store::{
    CallbackRequest, CreateCallerIdError, NewCallback, OutgoingCallerId, OutgoingCallerIdFields,
};

use super::calls::formatted;
use crate::changes;
use crate::error::{Code, Fault};
use crate::filter;
use crate::form::Form;
use crate::reply::Reply;
use crate::representation::{Field, Shape, Value, text};
use crate::request::{Place, Request, Verb};
use crate::rules;

const FRIENDLY_NAME_MAX: usize = 64;
/// In seconds.
const CALL_DELAY_MAX: u32 = 60;

const SHAPE: Shape = Shape {
    key: "outgoing_caller_ids",
    element: "OutgoingCallerId",
    elements: "OutgoingCallerIds",
    xml_first: &[
        "sid",
        "account_sid",
        "friendly_name",
        "phone_number",
        "date_created",
        "date_updated",
        "uri",
    ],
};

const VALIDATION: Shape = Shape {
    key: "validation_requests",
    element: "ValidationRequest",
    elements: "ValidationRequests",
    xml_first: &["account_sid", "phone_number", "friendly_name", "validation_code", "call_sid"],
};

pub(super) async fn dispatch<C>(request: &Request<C>, path: &[&str]) -> Result<Reply, Fault> {
    match path {
        [] => match request.verb {
            Verb::Get => list(request),
            Verb::Post => create(request).await,
            _ => Err(Fault::wrong_verb("GET, POST")),
        },
        [sid] => {
            let sid: PhoneNumberSid = sid.parse().map_err(|_| Fault::not_found())?;
            match request.verb {
                Verb::Get => fetch(request, &sid),
                Verb::Post => update(request, sid).await,
                Verb::Delete => delete(request, sid).await,
                Verb::Other => Err(Fault::wrong_verb("GET, POST, DELETE")),
            }
        }
        _ => Err(Fault::not_found()),
    }
}

fn list<C>(request: &Request<C>) -> Result<Reply, Fault> {
    let query = request.page()?;
    let asked = &request.query;
    let (number, name) = (asked.text("PhoneNumber"), asked.text("FriendlyName"));
    let page = request.store().outgoing_caller_ids(&request.account.sid, number, name, &query)?;
    let given = filter::given(asked, &["PhoneNumber", "FriendlyName"]);
    Ok(request.place.page(&SHAPE, "/OutgoingCallerIds", (&query, &given), &page, describe))
}

/// Whoever runs the service vouches for the numbers it shows, so there is no call that asks for the code:
/// the number may be shown at once, and the status callback says so.
async fn create<C>(request: &Request<C>) -> Result<Reply, Fault> {
    let form = &request.form;
    check_call(form)?;
    let callback = rules::url(form, "StatusCallback", Code::InvalidCallbackUrl)?.flatten();
    let method = rules::method(form, "StatusCallbackMethod", Code::InvalidMethod)?.unwrap_or_default();
    let phone_number = changes::phone_number(form, Code::InvalidPhoneNumber)?;
    let name = rules::friendly_name(form, FRIENDLY_NAME_MAX, Code::InvalidFriendlyName)?;
    let name = name.filter(|name| !name.is_empty()).map(str::to_owned);
    let friendly_name = name.unwrap_or_else(|| formatted(&phone_number));
    let fields = OutgoingCallerIdFields { phone_number, friendly_name };
    let made = request.store().create_outgoing_caller_id(request.account.sid, fields).await;
    let caller_id = made.map_err(explain)?;
    if let Some(url) = callback {
        let params = callback_params(&caller_id);
        let callback = NewCallback {
            account_sid: request.account.sid,
            call_sid: None,
            request: CallbackRequest { url, method, params },
            now: now(),
        };
        request.store().insert_callback(callback).await?;
    }
    Ok(Reply::Found(&VALIDATION, describe_validation(&caller_id)))
}

fn fetch<C>(request: &Request<C>, sid: &PhoneNumberSid) -> Result<Reply, Fault> {
    let found = request.store().outgoing_caller_id(&request.account.sid, sid)?;
    Ok(Reply::Found(&SHAPE, describe(&found.ok_or_else(Fault::not_found)?, &request.place)))
}

async fn update<C>(request: &Request<C>, sid: PhoneNumberSid) -> Result<Reply, Fault> {
    let name = rules::friendly_name(&request.form, FRIENDLY_NAME_MAX, Code::InvalidFriendlyName)?;
    let Some(name) = name else { return fetch(request, &sid) };
    let updated = request.store().update_outgoing_caller_id(request.account.sid, sid, name.to_owned());
    let caller_id = updated.await?.ok_or_else(Fault::not_found)?;
    Ok(Reply::Found(&SHAPE, describe(&caller_id, &request.place)))
}

async fn delete<C>(request: &Request<C>, sid: PhoneNumberSid) -> Result<Reply, Fault> {
    match request.store().delete_outgoing_caller_id(request.account.sid, sid).await? {
        true => Ok(Reply::Deleted),
        false => Err(Fault::not_found()),
    }
}

/// The parameters of the call that is not made must make sense all the same.
fn check_call(form: &Form) -> Result<(), Fault> {
    let delay = form.text("CallDelay").map(str::parse::<u32>);
    if delay.is_some_and(|delay| delay.is_err() || delay.is_ok_and(|delay| delay > CALL_DELAY_MAX)) {
        let sentence = format!("CallDelay must be a number from 0 to {CALL_DELAY_MAX}");
        return Err(Fault::because(Code::InvalidCallDelay, sentence));
    }
    let is_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'*' | b'#' | b'w' | b'W');
    match form.text("Extension") {
        Some(extension) if !extension.bytes().all(is_digit) => {
            Err(Fault::because(Code::InvalidParameter, "Extension must be digits"))
        }
        _ => Ok(()),
    }
}

fn explain(error: CreateCallerIdError) -> Fault {
    match error {
        CreateCallerIdError::Taken => Fault::of(Code::NumberValidated),
        CreateCallerIdError::Store(error) => error.into(),
    }
}

fn callback_params(caller_id: &OutgoingCallerId) -> Vec<(String, String)> {
    let param = |name: &str, value: String| (name.to_owned(), value);
    vec![
        param("AccountSid", caller_id.account_sid.to_string()),
        param("To", caller_id.fields.phone_number.clone()),
        param("VerificationStatus", "success".to_owned()),
        param("OutgoingCallerIdSid", caller_id.sid.to_string()),
    ]
}

fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// There is no call, so the code is only there for programs that show one.
fn describe_validation(caller_id: &OutgoingCallerId) -> Vec<Field> {
    vec![
        ("account_sid", text(caller_id.account_sid)),
        ("call_sid", Value::Null),
        ("friendly_name", caller_id.fields.friendly_name.clone().into()),
        ("phone_number", caller_id.fields.phone_number.clone().into()),
        ("validation_code", "000000".into()),
    ]
}

fn describe(caller_id: &OutgoingCallerId, place: &Place) -> Vec<Field> {
    vec![
        ("sid", text(caller_id.sid)),
        ("date_created", caller_id.created.into()),
        ("date_updated", caller_id.updated.into()),
        ("friendly_name", caller_id.fields.friendly_name.clone().into()),
        ("account_sid", text(caller_id.account_sid)),
        ("phone_number", caller_id.fields.phone_number.clone().into()),
        ("uri", place.uri(&format!("/OutgoingCallerIds/{}", caller_id.sid)).into()),
    ]
}
