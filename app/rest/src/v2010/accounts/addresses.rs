//! `/2010-04-01/Accounts/{AC}/Addresses` (contract, rest.md 2 "Addresses").

use ringway_model::sid::AddressSid;
use ringway_store::{Address, AddressFields, AddressFilter, AddressInUseError};

use super::incoming_phone_numbers;
use crate::changes::Changes;
use crate::error::{Code, Fault};
use crate::filter;
use crate::form::Form;
use crate::reply::Reply;
use crate::representation::{Field, Shape, text};
use crate::request::{Place, Request, Verb};
use crate::rules;

const FRIENDLY_NAME_MAX: usize = 64;
/// Of an address for emergency calls, which goes to those who send help.
const EMERGENCY_FRIENDLY_NAME_MAX: usize = 32;
const TEXT_MAX: usize = 255;

const SHAPE: Shape = Shape {
    key: "addresses",
    element: "Address",
    elements: "Addresses",
    xml_first: &[
        "sid",
        "date_created",
        "date_updated",
        "account_sid",
        "friendly_name",
        "customer_name",
        "street",
        "street_secondary",
        "city",
        "region",
        "postal_code",
        "iso_country",
        "emergency_enabled",
        "validated",
        "verified",
        "uri",
    ],
};

pub(super) async fn dispatch<C>(request: &Request<C>, path: &[&str]) -> Result<Reply, Fault> {
    let [sid, rest @ ..] = path else {
        return match request.verb {
            Verb::Get => list(request),
            Verb::Post => create(request).await,
            _ => Err(Fault::wrong_verb("GET, POST")),
        };
    };
    let sid: AddressSid = sid.parse().map_err(|_| Fault::not_found())?;
    match (rest, request.verb) {
        ([], Verb::Get) => fetch(request, &sid),
        ([], Verb::Post) => update(request, sid).await,
        ([], Verb::Delete) => delete(request, sid).await,
        ([], Verb::Other) => Err(Fault::wrong_verb("GET, POST, DELETE")),
        (["DependentPhoneNumbers"], Verb::Get) => incoming_phone_numbers::list_dependent(request, &sid),
        (["DependentPhoneNumbers"], _) => Err(Fault::wrong_verb("GET")),
        _ => Err(Fault::not_found()),
    }
}

fn list<C>(request: &Request<C>) -> Result<Reply, Fault> {
    let query = request.page()?;
    let asked = &request.query;
    let text = |name| asked.text(name).map(str::to_owned);
    let filter = AddressFilter {
        customer_name: text("CustomerName"),
        friendly_name: text("FriendlyName"),
        emergency_enabled: match asked.text("EmergencyEnabled") {
            Some(_) => rules::boolean(asked, "EmergencyEnabled", Code::InvalidParameter)?,
            None => None,
        },
        iso_country: text("IsoCountry").map(|country| country.to_ascii_uppercase()),
    };
    let page = request.store().addresses(&request.account.sid, &filter, &query)?;
    let given = filter::given(asked, &["CustomerName", "FriendlyName", "EmergencyEnabled", "IsoCountry"]);
    Ok(request.place.page(&SHAPE, "/Addresses", (&query, &given), &page, describe))
}

async fn create<C>(request: &Request<C>) -> Result<Reply, Fault> {
    let form = &request.form;
    for name in ["CustomerName", "Street", "City", "Region", "PostalCode", "IsoCountry"] {
        rules::required(form, name, Code::PostalAddressValidation)?;
    }
    let mut fields = AddressFields {
        customer_name: String::new(),
        friendly_name: String::new(),
        street: String::new(),
        street_secondary: None,
        city: String::new(),
        region: String::new(),
        postal_code: String::new(),
        iso_country: country(form)?,
        emergency_enabled: false,
    };
    changes(form)?.apply(&mut fields);
    check_name(&fields)?;
    let address = request.store().create_address(request.account.sid, fields).await?;
    Ok(Reply::Created(&SHAPE, describe(&address, &request.place)))
}

fn fetch<C>(request: &Request<C>, sid: &AddressSid) -> Result<Reply, Fault> {
    let found = request.store().address(&request.account.sid, sid)?;
    Ok(Reply::Found(&SHAPE, describe(&found.ok_or_else(Fault::not_found)?, &request.place)))
}

async fn update<C>(request: &Request<C>, sid: AddressSid) -> Result<Reply, Fault> {
    let account = request.account.sid;
    let mut present = request.store().address(&account, &sid)?.ok_or_else(Fault::not_found)?.fields;
    let changes = changes(&request.form)?;
    changes.apply(&mut present);
    check_name(&present)?;
    let updated = request.store().update_address(account, sid, move |fields| changes.apply(fields)).await;
    let address = updated.map_err(explain)?.ok_or_else(Fault::not_found)?;
    Ok(Reply::Found(&SHAPE, describe(&address, &request.place)))
}

async fn delete<C>(request: &Request<C>, sid: AddressSid) -> Result<Reply, Fault> {
    match request.store().delete_address(request.account.sid, sid).await.map_err(explain)? {
        true => Ok(Reply::Deleted),
        false => Err(Fault::not_found()),
    }
}

/// What create and update share. `AutoCorrectAddress` has nothing to act on: addresses are taken as they are.
fn changes(form: &Form) -> Result<Changes<AddressFields>, Fault> {
    let code = Code::PostalAddressValidation;
    let needed = |name: &str| match form.value(name) {
        Some("") => Err(Fault::because(code, format!("{name} must not be empty"))),
        Some(text) if text.chars().count() > TEXT_MAX => {
            Err(Fault::because(code, format!("{name} must have at most {TEXT_MAX} characters")))
        }
        other => Ok(other.map(str::to_owned)),
    };
    rules::boolean(form, "AutoCorrectAddress", code)?;
    let mut changes = Changes::default();
    changes.set(needed("City")?, |fields: &mut AddressFields, value| fields.city = value);
    changes.set(needed("CustomerName")?, |fields, value| fields.customer_name = value);
    changes.set(rules::boolean(form, "EmergencyEnabled", code)?, |fields, value| {
        fields.emergency_enabled = value;
    });
    let name = rules::friendly_name(form, FRIENDLY_NAME_MAX, code)?.map(str::to_owned);
    changes.set(name, |fields, value| fields.friendly_name = value);
    changes.set(needed("PostalCode")?, |fields, value| fields.postal_code = value);
    changes.set(needed("Region")?, |fields, value| fields.region = value);
    changes.set(needed("Street")?, |fields, value| fields.street = value);
    let secondary = form.value("StreetSecondary").map(str::to_owned);
    changes.set(secondary, |fields, value| {
        fields.street_secondary = Some(value).filter(|text| !text.is_empty());
    });
    Ok(changes)
}

fn country(form: &Form) -> Result<String, Fault> {
    let text = rules::required(form, "IsoCountry", Code::PostalAddressValidation)?;
    match text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        true => Ok(text.to_ascii_uppercase()),
        false => {
            let sentence = "IsoCountry must be the two letters of a country";
            Err(Fault::because(Code::PostalAddressValidation, sentence))
        }
    }
}

fn check_name(fields: &AddressFields) -> Result<(), Fault> {
    if fields.emergency_enabled && fields.friendly_name.chars().count() > EMERGENCY_FRIENDLY_NAME_MAX {
        let sentence = format!(
            "FriendlyName of an address for emergency calls must have at most {EMERGENCY_FRIENDLY_NAME_MAX} \
             characters"
        );
        return Err(Fault::because(Code::PostalAddressValidation, sentence));
    }
    Ok(())
}

fn explain(error: AddressInUseError) -> Fault {
    match error {
        AddressInUseError::InUse => Fault::because(Code::Conflict, "a phone number has this address"),
        AddressInUseError::Store(error) => error.into(),
    }
}

fn describe(address: &Address, place: &Place) -> Vec<Field> {
    let fields = address.fields.clone();
    vec![
        ("account_sid", text(address.account_sid)),
        ("city", fields.city.into()),
        ("customer_name", fields.customer_name.into()),
        ("date_created", address.created.into()),
        ("date_updated", address.updated.into()),
        ("friendly_name", fields.friendly_name.into()),
        ("iso_country", fields.iso_country.into()),
        ("postal_code", fields.postal_code.into()),
        ("region", fields.region.into()),
        ("sid", text(address.sid)),
        ("street", fields.street.into()),
        ("uri", place.uri(&format!("/Addresses/{}", address.sid)).into()),
        ("emergency_enabled", fields.emergency_enabled.into()),
        ("validated", false.into()),
        ("verified", false.into()),
        ("street_secondary", fields.street_secondary.into()),
    ]
}
