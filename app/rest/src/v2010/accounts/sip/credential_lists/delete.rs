//! `DELETE /2010-04-01/Accounts/{AC}/SIP/CredentialLists/{CL}`

use ringway_engine::calls::CallControl;
use ringway_model::sid::CredentialListSid;
use ringway_store::DeleteListError;

use crate::error::{Code, Fault};
use crate::reply::Deleted;
use crate::request::Request;

/// Takes what is in the list with it; mappings must go first.
pub(super) async fn delete<C: CallControl>(
    request: Request<C>,
    sid: CredentialListSid,
) -> Result<Deleted, Fault> {
    match request.store().delete_credential_list(request.account.sid, sid).await {
        Ok(was_there) => Deleted::if_so(was_there),
        Err(DeleteListError::Mapped) => {
            Err(Fault::because(Code::CredentialListInUse, "the list is still mapped to a domain"))
        }
        Err(DeleteListError::Store(error)) => Err(error.into()),
    }
}
