//! `/2010-04-01/Accounts/{AC}/OutgoingCallerIds` (contract, rest.md 2).

use std::time::SystemTime;

use ringway_engine::calls::CallControl;
use ringway_model::UnixTime;
use ringway_model::sid::PhoneNumberSid;
use ringway_store::{
    CallbackRequest, CreateCallerIdError, HttpMethod, NewCallback, OutgoingCallerId, OutgoingCallerIdFields,
};

use super::calls::formatted;
use crate::error::{Code, Fault};
use crate::page::Listing;
use crate::parameters::{Sent, parameters};
use crate::reply::{Deleted, Found, Listed};
use crate::representation::{Kind, Personal, Property, Represent, Shape, Value, property, text};
use crate::request::Request;
use crate::rules::{self, required};
use crate::tree::{Group, Scope, Tree};

const FRIENDLY_NAME_MAX: usize = 64;
/// In seconds.
const CALL_DELAY_MAX: u32 = 60;

static GROUP: Group = Group {
    name: "Outgoing caller IDs",
    about: "Numbers that calls may show as their caller's. Whoever runs the service vouches for them, so no call \
            asks for a code.",
    is_administrative: false,
};

pub(super) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    tree.at(&GROUP, Scope::BelowAccount, "/OutgoingCallerIds")
        .get("ListOutgoingCallerId", "Lists the caller IDs, newest first.", list)
        .post("CreateValidationRequest", "Adds a caller ID, which may be shown at once.", create);
    tree.at(&GROUP, Scope::BelowAccount, "/OutgoingCallerIds/{Sid}")
        .get("FetchOutgoingCallerId", "Shows a caller ID.", fetch)
        .post("UpdateOutgoingCallerId", "Renames a caller ID.", update)
        .delete("DeleteOutgoingCallerId", "Deletes a caller ID.", delete);
}

parameters! {
    struct Filters {
        /// Only this number.
        phone_number: Option<String> = "PhoneNumber", rules::any_text();
        /// Only those with exactly this name.
        friendly_name: Option<String> = "FriendlyName", rules::any_text();
    }
}

parameters! {
    struct Name {
        /// A text that describes the number; unless given, the number.
        friendly_name: Option<String> =
            "FriendlyName", rules::text(0..=FRIENDLY_NAME_MAX, Code::InvalidFriendlyName);
    }
}

parameters! {
    struct Validation {
        /// When the call that would ask for the code would begin, in seconds. There is no such call.
        _call_delay: Option<u32> = "CallDelay", rules::number(0..=CALL_DELAY_MAX, Code::InvalidCallDelay);
        /// What that call would dial once it is answered.
        _extension: Option<String> = "Extension", rules::pattern(
            |letter| letter.is_ascii_digit() || matches!(letter, '*' | '#' | 'w' | 'W'),
            "[0-9*#wW]",
            "digits",
            Code::InvalidParameter,
        );
        /// Who is told that the number may be shown.
        status_callback: Option<Option<String>> = "StatusCallback", rules::url(Code::InvalidCallbackUrl);
        /// How it is told.
        status_callback_method: Option<HttpMethod> = "StatusCallbackMethod", rules::method(Code::InvalidMethod);
        /// The number.
        phone_number: String = "PhoneNumber", required(
            rules::phone_number(Code::InvalidPhoneNumber),
            Code::InvalidPhoneNumber,
        );
    }
}

async fn list<C: CallControl>(
    request: Request<C>,
    sent: Sent<Listing<Filters>>,
) -> Result<Listed<OutgoingCallerId>, Fault> {
    let asked = sent.read()?;
    let Filters { phone_number, friendly_name } = &asked.filters;
    let page = request.store().outgoing_caller_ids(
        &request.account.sid,
        phone_number.as_deref(),
        friendly_name.as_deref(),
        &asked.query,
    )?;
    Ok(asked.of(page))
}

/// The status callback says that the number may be shown.
async fn create<C: CallControl>(
    request: Request<C>,
    sent: Sent<(Validation, Name)>,
) -> Result<Found<ValidationRequest>, Fault> {
    let (validation, name) = sent.read()?;
    let name = name.friendly_name.filter(|name| !name.is_empty());
    let friendly_name = name.unwrap_or_else(|| formatted(&validation.phone_number));
    let fields = OutgoingCallerIdFields { phone_number: validation.phone_number, friendly_name };
    let made = request.store().create_outgoing_caller_id(request.account.sid, fields).await;
    let caller_id = made.map_err(explain)?;
    if let Some(url) = validation.status_callback.flatten() {
        let method = validation.status_callback_method.unwrap_or_default();
        let callback = NewCallback {
            account_sid: request.account.sid,
            call_sid: None,
            request: CallbackRequest { url, method, params: callback_params(&caller_id) },
            now: now(),
        };
        request.store().insert_callback(callback).await?;
    }
    Ok(Found(ValidationRequest(caller_id)))
}

async fn fetch<C: CallControl>(
    request: Request<C>,
    sid: PhoneNumberSid,
) -> Result<Found<OutgoingCallerId>, Fault> {
    let found = request.store().outgoing_caller_id(&request.account.sid, &sid)?;
    Ok(Found(found.ok_or_else(Fault::not_found)?))
}

async fn update<C: CallControl>(
    request: Request<C>,
    sid: PhoneNumberSid,
    sent: Sent<Name>,
) -> Result<Found<OutgoingCallerId>, Fault> {
    let Some(name) = sent.read()?.friendly_name else { return fetch(request, sid).await };
    let updated = request.store().update_outgoing_caller_id(request.account.sid, sid, name).await?;
    Ok(Found(updated.ok_or_else(Fault::not_found)?))
}

async fn delete<C: CallControl>(request: Request<C>, sid: PhoneNumberSid) -> Result<Deleted, Fault> {
    Deleted::if_so(request.store().delete_outgoing_caller_id(request.account.sid, sid).await?)
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

/// What adding a number answers with. There is no call, so the code is only there for programs that show one.
struct ValidationRequest(OutgoingCallerId);

impl Represent for ValidationRequest {
    const SHAPE: Shape = Shape {
        name: "ValidationRequest",
        key: "validation_requests",
        element: "ValidationRequest",
        elements: "ValidationRequests",
        xml_first: &["account_sid", "phone_number", "friendly_name", "validation_code", "call_sid"],
    };
    const PROPERTIES: &'static [Property<Self>] = &[
        property("account_sid", Kind::Sid("AC"), "Whose it is.", |it: &Self, _| text(it.0.account_sid)),
        property("call_sid", Kind::Sid("CA"), "Always null: no call is made.", |_, _| Value::Null).nullable(),
        property("friendly_name", Kind::Text, "A text that describes the number.", |it: &Self, _| {
            it.0.fields.friendly_name.clone().into()
        })
        .personal(Personal::STANDARD),
        property("phone_number", Kind::Text, "The number.", |it: &Self, _| {
            it.0.fields.phone_number.clone().into()
        })
        .personal(Personal::STANDARD),
        property("validation_code", Kind::Text, "Always 000000: nobody asks for it.", |_, _| "000000".into()),
    ];
}

impl Represent for OutgoingCallerId {
    const SHAPE: Shape = Shape {
        name: "OutgoingCallerId",
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
    const PROPERTIES: &'static [Property<Self>] = &[
        property("sid", Kind::Sid("PN"), "What it is called in paths.", |it: &Self, _| text(it.sid)),
        property("date_created", Kind::Rfc2822, "When it was made.", |it: &Self, _| it.created.into()),
        property("date_updated", Kind::Rfc2822, "When it was last changed.", |it: &Self, _| {
            it.updated.into()
        }),
        property("friendly_name", Kind::Text, "A text that describes it.", |it: &Self, _| {
            it.fields.friendly_name.clone().into()
        })
        .personal(Personal::STANDARD),
        property("account_sid", Kind::Sid("AC"), "Whose it is.", |it: &Self, _| text(it.account_sid)),
        property("phone_number", Kind::Text, "The number.", |it: &Self, _| {
            it.fields.phone_number.clone().into()
        })
        .personal(Personal::STANDARD),
        property("uri", Kind::Uri, "Where it is.", |it: &Self, place| {
            place.uri(&it.account_sid, &format!("/OutgoingCallerIds/{}", it.sid)).into()
        }),
    ];
}
