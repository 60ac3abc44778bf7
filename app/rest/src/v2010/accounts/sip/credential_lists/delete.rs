//! `DELETE /2010-04-01/Accounts/{AC}/SIP/CredentialLists/{CL}`

use ringway_model::sid::CredentialListSid;
use ringway_store::DeleteListError;

use crate::error::{Code, Fault};
use crate::reply::Reply;
use crate::request::Request;

/// Takes what is in the list with it; mappings must go first.
pub(super) async fn delete<C>(request: &Request<C>, sid: CredentialListSid) -> Result<Reply, Fault> {
    match request.store().delete_credential_list(request.account.sid, sid).await {
        Ok(true) => Ok(Reply::Deleted),
        Ok(false) => Err(Fault::not_found()),
        Err(DeleteListError::Mapped) => {
            Err(Fault::because(Code::CredentialListInUse, "the list is still mapped to a domain"))
        }
        Err(DeleteListError::Store(error)) => Err(error.into()),
    }
}
