//! `DELETE /2010-04-01/Accounts/{AC}/SIP/CredentialLists/{CL}/Credentials/{CR}`

use ringway_model::sid::{CredentialListSid, CredentialSid};

use crate::error::Fault;
use crate::reply::Reply;
use crate::request::Request;

pub(super) async fn delete<C>(
    request: &Request<C>,
    list: CredentialListSid,
    sid: CredentialSid,
) -> Result<Reply, Fault> {
    match request.store().delete_credential(request.account.sid, list, sid).await? {
        true => Ok(Reply::Deleted),
        false => Err(Fault::not_found()),
    }
}
