//! `/2010-04-01/Accounts/{AC}/SIP/IpAccessControlLists/{AL}/IpAddresses` (contract, rest.md 1), called
//! `Addresses` in the oldest documents.

mod create;
mod delete;
mod fetch;
mod list;
mod update;

use ringway_model::sid::{IpAccessControlListSid, IpAddressSid};
use ringway_store::IpAddress;

use crate::error::{Code, Fault};
use crate::reply::Reply;
use crate::representation::{Field, Shape, text};
use crate::request::{Place, Request, Verb};

/// Contract, rest.md 4.
const FRIENDLY_NAME_MAX: usize = 255;

const SHAPE: Shape = Shape {
    key: "ip_addresses",
    element: "IpAddress",
    elements: "IpAddresses",
    xml_first: &[
        "sid",
        "account_sid",
        "friendly_name",
        "ip_address",
        "cidr_prefix_length",
        "ip_access_control_list_sid",
        "date_created",
        "date_updated",
        "uri",
    ],
};

pub(super) async fn dispatch<C>(
    request: &Request<C>,
    list: IpAccessControlListSid,
    path: &[&str],
) -> Result<Reply, Fault> {
    match path {
        [] => match request.verb {
            Verb::Get => list::list(request, &list),
            Verb::Post => create::create(request, list).await,
            _ => Err(Fault::wrong_verb("GET, POST")),
        },
        [sid] => {
            let sid: IpAddressSid = sid.parse().map_err(|_| Fault::not_found())?;
            match request.verb {
                Verb::Get => fetch::fetch(request, &list, &sid),
                Verb::Post => update::update(request, list, sid).await,
                Verb::Delete => delete::delete(request, list, sid).await,
                Verb::Other => Err(Fault::wrong_verb("GET, POST, DELETE")),
            }
        }
        _ => Err(Fault::not_found()),
    }
}

/// The path of the addresses of a list, below the account.
fn list_path(list: &IpAccessControlListSid) -> String {
    format!("/SIP/IpAccessControlLists/{list}/IpAddresses")
}

fn describe(address: &IpAddress, place: &Place) -> Vec<Field> {
    let path = format!("{}/{}", list_path(&address.ip_access_control_list_sid), address.sid);
    vec![
        ("account_sid", text(address.account_sid)),
        ("date_created", address.created.into()),
        ("date_updated", address.updated.into()),
        ("friendly_name", address.friendly_name.clone().into()),
        ("ip_access_control_list_sid", text(address.ip_access_control_list_sid)),
        ("ip_address", text(address.ip_address)),
        ("cidr_prefix_length", address.cidr_prefix_length.into()),
        ("sid", text(address.sid)),
        ("uri", place.uri(&path).into()),
    ]
}

fn friendly_name_taken() -> Fault {
    Fault::because(Code::ListValidation, "FriendlyName is that of another address of this list")
}

fn address_taken() -> Fault {
    Fault::because(Code::ListValidation, "IpAddress is in this list already")
}

fn invalid_prefix() -> Fault {
    Fault::because(
        Code::AddressValidation,
        "CidrPrefixLength must be a number from 1 to 32, or to 128 with an IPv6 address",
    )
}
