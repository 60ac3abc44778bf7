//! `POST /2010-04-01/Accounts/{AC}/SIP/CredentialLists/{CL}/Credentials`

use ringway_engine::calls::CallControl;
use ringway_model::Secret;
use ringway_model::sid::CredentialListSid;
use ringway_sip::digest::DigestHashes;
use ringway_store::{CreateCredentialError, Credential, NewCredential};

use super::super::fetch::find;
use crate::error::{Code, Fault};
use crate::parameters::{Sent, parameters};
use crate::reply::Created;
use crate::request::Request;
use crate::rules::{self, required};

parameters! {
    pub(super) struct New {
        /// The user name of the phone; no two of a list have the same. It cannot be changed.
        username: String = "Username", required(rules::username(), Code::CredentialValidation);
        /// Its password: at least 12 characters, with a digit, an upper case and a lower case letter.
        password: Secret = "Password", required(rules::password(), Code::CredentialValidation);
    }
}

pub(super) async fn create<C: CallControl>(
    request: Request<C>,
    list: CredentialListSid,
    sent: Sent<New>,
) -> Result<Created<Credential>, Fault> {
    let (account, store) = (request.account.sid, request.store());
    find(&request, &list)?;
    let New { username, password } = sent.read()?;
    let hashes = DigestHashes::compute(&username, store.realm(), password.expose());
    let credential = NewCredential { account_sid: account, credential_list_sid: list, username, hashes };
    let created = store.create_credential(credential).await.map_err(explain)?;
    Ok(Created(created.ok_or_else(Fault::not_found)?))
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
