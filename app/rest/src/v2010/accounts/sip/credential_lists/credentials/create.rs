//! `POST /2010-04-01/Accounts/{AC}/SIP/CredentialLists/{CL}/Credentials`

use ringway_model::sid::CredentialListSid;
use ringway_sip::digest::DigestHashes;
use ringway_store::{CreateCredentialError, NewCredential};

use super::{SHAPE, describe};
use crate::error::{Code, Fault};
use crate::reply::Reply;
use crate::request::Request;
use crate::rules;

pub(super) async fn create<C>(request: &Request<C>, list: CredentialListSid) -> Result<Reply, Fault> {
    let account = request.account.sid;
    let store = request.store();
    store.credential_list(&account, &list)?.ok_or_else(Fault::not_found)?;
    let username = rules::username(&request.form)?.to_owned();
    let missing = || Fault::because(Code::CredentialValidation, "Password is required");
    let password = rules::password(&request.form)?.ok_or_else(missing)?;
    let hashes = DigestHashes::compute(&username, store.realm(), password.expose());
    let credential = NewCredential { account_sid: account, credential_list_sid: list, username, hashes };
    let created = store.create_credential(credential).await;
    let credential = created.map_err(explain)?.ok_or_else(Fault::not_found)?;
    Ok(Reply::Created(&SHAPE, describe(&credential, &request.place)))
}

fn explain(error: CreateCredentialError) -> Fault {
    match error {
        CreateCredentialError::LimitReached { limit } => {
            Fault::because(Code::MaximumCredentials, format!("a list may have {limit} credentials"))
        }
        CreateCredentialError::UsernameTaken => {
            Fault::because(Code::CredentialValidation, "Username is in this list already")
        }
        CreateCredentialError::Store(error) => error.into(),
    }
}
