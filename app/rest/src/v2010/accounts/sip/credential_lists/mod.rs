//! `/2010-04-01/Accounts/{AC}/SIP/CredentialLists` (contract, rest.md 1).

mod create;
mod credentials;
mod delete;
mod fetch;
mod list;
mod update;

use ringway_engine::calls::CallControl;
use ringway_store::CredentialList;

use crate::error::{Code, Fault};
use crate::parameters::parameters;
use crate::representation::{Kind, Property, Represent, Shape, Value, property, text};
use crate::rules::{self, required};
use crate::tree::{Group, Scope, Tree};

/// Contract, rest.md 4.
const FRIENDLY_NAME_MAX: usize = 64;

static GROUP: Group = Group {
    name: "Credential lists",
    about: "User names and passwords that phones may prove themselves with. A list counts where it is mapped to a domain.",
    is_administrative: false,
};

pub(super) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    tree.at(&GROUP, Scope::BelowAccount, "/SIP/CredentialLists")
        .get("ListSipCredentialList", "Lists the credential lists, newest first.", list::list)
        .post("CreateSipCredentialList", "Adds a empty credential list.", create::create);
    tree.at(&GROUP, Scope::BelowAccount, "/SIP/CredentialLists/{Sid}")
        .get("FetchSipCredentialList", "Shows a credential list.", fetch::fetch)
        .post("UpdateSipCredentialList", "Renames a credential list.", update::update)
        .delete(
            "DeleteSipCredentialList",
            "Deletes a credential list that is not mapped, with all in it.",
            delete::delete,
        );
    credentials::grow(tree);
}

parameters! {
    /// What create and update share.
    struct Name {
        /// A text that describes the list; no two of an account have the same.
        friendly_name: String = "FriendlyName", required(
            rules::text(1..=FRIENDLY_NAME_MAX, Code::CredentialListValidation),
            Code::CredentialListValidation,
        );
    }
}

impl Represent for CredentialList {
    const SHAPE: Shape = Shape {
        name: "CredentialList",
        key: "credential_lists",
        element: "CredentialList",
        elements: "CredentialLists",
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
        property("sid", Kind::Sid("CL"), "What it is called in paths.", |list: &Self, _| text(list.sid)),
        property(
            "subresource_uris",
            Kind::Links(&["credentials"]),
            "What is in it.",
            |list: &Self, place| {
                let path = format!("/SIP/CredentialLists/{}/Credentials", list.sid);
                Value::Links(vec![("credentials", place.uri(&list.account_sid, &path))])
            },
        ),
        property("uri", Kind::Uri, "Where it is.", |list: &Self, place| {
            place.uri(&list.account_sid, &format!("/SIP/CredentialLists/{}", list.sid)).into()
        }),
    ];
}

fn friendly_name_taken() -> Fault {
    Fault::because(Code::CredentialListValidation, "FriendlyName is that of another list of this account")
}
