//! `/2010-04-01/Accounts/{AC}/SIP/CredentialLists/{CL}/Credentials` (contract, rest.md 1). A password is
//! hashed as soon as it has passed its rule, and only the hashes go further.

mod create;
mod delete;
mod fetch;
mod list;
mod update;

use ringway_engine::calls::CallControl;
use ringway_store::Credential;

use super::GROUP;
use crate::representation::{Kind, Personal, Property, Represent, Shape, property, text};
use crate::tree::{Scope, Tree};

pub(super) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    tree.at(&GROUP, Scope::BelowAccount, "/SIP/CredentialLists/{CredentialListSid}/Credentials")
        .get("ListSipCredential", "Lists the credentials of a list, newest first.", list::list)
        .post("CreateSipCredential", "Adds a user name and its password.", create::create);
    tree.at(&GROUP, Scope::BelowAccount, "/SIP/CredentialLists/{CredentialListSid}/Credentials/{Sid}")
        .get("FetchSipCredential", "Shows a credential without its password.", fetch::fetch)
        .post("UpdateSipCredential", "Changes the password; the user name cannot change.", update::update)
        .delete(
            "DeleteSipCredential",
            "Revokes a credential: the next request with it is refused.",
            delete::delete,
        );
}

impl Represent for Credential {
    const SHAPE: Shape = Shape {
        name: "Credential",
        key: "credentials",
        element: "Credential",
        elements: "Credentials",
        xml_first: &[
            "sid",
            "account_sid",
            "credential_list_sid",
            "username",
            "date_created",
            "date_updated",
            "uri",
        ],
    };
    const PROPERTIES: &'static [Property<Self>] = &[
        property("account_sid", Kind::Sid("AC"), "Whose it is.", |it: &Self, _| text(it.account_sid)),
        property("credential_list_sid", Kind::Sid("CL"), "The list that it is in.", |it: &Self, _| {
            text(it.credential_list_sid)
        }),
        property("date_created", Kind::Rfc2822, "When it was made.", |it: &Self, _| it.created.into()),
        property("date_updated", Kind::Rfc2822, "When it was last changed.", |it: &Self, _| {
            it.updated.into()
        }),
        property("sid", Kind::Sid("CR"), "What it is called in paths.", |it: &Self, _| text(it.sid)),
        property("uri", Kind::Uri, "Where it is.", |it: &Self, place| {
            let path = format!("/SIP/CredentialLists/{}/Credentials/{}", it.credential_list_sid, it.sid);
            place.uri(&it.account_sid, &path).into()
        }),
        property("username", Kind::Text, "The user name of the phone.", |it: &Self, _| {
            it.username.clone().into()
        })
        .personal(Personal::STANDARD),
    ];
}
