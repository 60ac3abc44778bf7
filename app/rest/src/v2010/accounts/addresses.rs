//! `/2010-04-01/Accounts/{AC}/Addresses` (contract, rest.md 2 "Addresses").

use ringway_engine::calls::CallControl;
use ringway_model::sid::AddressSid;
use ringway_store::{Address, AddressFields, AddressFilter, AddressInUseError};

use super::incoming_phone_numbers;
use crate::error::{Code, Fault};
use crate::page::Listing;
use crate::parameters::{Sent, parameters};
use crate::reply::{Created, Deleted, Found, Listed};
use crate::representation::{Kind, Personal, Property, Represent, Shape, property, text};
use crate::request::Request;
use crate::rules::{self, required};
use crate::tree::{Group, Scope, Tree};

const FRIENDLY_NAME_MAX: usize = 64;
/// Of an address for emergency calls, which goes to those who send help.
const EMERGENCY_FRIENDLY_NAME_MAX: usize = 32;
const TEXT_MAX: usize = 255;
/// What is wrong with an address as such.
const CODE: Code = Code::PostalAddressValidation;

static GROUP: Group = Group {
    name: "Addresses",
    about: "Postal addresses: who is where, for numbers that need one and for emergency calls.",
    is_administrative: false,
};

pub(super) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    tree.at(&GROUP, Scope::BelowAccount, "/Addresses")
        .get("ListAddress", "Lists the addresses, newest first.", list)
        .post("CreateAddress", "Adds an address.", create);
    tree.at(&GROUP, Scope::BelowAccount, "/Addresses/{Sid}")
        .get("FetchAddress", "Shows an address.", fetch)
        .post("UpdateAddress", "Changes what is given of an address.", update)
        .delete("DeleteAddress", "Deletes an address that no number has.", delete);
    tree.at(&GROUP, Scope::BelowAccount, "/Addresses/{AddressSid}/DependentPhoneNumbers").get(
        "ListDependentPhoneNumber",
        "Lists the phone numbers that have the address.",
        incoming_phone_numbers::list_dependent,
    );
}

parameters! {
    struct Filters {
        /// Only addresses of exactly this customer.
        customer_name: Option<String> = "CustomerName", rules::any_text();
        /// Only addresses that may be sent to where help is called.
        emergency_enabled: Option<bool> = "EmergencyEnabled", rules::flag(Code::InvalidParameter);
        /// Only addresses with exactly this name.
        friendly_name: Option<String> = "FriendlyName", rules::any_text();
        /// Only addresses in this country.
        iso_country: Option<String> = "IsoCountry", rules::any_text();
    }
}

parameters! {
    /// What a new address must have.
    struct Whole {
        /// The city.
        city: String = "City", required(needed(), CODE);
        /// Who is there.
        customer_name: String = "CustomerName", required(needed(), CODE);
        /// The country, by the two letters of ISO 3166-1.
        iso_country: String = "IsoCountry", required(
            rules::pattern(|letter| letter.is_ascii_alphabetic(), "[A-Za-z]", "the two letters of a country", CODE),
            CODE,
        );
        /// The postal code.
        postal_code: String = "PostalCode", required(needed(), CODE);
        /// The state or province.
        region: String = "Region", required(needed(), CODE);
        /// The street and the number.
        street: String = "Street", required(needed(), CODE);
    }
}

parameters! {
    /// What create and update share.
    struct Changes {
        /// Accepted and without effect: addresses are taken as they are.
        _auto_correct_address: Option<bool> = "AutoCorrectAddress", rules::boolean(CODE);
        /// The city.
        city: Option<String> = "City", needed();
        /// Who is there.
        customer_name: Option<String> = "CustomerName", needed();
        /// Whether the address may be sent to where help is called.
        emergency_enabled: Option<bool> = "EmergencyEnabled", rules::boolean(CODE);
        /// A text that describes the address; at most 32 characters of one for emergency calls.
        friendly_name: Option<String> = "FriendlyName", rules::text(0..=FRIENDLY_NAME_MAX, CODE);
        /// The postal code.
        postal_code: Option<String> = "PostalCode", needed();
        /// The state or province.
        region: Option<String> = "Region", needed();
        /// The street and the number.
        street: Option<String> = "Street", needed();
        /// More about where in the street; given empty, nothing more.
        street_secondary: Option<String> = "StreetSecondary", rules::text(0..=TEXT_MAX, CODE);
    }
}

fn needed() -> impl rules::Rule<Value = Option<String>> {
    rules::text(1..=TEXT_MAX, CODE)
}

impl Changes {
    fn apply(&self, fields: &mut AddressFields) {
        let set = |field: &mut String, change: &Option<String>| {
            if let Some(text) = change {
                field.clone_from(text);
            }
        };
        set(&mut fields.city, &self.city);
        set(&mut fields.customer_name, &self.customer_name);
        set(&mut fields.friendly_name, &self.friendly_name);
        set(&mut fields.postal_code, &self.postal_code);
        set(&mut fields.region, &self.region);
        set(&mut fields.street, &self.street);
        fields.emergency_enabled = self.emergency_enabled.unwrap_or(fields.emergency_enabled);
        if let Some(text) = &self.street_secondary {
            fields.street_secondary = Some(text.clone()).filter(|text| !text.is_empty());
        }
    }
}

async fn list<C: CallControl>(
    request: Request<C>,
    sent: Sent<Listing<Filters>>,
) -> Result<Listed<Address>, Fault> {
    let mut asked = sent.read()?;
    let filters = &mut asked.filters;
    let filter = AddressFilter {
        customer_name: filters.customer_name.take(),
        friendly_name: filters.friendly_name.take(),
        emergency_enabled: filters.emergency_enabled,
        iso_country: filters.iso_country.take().map(|country| country.to_ascii_uppercase()),
    };
    let page = request.store().addresses(&request.account.sid, &filter, &asked.query)?;
    Ok(asked.of(page))
}

async fn create<C: CallControl>(
    request: Request<C>,
    sent: Sent<(Whole, Changes)>,
) -> Result<Created<Address>, Fault> {
    let (whole, changes) = sent.read()?;
    if whole.iso_country.len() != 2 {
        return Err(Fault::because(CODE, "IsoCountry must be the two letters of a country"));
    }
    let mut fields = AddressFields {
        customer_name: whole.customer_name,
        friendly_name: String::new(),
        street: whole.street,
        street_secondary: None,
        city: whole.city,
        region: whole.region,
        postal_code: whole.postal_code,
        iso_country: whole.iso_country.to_ascii_uppercase(),
        emergency_enabled: false,
    };
    changes.apply(&mut fields);
    check_name(&fields)?;
    Ok(Created(request.store().create_address(request.account.sid, fields).await?))
}

async fn fetch<C: CallControl>(request: Request<C>, sid: AddressSid) -> Result<Found<Address>, Fault> {
    find(&request, &sid).map(Found)
}

async fn update<C: CallControl>(
    request: Request<C>,
    sid: AddressSid,
    sent: Sent<Changes>,
) -> Result<Found<Address>, Fault> {
    let mut present = find(&request, &sid)?.fields;
    let changes = sent.read()?;
    changes.apply(&mut present);
    check_name(&present)?;
    let change = move |fields: &mut AddressFields| changes.apply(fields);
    let updated = request.store().update_address(request.account.sid, sid, change).await;
    Ok(Found(updated.map_err(explain)?.ok_or_else(Fault::not_found)?))
}

async fn delete<C: CallControl>(request: Request<C>, sid: AddressSid) -> Result<Deleted, Fault> {
    Deleted::if_so(request.store().delete_address(request.account.sid, sid).await.map_err(explain)?)
}

fn find<C>(request: &Request<C>, sid: &AddressSid) -> Result<Address, Fault> {
    request.store().address(&request.account.sid, sid)?.ok_or_else(Fault::not_found)
}

fn check_name(fields: &AddressFields) -> Result<(), Fault> {
    if fields.emergency_enabled && fields.friendly_name.chars().count() > EMERGENCY_FRIENDLY_NAME_MAX {
        let sentence = format!(
            "FriendlyName of an address for emergency calls must have at most {EMERGENCY_FRIENDLY_NAME_MAX} \
             characters"
        );
        return Err(Fault::because(CODE, sentence));
    }
    Ok(())
}

fn explain(error: AddressInUseError) -> Fault {
    match error {
        AddressInUseError::InUse => Fault::because(Code::Conflict, "a phone number has this address"),
        AddressInUseError::Store(error) => error.into(),
    }
}

impl Represent for Address {
    const SHAPE: Shape = Shape {
        name: "Address",
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
    const PROPERTIES: &'static [Property<Self>] = &[
        property("account_sid", Kind::Sid("AC"), "Whose it is.", |address: &Self, _| {
            text(address.account_sid)
        }),
        property("city", Kind::Text, "The city.", |address: &Self, _| address.fields.city.clone().into()),
        property("customer_name", Kind::Text, "Who is there.", |address: &Self, _| {
            address.fields.customer_name.clone().into()
        })
        .personal(Personal::STANDARD),
        property("date_created", Kind::Rfc2822, "When it was made.", |address: &Self, _| {
            address.created.into()
        }),
        property("date_updated", Kind::Rfc2822, "When it was last changed.", |address: &Self, _| {
            address.updated.into()
        }),
        property("friendly_name", Kind::Text, "A text that describes it.", |address: &Self, _| {
            address.fields.friendly_name.clone().into()
        })
        .personal(Personal::STANDARD),
        property("iso_country", Kind::Text, "The country, by two letters.", |address: &Self, _| {
            address.fields.iso_country.clone().into()
        }),
        property("postal_code", Kind::Text, "The postal code.", |address: &Self, _| {
            address.fields.postal_code.clone().into()
        })
        .personal(Personal::STANDARD),
        property("region", Kind::Text, "The state or province.", |address: &Self, _| {
            address.fields.region.clone().into()
        }),
        property("sid", Kind::Sid("AD"), "What it is called in paths.", |address: &Self, _| {
            text(address.sid)
        }),
        property("street", Kind::Text, "The street and the number.", |address: &Self, _| {
            address.fields.street.clone().into()
        })
        .personal(Personal::STANDARD),
        property("uri", Kind::Uri, "Where it is.", |address: &Self, place| {
            place.uri(&address.account_sid, &format!("/Addresses/{}", address.sid)).into()
        }),
        property(
            "emergency_enabled",
            Kind::Boolean,
            "Whether it may be sent to where help is called.",
            |address: &Self, _| address.fields.emergency_enabled.into(),
        ),
        property("validated", Kind::Boolean, "Always false: nobody looks addresses up here.", |_, _| {
            false.into()
        }),
        property("verified", Kind::Boolean, "Always false, for the same reason.", |_, _| false.into()),
        property("street_secondary", Kind::Text, "More about where in the street.", |address: &Self, _| {
            address.fields.street_secondary.clone().into()
        })
        .nullable()
        .personal(Personal::STANDARD),
    ];
}
