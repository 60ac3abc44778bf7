//! `POST /2010-04-01/Accounts/{AC}/SIP/CredentialLists/{CL}/Credentials/{CR}`

use ringway_model::sid::{CredentialListSid, CredentialSid};
use ringway_sip::digest::DigestHashes;

use super::{SHAPE, describe};
use crate::error::Fault;
use crate::reply::Reply;
use crate::request::Request;
use crate::rules;

/// Changes the password; the user name cannot be changed, and without a password nothing is.
pub(super) async fn update<C>(
    request: &Request<C>,
    list: CredentialListSid,
    sid: CredentialSid,
) -> Result<Reply, Fault> {
    let account = request.account.sid;
    let store = request.store();
    let present = store.credential(&account, &list, &sid)?.ok_or_else(Fault::not_found)?;
    let credential = match rules::password(&request.form)? {
        None => present,
        Some(password) => {
            let hashes = DigestHashes::compute(&present.username, store.realm(), password.expose());
            store.update_credential(account, list, sid, hashes).await?.ok_or_else(Fault::not_found)?
        }
    };
    Ok(Reply::Found(&SHAPE, describe(&credential, &request.place)))
}
