//! `/2010-04-01/Accounts/{AC}/SIP/CredentialLists/{CL}/Credentials` (contract, rest.md 1). A password is
//! hashed as soon as it has passed its rule, and only the hashes go further.

mod create;
mod delete;
mod fetch;
mod list;
mod update;

use ringway_model::sid::{CredentialListSid, CredentialSid};
use ringway_store::Credential;

use crate::error::Fault;
use crate::reply::Reply;
use crate::representation::{Field, Shape, text};
use crate::request::{Place, Request, Verb};

const SHAPE: Shape = Shape {
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

pub(super) async fn dispatch<C>(
    request: &Request<C>,
    list: CredentialListSid,
    path: &[&str],
) -> Result<Reply, Fault> {
    match path {
        [] => match request.verb {
            Verb::Get => list::list(request, &list),
            Verb::Post => create::create(request, list).await,
            _ => Err(Fault::wrong_verb("GET, POST")),
        },
        [sid] => {
            let sid: CredentialSid = sid.parse().map_err(|_| Fault::not_found())?;
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

/// The path of the credentials of a list, below the account.
fn list_path(list: &CredentialListSid) -> String {
    format!("/SIP/CredentialLists/{list}/Credentials")
}

fn describe(credential: &Credential, place: &Place) -> Vec<Field> {
    let path = format!("{}/{}", list_path(&credential.credential_list_sid), credential.sid);
    vec![
        ("account_sid", text(credential.account_sid)),
        ("credential_list_sid", text(credential.credential_list_sid)),
        ("date_created", credential.created.into()),
        ("date_updated", credential.updated.into()),
        ("sid", text(credential.sid)),
        ("uri", place.uri(&path).into()),
        ("username", credential.username.clone().into()),
    ]
}
