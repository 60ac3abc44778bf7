//! `/2010-04-01/Accounts/{AC}/SIP/IpAccessControlLists` (contract, rest.md 1).

mod create;
mod delete;
mod fetch;
mod ip_addresses;
mod list;
mod update;

use ringway_model::sid::IpAccessControlListSid;
use ringway_store::IpAccessControlList;

use crate::error::{Code, Fault};
use crate::form::Form;
use crate::reply::Reply;
use crate::representation::{Field, Shape, Value, text};
use crate::request::{Place, Request, Verb};
use crate::rules;

/// Contract, rest.md 4.
const FRIENDLY_NAME_MAX: usize = 255;

const SHAPE: Shape = Shape {
    key: "ip_access_control_lists",
    element: "IpAccessControlList",
    elements: "IpAccessControlLists",
    xml_first: &[
        "sid",
        "account_sid",
        "friendly_name",
        "date_created",
        "date_updated",
        "uri",
        "subresource_uris",
    ],
};

pub(super) async fn dispatch<C>(request: &Request<C>, path: &[&str]) -> Result<Reply, Fault> {
    let [sid, rest @ ..] = path else {
        return match request.verb {
            Verb::Get => list::list(request),
            Verb::Post => create::create(request).await,
            _ => Err(Fault::wrong_verb("GET, POST")),
        };
    };
    let sid: IpAccessControlListSid = sid.parse().map_err(|_| Fault::not_found())?;
    match rest {
        [] => match request.verb {
            Verb::Get => fetch::fetch(request, &sid),
            Verb::Post => update::update(request, sid).await,
            Verb::Delete => delete::delete(request, sid).await,
            Verb::Other => Err(Fault::wrong_verb("GET, POST, DELETE")),
        },
        ["IpAddresses" | "Addresses", rest @ ..] => ip_addresses::dispatch(request, sid, rest).await,
        _ => Err(Fault::not_found()),
    }
}

fn describe(list: &IpAccessControlList, place: &Place) -> Vec<Field> {
    let path = format!("/SIP/IpAccessControlLists/{}", list.sid);
    let links = vec![("ip_addresses", place.uri(&format!("{path}/IpAddresses")))];
    vec![
        ("account_sid", text(list.account_sid)),
        ("date_created", list.created.into()),
        ("date_updated", list.updated.into()),
        ("friendly_name", list.friendly_name.clone().into()),
        ("sid", text(list.sid)),
        ("subresource_uris", Value::Links(links)),
        ("uri", place.uri(&path).into()),
    ]
}

fn friendly_name(form: &Form) -> Result<String, Fault> {
    rules::required_friendly_name(form, FRIENDLY_NAME_MAX, Code::ListValidation).map(str::to_owned)
}

fn friendly_name_taken() -> Fault {
    Fault::because(Code::ListValidation, "FriendlyName is that of another list of this account")
}
