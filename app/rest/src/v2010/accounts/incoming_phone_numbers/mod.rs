//! `/2010-04-01/Accounts/{AC}/IncomingPhoneNumbers` (contract, rest.md 2 "IncomingPhoneNumbers"). Numbers are
//! brought along, not bought: there is no stock to search, and whoever runs the service says which there are.

mod kinds;
mod parameters;
mod representation;
mod transfer;

use ringway_engine::calls::CallControl;
use ringway_model::sid::{AddressSid, PhoneNumberSid};
use ringway_store::{
    IncomingPhoneNumber, IncomingPhoneNumberFields, Page, PageQuery, PhoneNumberError, PhoneNumberFilter,
};

use super::calls::formatted;
use crate::error::{Code, Fault};
use crate::page::Listing;
use crate::parameters::{Sent, parameters};
use crate::reply::{Created, Deleted, Found, Listed};
use crate::request::Request;
use crate::rules::{self, required};
use crate::tree::{Group, Scope, Tree};
use kinds::{All, Local, Mobile, Numbers, TollFree};
use parameters::Changes;
use representation::{Dependent, Shown};
use transfer::Transfer;

static GROUP: Group = Group {
    name: "Incoming phone numbers",
    about: "Numbers that calls come in to. They are brought along, not bought: there is no stock to search.",
    is_administrative: false,
};

const LIST: &str = "Lists the numbers, newest first.";
const ADD: &str = "Adds a number that you have.";

pub(super) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    tree.at(&GROUP, Scope::BelowAccount, "/IncomingPhoneNumbers")
        .get("ListIncomingPhoneNumber", LIST, list::<C, All>)
        .post("CreateIncomingPhoneNumber", ADD, create_any);
    tree.at(&GROUP, Scope::BelowAccount, "/IncomingPhoneNumbers/Local")
        .get("ListIncomingPhoneNumberLocal", LIST, list::<C, Local>)
        .post("CreateIncomingPhoneNumberLocal", ADD, create::<C, Local>);
    tree.at(&GROUP, Scope::BelowAccount, "/IncomingPhoneNumbers/Mobile")
        .get("ListIncomingPhoneNumberMobile", LIST, list::<C, Mobile>)
        .post("CreateIncomingPhoneNumberMobile", ADD, create::<C, Mobile>);
    tree.at(&GROUP, Scope::BelowAccount, "/IncomingPhoneNumbers/TollFree")
        .get("ListIncomingPhoneNumberTollFree", LIST, list::<C, TollFree>)
        .post("CreateIncomingPhoneNumberTollFree", ADD, create::<C, TollFree>);
    tree.at(&GROUP, Scope::BelowAccount, "/IncomingPhoneNumbers/{Sid}")
        .get("FetchIncomingPhoneNumber", "Shows a number.", fetch)
        .post(
            "UpdateIncomingPhoneNumber",
            "Changes what is given of a number, or hands it to another account of the family.",
            update,
        )
        .delete("DeleteIncomingPhoneNumber", "Deletes a number.", delete);
}

parameters! {
    struct Filters {
        /// Only numbers that are new (true), which none is, or that are not (false).
        beta: Option<bool> = "Beta", rules::flag(Code::InvalidParameter);
        /// Only numbers with exactly this name.
        friendly_name: Option<String> = "FriendlyName", rules::any_text();
        /// Only numbers with these digits in this order; `*` stands for any digit.
        phone_number: Option<String> = "PhoneNumber", rules::pattern(
            |letter| letter.is_ascii_digit() || matches!(letter, '*' | '+' | ' ' | '-' | '(' | ')'),
            "[0-9*+ ()-]",
            "digits, + and *",
            Code::InvalidParameter,
        );
        /// Only numbers of this origin; here all are `hosted`.
        origin: Option<String> = "Origin", rules::any_text();
    }
}

parameters! {
    struct Known {
        /// The number, as people write it; North American ones need no country code.
        phone_number: String =
            "PhoneNumber", required(rules::phone_number(Code::NumberInvalid), Code::NumberInvalid);
    }
}

parameters! {
    struct Wanted {
        /// An area to get any number of. Without a `PhoneNumber` it is refused: no number is for sale.
        area_code: Option<String> = "AreaCode", rules::any_text();
        /// The number, as people write it; North American ones need no country code.
        phone_number: Option<String> = "PhoneNumber", rules::phone_number(Code::NumberInvalid);
    }
}

/// `GET .../Addresses/{AD}/DependentPhoneNumbers`
pub(super) async fn list_dependent<C: CallControl>(
    request: Request<C>,
    address: AddressSid,
    sent: Sent<Listing<()>>,
) -> Result<Listed<Dependent>, Fault> {
    let asked = sent.read()?;
    let found = request.store().dependent_phone_numbers(&request.account.sid, &address, &asked.query)?;
    let page = found.ok_or_else(Fault::not_found)?;
    Ok(asked.of(page.map(Dependent)))
}

async fn list<C: CallControl, N: Numbers>(
    request: Request<C>,
    sent: Sent<Listing<Filters>>,
) -> Result<Listed<Shown<N>>, Fault> {
    let mut asked = sent.read()?;
    let filters = &mut asked.filters;
    // No number here is new to anybody, or belongs to anybody but its owner.
    let excludes_all = filters.beta == Some(true) || filters.origin.as_ref().is_some_and(|it| it != "hosted");
    let is_plain = |letter: &char| !matches!(letter, ' ' | '-' | '(' | ')');
    let filter = PhoneNumberFilter {
        kind: N::KIND,
        friendly_name: filters.friendly_name.take(),
        pattern: filters.phone_number.take().map(|pattern| pattern.chars().filter(is_plain).collect()),
    };
    let page = match excludes_all {
        true => nothing(&asked.query),
        false => request.store().incoming_phone_numbers(&request.account.sid, &filter, &asked.query)?,
    };
    Ok(asked.of(page.map(Shown::new)))
}

fn nothing(query: &PageQuery) -> Page<IncomingPhoneNumber> {
    Page { rows: Vec::new(), page: query.page, size: query.size, has_next: false }
}

async fn create_any<C: CallControl>(
    request: Request<C>,
    sent: Sent<(Wanted, Changes)>,
) -> Result<Created<Shown<All>>, Fault> {
    let (Wanted { area_code, phone_number }, changes) = sent.read()?;
    let phone_number = phone_number.ok_or_else(|| no_number(area_code.as_deref()))?;
    create_as(&request, phone_number, &changes).await
}

async fn create<C: CallControl, N: Numbers>(
    request: Request<C>,
    sent: Sent<(Known, Changes)>,
) -> Result<Created<Shown<N>>, Fault> {
    let (Known { phone_number }, changes) = sent.read()?;
    create_as(&request, phone_number, &changes).await
}

async fn create_as<C, N: Numbers>(
    request: &Request<C>,
    phone_number: String,
    changes: &Changes,
) -> Result<Created<Shown<N>>, Fault> {
    let kind = kinds::kind_of(&phone_number, N::KIND)?;
    let name = formatted(&phone_number);
    let mut fields = IncomingPhoneNumberFields::new(phone_number, kind, name);
    changes.apply(&mut fields);
    changes.check(&fields)?;
    let created = request.store().create_incoming_phone_number(request.account.sid, fields).await;
    Ok(Created(Shown::new(created.map_err(explain)?)))
}

/// A number of an area is asked for, and none is for sale.
fn no_number(area: Option<&str>) -> Fault {
    match area {
        None => Fault::because(Code::NumberInvalid, "PhoneNumber is required"),
        Some(area) if area.len() == 3 && area.bytes().all(|byte| byte.is_ascii_digit()) => {
            Fault::because(Code::NoNumberInArea, "give the PhoneNumber that you have")
        }
        Some(_) => Fault::because(Code::InvalidArea, "AreaCode must be three digits"),
    }
}

async fn fetch<C: CallControl>(request: Request<C>, sid: PhoneNumberSid) -> Result<Found<Shown<All>>, Fault> {
    Ok(Found(Shown::new(find(&request, &sid)?)))
}

async fn update<C: CallControl>(
    request: Request<C>,
    sid: PhoneNumberSid,
    sent: Sent<(Changes, Transfer)>,
) -> Result<Found<Shown<All>>, Fault> {
    let account = request.account.sid;
    let mut present = find(&request, &sid)?.fields;
    let (changes, transfer) = sent.read()?;
    changes.apply(&mut present);
    changes.check(&present)?;
    let destination = transfer.destination(&request)?;
    let change = move |fields: &mut _| changes.apply(fields);
    let updated = request.store().update_incoming_phone_number(account, sid, destination, change).await;
    Ok(Found(Shown::new(updated.map_err(explain)?.ok_or_else(Fault::not_found)?)))
}

async fn delete<C: CallControl>(request: Request<C>, sid: PhoneNumberSid) -> Result<Deleted, Fault> {
    Deleted::if_so(request.store().delete_incoming_phone_number(request.account.sid, sid).await?)
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
