//! `POST /2010-04-01/Accounts/{AC}/SIP/CredentialLists/{CL}/Credentials/{CR}`

use ringway_engine::calls::CallControl;
use ringway_model::Secret;
use ringway_model::sid::{CredentialListSid, CredentialSid};
use ringway_sip::digest::DigestHashes;
use ringway_store::Credential;

use super::fetch::find;
use crate::error::Fault;
use crate::parameters::{Sent, parameters};
use crate::reply::Found;
use crate::request::Request;
use crate::rules;

parameters! {
    pub(super) struct Changes {
        /// The new password: at least 12 characters, with a digit, an upper case and a lower case letter.
        password: Option<Secret> = "Password", rules::password();
    }
}

/// Changes the password; the user name cannot be changed, and without a password nothing is.
pub(super) async fn update<C: CallControl>(
    request: Request<C>,
    list: CredentialListSid,
    sid: CredentialSid,
    sent: Sent<Changes>,
) -> Result<Found<Credential>, Fault> {
    let (account, store) = (request.account.sid, request.store());
    let present = find(&request, &list, &sid)?;
    let Some(password) = sent.read()?.password else { return Ok(Found(present)) };
    let hashes = DigestHashes::compute(&present.username, store.realm(), password.expose());
    let updated = store.update_credential(account, list, sid, hashes).await?;
    Ok(Found(updated.ok_or_else(Fault::not_found)?))
}
