//! `/2010-04-01/Accounts/{AC}/IncomingPhoneNumbers` (contract, rest.md 2 "IncomingPhoneNumbers"). Numbers are
//! brought along, not bought: there is no stock to search, and whoever runs the service says which there are.

mod parameters;
mod transfer;

use ringway_model::sid::{AddressSid, PhoneNumberSid};
use ringway_store::{
    IncomingPhoneNumber, IncomingPhoneNumberFields, NumberKind, Page, PageQuery, PhoneNumberError,
    PhoneNumberFilter,
};

use super::calls::formatted;
use crate::changes;
use crate::error::{Code, Fault};
use crate::filter;
use crate::form::Form;
use crate::reply::Reply;
use crate::representation::{Field, Shape, Value, optional_text, text};
use crate::request::{Place, Request, Verb};
use crate::rules;

/// What the kind of free numbers begins with in North America.
const TOLL_FREE: [&str; 7] = ["+1800", "+1833", "+1844", "+1855", "+1866", "+1877", "+1888"];
const FILTERS: &[&str] = &["Beta", "FriendlyName", "PhoneNumber", "Origin"];

const SHAPE: Shape = Shape {
    key: "incoming_phone_numbers",
    element: "IncomingPhoneNumber",
    elements: "IncomingPhoneNumbers",
    xml_first: XML_FIRST,
};

const DEPENDENT: Shape = Shape {
    key: "dependent_phone_numbers",
    element: "DependentPhoneNumber",
    elements: "DependentPhoneNumbers",
    xml_first: XML_FIRST,
};

const XML_FIRST: &[&str] = &[
    "sid",
    "account_sid",
    "friendly_name",
    "phone_number",
    "voice_url",
    "voice_method",
    "voice_fallback_url",
    "voice_fallback_method",
    "status_callback",
    "status_callback_method",
    "voice_caller_id_lookup",
    "voice_application_sid",
    "date_created",
    "date_updated",
    "sms_url",
    "sms_method",
    "sms_fallback_url",
    "sms_fallback_method",
    "sms_application_sid",
    "capabilities",
    "beta",
    "api_version",
    "uri",
];

pub(super) async fn dispatch<C>(request: &Request<C>, path: &[&str]) -> Result<Reply, Fault> {
    let kind = match path {
        [] => None,
        ["Local"] => Some(NumberKind::Local),
        ["Mobile"] => Some(NumberKind::Mobile),
        ["TollFree"] => Some(NumberKind::TollFree),
        [sid] => return instance(request, sid.parse().map_err(|_| Fault::not_found())?).await,
        _ => return Err(Fault::not_found()),
    };
    match request.verb {
        Verb::Get => list(request, kind),
        Verb::Post => create(request, kind).await,
        _ => Err(Fault::wrong_verb("GET, POST")),
    }
}

async fn instance<C>(request: &Request<C>, sid: PhoneNumberSid) -> Result<Reply, Fault> {
    match request.verb {
        Verb::Get => fetch(request, &sid),
        Verb::Post => update(request, sid).await,
        Verb::Delete => delete(request, sid).await,
        Verb::Other => Err(Fault::wrong_verb("GET, POST, DELETE")),
    }
}

/// `GET .../Addresses/{AD}/DependentPhoneNumbers`
pub(super) fn list_dependent<C>(request: &Request<C>, address: &AddressSid) -> Result<Reply, Fault> {
    let query = request.page()?;
    let found = request.store().dependent_phone_numbers(&request.account.sid, address, &query)?;
    let page = found.ok_or_else(Fault::not_found)?;
    let path = format!("/Addresses/{address}/DependentPhoneNumbers");
    Ok(request.place.page(&DEPENDENT, &path, (&query, &[]), &page, describe_dependent))
}

fn list<C>(request: &Request<C>, kind: Option<NumberKind>) -> Result<Reply, Fault> {
    let query = request.page()?;
    let asked = &request.query;
    let filter = PhoneNumberFilter {
        kind,
        friendly_name: asked.text("FriendlyName").map(str::to_owned),
        pattern: asked.text("PhoneNumber").map(pattern).transpose()?,
    };
    let page = match excludes_all(asked)? {
        true => nothing(&query),
        false => request.store().incoming_phone_numbers(&request.account.sid, &filter, &query)?,
    };
    let path = match kind {
        None => "/IncomingPhoneNumbers",
        Some(NumberKind::Local) => "/IncomingPhoneNumbers/Local",
        Some(NumberKind::Mobile) => "/IncomingPhoneNumbers/Mobile",
        Some(NumberKind::TollFree) => "/IncomingPhoneNumbers/TollFree",
    };
    let given = filter::given(asked, FILTERS);
    let describe = |number: &_, place: &_| describe_in(kind, number, place);
    Ok(request.place.page(&SHAPE, path, (&query, &given), &page, describe))
}

/// No number here is new to anybody, or belongs to anybody but its owner.
fn excludes_all(asked: &Form) -> Result<bool, Fault> {
    let beta = match asked.text("Beta") {
        Some(_) => rules::boolean(asked, "Beta", Code::InvalidParameter)?,
        None => None,
    };
    Ok(beta == Some(true) || asked.text("Origin").is_some_and(|origin| origin != "hosted"))
}

fn nothing(query: &PageQuery) -> Page<IncomingPhoneNumber> {
    Page { rows: Vec::new(), page: query.page, size: query.size, has_next: false }
}

/// Digits and `*` for any digit, as the filter has them.
fn pattern(text: &str) -> Result<String, Fault> {
    let plain: String = text.chars().filter(|letter| !matches!(letter, ' ' | '-' | '(' | ')')).collect();
    match plain.chars().all(|letter| letter.is_ascii_digit() || matches!(letter, '*' | '+')) {
        true => Ok(plain),
        false => Err(Fault::because(Code::InvalidParameter, "PhoneNumber must be digits, + and *")),
    }
}

async fn create<C>(request: &Request<C>, kind: Option<NumberKind>) -> Result<Reply, Fault> {
    let form = &request.form;
    if kind.is_none() && form.text("PhoneNumber").is_none() {
        no_stock(form)?;
    }
    let phone_number = changes::phone_number(form, Code::NumberInvalid)?;
    let is_toll_free = TOLL_FREE.iter().any(|prefix| phone_number.starts_with(prefix));
    let found = if is_toll_free { NumberKind::TollFree } else { kind.unwrap_or(NumberKind::Local) };
    if kind.is_some_and(|kind| (kind == NumberKind::TollFree) != is_toll_free) {
        let sentence = format!("{phone_number} is not a number of this kind");
        return Err(Fault::because(Code::NumberTypeMismatch, sentence));
    }
    let name = formatted(&phone_number);
    let mut fields = IncomingPhoneNumberFields::new(phone_number, found, name);
    parameters::read(form)?.apply(&mut fields);
    parameters::check(form, &fields)?;
    let created = request.store().create_incoming_phone_number(request.account.sid, fields).await;
    Ok(Reply::Created(&SHAPE, describe_in(kind, &created.map_err(explain)?, &request.place)))
}

/// A number of an area is asked for, and none is for sale.
fn no_stock(form: &Form) -> Result<(), Fault> {
    let Some(area) = form.text("AreaCode") else { return Ok(()) };
    match area.len() == 3 && area.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Err(Fault::because(Code::NoNumberInArea, "give the PhoneNumber that you have")),
        false => Err(Fault::because(Code::InvalidArea, "AreaCode must be three digits")),
    }
}

fn fetch<C>(request: &Request<C>, sid: &PhoneNumberSid) -> Result<Reply, Fault> {
    Ok(Reply::Found(&SHAPE, describe(&find(request, sid)?, &request.place)))
}

async fn update<C>(request: &Request<C>, sid: PhoneNumberSid) -> Result<Reply, Fault> {
    let account = request.account.sid;
    let mut present = find(request, &sid)?.fields;
    let changes = parameters::read(&request.form)?;
    changes.apply(&mut present);
    parameters::check(&request.form, &present)?;
    let destination = transfer::destination(request)?;
    let change = move |fields: &mut _| changes.apply(fields);
    let updated = request.store().update_incoming_phone_number(account, sid, destination, change).await;
    let number = updated.map_err(explain)?.ok_or_else(Fault::not_found)?;
    let account_uri = request.place.account_uri.replace(account.as_str(), number.account_sid.as_str());
    let place = Place { account_uri, ..request.place.clone() };
    Ok(Reply::Found(&SHAPE, describe(&number, &place)))
}

async fn delete<C>(request: &Request<C>, sid: PhoneNumberSid) -> Result<Reply, Fault> {
    match request.store().delete_incoming_phone_number(request.account.sid, sid).await? {
        true => Ok(Reply::Deleted),
        false => Err(Fault::not_found()),
    }
}

fn find<C>(request: &Request<C>, sid: &PhoneNumberSid) -> Result<IncomingPhoneNumber, Fault> {
    request.store().incoming_phone_number(&request.account.sid, sid)?.ok_or_else(Fault::not_found)
}

fn explain(error: PhoneNumberError) -> Fault {
    match error {
        PhoneNumberError::Taken => Fault::because(Code::NumberNotAvailable, "PhoneNumber is in use"),
        PhoneNumberError::NoApplication { sid } => {
            let sentence = format!("there is no application {sid} in this account");
            Fault::because(Code::ApplicationNotAccessible, sentence)
        }
        PhoneNumberError::NoAddress { sid } => {
            let sentence = format!("AddressSid: there is no address {sid} in this account");
            Fault::because(Code::InvalidParameter, sentence)
        }
        PhoneNumberError::NoEmergencyAddress { sid } => {
            let sentence =
                format!("EmergencyAddressSid: {sid} is not an address of this account with EmergencyEnabled");
            Fault::because(Code::EmergencyAddress, sentence)
        }
        PhoneNumberError::EmergencyStatus => {
            Fault::because(Code::EmergencyStatus, "EmergencyStatus Active needs an EmergencyAddressSid")
        }
        PhoneNumberError::Store(error) => error.into(),
    }
}

/// In a list of one kind, the kind goes without saying.
fn describe_in(kind: Option<NumberKind>, number: &IncomingPhoneNumber, place: &Place) -> Vec<Field> {
    let mut fields = describe(number, place);
    fields.retain(|(key, _)| kind.is_none() || *key != "type");
    fields
}

fn describe(number: &IncomingPhoneNumber, place: &Place) -> Vec<Field> {
    let mut fields = common(number, place);
    let registered = number.fields.emergency_address_sid.is_some();
    let capability = |name: &'static str, can: bool| (name.into(), can.into());
    fields.extend([
        ("address_sid", optional_text(number.fields.address_sid)),
        ("beta", false.into()),
        ("bundle_sid", optional_text(number.fields.bundle_sid)),
        (
            "capabilities",
            Value::Object(vec![
                capability("voice", true),
                capability("sms", false),
                capability("mms", false),
                capability("fax", false),
            ]),
        ),
        ("emergency_address_status", if registered { "registered" } else { "unregistered" }.into()),
        ("identity_sid", optional_text(number.fields.identity_sid)),
        ("origin", "hosted".into()),
        ("status", "in-use".into()),
        ("type", number.fields.kind.as_str().into()),
        ("voice_receive_mode", number.fields.voice_receive_mode.as_str().into()),
    ]);
    fields
}

/// The capabilities of this list are written as the old documents have them.
fn describe_dependent(number: &IncomingPhoneNumber, place: &Place) -> Vec<Field> {
    let mut fields = common(number, place);
    let capability = |name: &'static str, can: bool| (name.into(), can.into());
    let capabilities = vec![capability("Voice", true), capability("SMS", false), capability("MMS", false)];
    fields.push(("capabilities", Value::Object(capabilities)));
    fields
}

fn common(number: &IncomingPhoneNumber, place: &Place) -> Vec<Field> {
    let fields = number.fields.clone();
    vec![
        ("account_sid", text(number.account_sid)),
        ("address_requirements", "none".into()),
        ("api_version", fields.api_version.into()),
        ("date_created", number.created.into()),
        ("date_updated", number.updated.into()),
        ("emergency_address_sid", optional_text(fields.emergency_address_sid)),
        ("emergency_status", if fields.emergency_active { "Active" } else { "Inactive" }.into()),
        ("friendly_name", fields.friendly_name.into()),
        ("phone_number", fields.phone_number.into()),
        ("sid", text(number.sid)),
        ("sms_application_sid", optional_text(fields.sms_application_sid)),
        ("sms_fallback_method", fields.sms_fallback_method.as_str().into()),
        ("sms_fallback_url", fields.sms_fallback_url.into()),
        ("sms_method", fields.sms_method.as_str().into()),
        ("sms_url", fields.sms_url.into()),
        ("status_callback", fields.status_callback.into()),
        ("status_callback_method", fields.status_callback_method.as_str().into()),
        ("trunk_sid", optional_text(fields.trunk_sid)),
        ("uri", place.uri(&format!("/IncomingPhoneNumbers/{}", number.sid)).into()),
        ("voice_application_sid", optional_text(fields.voice_application_sid)),
        ("voice_caller_id_lookup", fields.voice_caller_id_lookup.into()),
        ("voice_fallback_method", fields.voice_fallback_method.as_str().into()),
        ("voice_fallback_url", fields.voice_fallback_url.into()),
        ("voice_method", fields.voice_method.as_str().into()),
        ("voice_url", fields.voice_url.into()),
    ]
}
