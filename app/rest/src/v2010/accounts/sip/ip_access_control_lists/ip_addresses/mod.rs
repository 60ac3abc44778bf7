//! `/2010-04-01/Accounts/{AC}/SIP/IpAccessControlLists/{AL}/IpAddresses` (contract, rest.md 1), called
//! `Addresses` in the oldest documents.

mod create;
mod delete;
mod fetch;
mod list;
mod update;

use std::net::IpAddr;

use ringway_engine::calls::CallControl;
use ringway_store::IpAddress;

use super::GROUP;
use crate::error::{Code, Fault};
use crate::representation::{Kind, Property, Represent, Shape, property, text};
use crate::rules::{self, Rule};
use crate::tree::{Scope, Tree};

/// Contract, rest.md 4.
const FRIENDLY_NAME_MAX: usize = 255;

pub(super) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    let lists = "/SIP/IpAccessControlLists/{IpAccessControlListSid}";
    tree.at(&GROUP, Scope::BelowAccount, &format!("{lists}/IpAddresses"))
        .get("ListSipIpAddress", "Lists the addresses of a list, newest first.", list::list)
        .post("CreateSipIpAddress", "Adds an address, or a range of them.", create::create);
    tree.at(&GROUP, Scope::BelowAccount, &format!("{lists}/IpAddresses/{{Sid}}"))
        .get("FetchSipIpAddress", "Shows an address.", fetch::fetch)
        .post("UpdateSipIpAddress", "Changes what is given of an address.", update::update)
        .delete("DeleteSipIpAddress", "Deletes an address.", delete::delete);
    tree.at(&GROUP, Scope::BelowAccount, &format!("{lists}/Addresses"))
        .old()
        .get("ListSipAddress", "Lists the addresses of a list, newest first.", list::list)
        .post("CreateSipAddress", "Adds an address, or a range of them.", create::create);
    tree.at(&GROUP, Scope::BelowAccount, &format!("{lists}/Addresses/{{Sid}}"))
        .old()
        .get("FetchSipAddress", "Shows an address.", fetch::fetch)
        .post("UpdateSipAddress", "Changes what is given of an address.", update::update)
        .delete("DeleteSipAddress", "Deletes an address.", delete::delete);
}

fn friendly_name() -> impl Rule<Value = Option<String>> {
    rules::text(1..=FRIENDLY_NAME_MAX, Code::AddressValidation)
}

impl Represent for IpAddress {
    const SHAPE: Shape = Shape {
        name: "IpAddress",
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
    const PROPERTIES: &'static [Property<Self>] = &[
        property("account_sid", Kind::Sid("AC"), "Whose it is.", |it: &Self, _| text(it.account_sid)),
        property("date_created", Kind::Rfc2822, "When it was made.", |it: &Self, _| it.created.into()),
        property("date_updated", Kind::Rfc2822, "When it was last changed.", |it: &Self, _| {
            it.updated.into()
        }),
        property("friendly_name", Kind::Text, "A text that describes it.", |it: &Self, _| {
            it.friendly_name.clone().into()
        }),
        property("ip_access_control_list_sid", Kind::Sid("AL"), "The list that it is in.", |it: &Self, _| {
            text(it.ip_access_control_list_sid)
        }),
        property("ip_address", Kind::IpAddress, "The address.", |it: &Self, _| text(it.ip_address)),
        property(
            "cidr_prefix_length",
            Kind::Integer,
            "How many of its bits count, from 1 to 32.",
            |it: &Self, _| it.cidr_prefix_length.into(),
        ),
        property("sid", Kind::Sid("IP"), "What it is called in paths.", |it: &Self, _| text(it.sid)),
        property("uri", Kind::Uri, "Where it is.", |it: &Self, place| {
            let path =
                format!("/SIP/IpAccessControlLists/{}/IpAddresses/{}", it.ip_access_control_list_sid, it.sid);
            place.uri(&it.account_sid, &path).into()
        }),
    ];
}

/// Refuses an IPv6 address where the operator does not let them into lists.
fn admit(address: IpAddr, request_takes_ipv6: bool) -> Result<IpAddr, Fault> {
    match address.is_ipv4() || request_takes_ipv6 {
        true => Ok(address),
        false => {
            let sentence = "IpAddress must be a complete IPv4 address in dotted decimal notation";
            Err(Fault::because(Code::AddressValidation, sentence))
        }
    }
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
