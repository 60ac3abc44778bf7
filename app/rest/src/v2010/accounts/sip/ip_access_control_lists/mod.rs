//! `/2010-04-01/Accounts/{AC}/SIP/IpAccessControlLists` (contract, rest.md 1).

mod create;
mod delete;
mod fetch;
mod ip_addresses;
mod list;
mod update;

use ringway_engine::calls::CallControl;
use ringway_store::IpAccessControlList;

use crate::error::{Code, Fault};
use crate::parameters::parameters;
use crate::representation::{Kind, Property, Represent, Shape, Value, property, text};
use crate::rules::{self, required};
use crate::tree::{Group, Scope, Tree};

/// Contract, rest.md 4.
const FRIENDLY_NAME_MAX: usize = 255;

static GROUP: Group = Group {
    name: "IP access control lists",
    about: "Addresses that calls may come from. A list counts where it is mapped to a domain.",
    is_administrative: false,
};

pub(super) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    tree.at(&GROUP, Scope::BelowAccount, "/SIP/IpAccessControlLists")
        .get("ListSipIpAccessControlList", "Lists the IP access control lists, newest first.", list::list)
        .post("CreateSipIpAccessControlList", "Adds an empty IP access control list.", create::create);
    tree.at(&GROUP, Scope::BelowAccount, "/SIP/IpAccessControlLists/{Sid}")
        .get("FetchSipIpAccessControlList", "Shows an IP access control list.", fetch::fetch)
        .post("UpdateSipIpAccessControlList", "Renames an IP access control list.", update::update)
        .delete(
            "DeleteSipIpAccessControlList",
            "Deletes an IP access control list that is not mapped, with all in it.",
            delete::delete,
        );
    ip_addresses::grow(tree);
}

parameters! {
    /// What create and update share.
    struct Name {
        /// A text that describes the list; no two of an account have the same.
        friendly_name: String = "FriendlyName", required(
            rules::text(1..=FRIENDLY_NAME_MAX, Code::ListValidation),
            Code::ListValidation,
        );
    }
}

impl Represent for IpAccessControlList {
    const SHAPE: Shape = Shape {
        name: "IpAccessControlList",
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
    const PROPERTIES: &'static [Property<Self>] = &[
        property("account_sid", Kind::Sid("AC"), "Whose it is.", |list: &Self, _| text(list.account_sid)),
        property("date_created", Kind::Rfc2822, "When it was made.", |list: &Self, _| list.created.into()),
        property("date_updated", Kind::Rfc2822, "When it was last changed.", |list: &Self, _| {
            list.updated.into()
        }),
        property("friendly_name", Kind::Text, "A text that describes it.", |list: &Self, _| {
            list.friendly_name.clone().into()
        }),
        property("sid", Kind::Sid("AL"), "What it is called in paths.", |list: &Self, _| text(list.sid)),
        property(
            "subresource_uris",
            Kind::Links(&["ip_addresses"]),
            "What is in it.",
            |list: &Self, place| {
                let path = format!("/SIP/IpAccessControlLists/{}/IpAddresses", list.sid);
                Value::Links(vec![("ip_addresses", place.uri(&list.account_sid, &path))])
            },
        ),
        property("uri", Kind::Uri, "Where it is.", |list: &Self, place| {
            place.uri(&list.account_sid, &format!("/SIP/IpAccessControlLists/{}", list.sid)).into()
        }),
    ];
}

fn friendly_name_taken() -> Fault {
    Fault::because(Code::ListValidation, "FriendlyName is that of another list of this account")
}
