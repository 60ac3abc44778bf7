//! `/2010-04-01/Accounts` (contract, rest.md 2).

mod addresses;
mod applications;
mod calls;
mod create;
mod fetch;
mod incoming_phone_numbers;
mod keys;
mod list;
mod notifications;
mod outgoing_caller_ids;
mod sip;
mod update;
mod usage;

use ringway_engine::calls::CallControl;
use ringway_model::sid::AccountSid;
use ringway_store::{Account, AccountStatus};

use super::{API_VERSION, Asked};
use crate::error::{Code, Fault};
use crate::form::Form;
use crate::reply::Reply;
use crate::representation::{Field, Shape, Value, text};
use crate::request::{Place, Request, Verb};
use crate::rules;

/// Contract, rest.md 0.3, 20002.
const FRIENDLY_NAME_MAX: usize = 64;

/// The accounts themselves: the caller's own and those that it owns.
pub(super) async fn collection<C>(asked: Asked<'_, C>) -> Result<Reply, Fault> {
    let Asked { app, verb, caller, query, form, extension } = asked;
    caller.may_administer()?;
    let account_uri = format!("/{API_VERSION}/Accounts");
    let place = Place { account_uri, extension, more_info: app.more_info.clone() };
    let account = caller.account.clone();
    let request = Request { app: app.clone(), verb, caller, account, query, form, place };
    match request.verb {
        Verb::Get => list::list(&request),
        Verb::Post => create::create(&request).await,
        _ => Err(Fault::wrong_verb("GET, POST")),
    }
}

pub(super) async fn dispatch<C: CallControl>(
    asked: Asked<'_, C>,
    account: &str,
    path: &[&str],
) -> Result<Reply, Fault> {
    let request = enter(asked, account)?;
    if request.account.status != AccountStatus::Active && !path.is_empty() {
        return Err(Fault::of(Code::AccountNotActive));
    }
    match path {
        [] => match request.verb {
            Verb::Get => fetch::fetch(&request),
            Verb::Post => update::update(&request).await,
            _ => Err(Fault::wrong_verb("GET, POST")),
        },
        ["Addresses", rest @ ..] => addresses::dispatch(&request, rest).await,
        ["Applications", rest @ ..] => applications::dispatch(&request, rest).await,
        ["Calls", rest @ ..] => calls::dispatch(&request, rest).await,
        ["IncomingPhoneNumbers", rest @ ..] => incoming_phone_numbers::dispatch(&request, rest).await,
        ["Keys", rest @ ..] => keys::dispatch(&request, &keys::KEYS, rest).await,
        ["Notifications", rest @ ..] => notifications::dispatch(&request, None, rest),
        ["OutgoingCallerIds", rest @ ..] => outgoing_caller_ids::dispatch(&request, rest).await,
        ["SigningKeys", rest @ ..] => keys::dispatch(&request, &keys::SIGNING_KEYS, rest).await,
        ["SIP", rest @ ..] => sip::dispatch(&request, rest).await,
        ["Usage", "Records", rest @ ..] => usage::dispatch(&request, rest),
        _ => Err(Fault::not_found()),
    }
}

/// Resolves the account of the path, and whether the caller may act on it.
fn enter<C>(asked: Asked<'_, C>, account: &str) -> Result<Request<C>, Fault> {
    let Asked { app, verb, caller, query, form, extension } = asked;
    let sid: AccountSid = account.parse().map_err(|_| Fault::not_found())?;
    let account = caller.reach(&app.store, &sid)?;
    let account_uri = format!("/{API_VERSION}/Accounts/{sid}");
    let place = Place { account_uri, extension, more_info: app.more_info.clone() };
    Ok(Request { app: app.clone(), verb, caller, account, query, form, place })
}

const SHAPE: Shape = Shape {
    key: "accounts",
    element: "Account",
    elements: "Accounts",
    xml_first: &[
        "sid",
        "friendly_name",
        "type",
        "status",
        "date_created",
        "date_updated",
        "auth_token",
        "uri",
    ],
};

/// The collections below an account, by their key and their path.
const SUBRESOURCES: [(&str, &str); 20] = [
    ("available_phone_numbers", "/AvailablePhoneNumbers"),
    ("calls", "/Calls"),
    ("conferences", "/Conferences"),
    ("incoming_phone_numbers", "/IncomingPhoneNumbers"),
    ("notifications", "/Notifications"),
    ("outgoing_caller_ids", "/OutgoingCallerIds"),
    ("recordings", "/Recordings"),
    ("transcriptions", "/Transcriptions"),
    ("addresses", "/Addresses"),
    ("signing_keys", "/SigningKeys"),
    ("connect_apps", "/ConnectApps"),
    ("sip", "/SIP"),
    ("authorized_connect_apps", "/AuthorizedConnectApps"),
    ("usage", "/Usage"),
    ("keys", "/Keys"),
    ("applications", "/Applications"),
    ("short_codes", "/SMS/ShortCodes"),
    ("queues", "/Queues"),
    ("messages", "/Messages"),
    ("balance", "/Balance"),
];

fn describe(account: &Account, place: &Place) -> Vec<Field> {
    let account_uri = format!("/{API_VERSION}/Accounts/{}", account.sid);
    let place = Place { account_uri, ..place.clone() };
    let links = SUBRESOURCES.map(|(key, path)| (key, place.uri(path)));
    vec![
        ("auth_token", account.auth_token.expose().to_owned().into()),
        ("date_created", account.created.into()),
        ("date_updated", account.updated.into()),
        ("friendly_name", account.friendly_name.clone().into()),
        ("owner_account_sid", text(account.owner_account_sid)),
        ("sid", text(account.sid)),
        ("status", account.status.as_str().into()),
        ("subresource_uris", Value::Links(links.into())),
        ("type", "Full".into()),
        ("uri", place.uri("").into()),
    ]
}

fn friendly_name(form: &Form) -> Result<Option<String>, Fault> {
    let name = rules::friendly_name(form, FRIENDLY_NAME_MAX, Code::InvalidFriendlyName)?;
    Ok(name.filter(|name| !name.is_empty()).map(str::to_owned))
}
