//! `DELETE /2010-04-01/Accounts/{AC}/SIP/IpAccessControlLists/{AL}`

use ringway_model::sid::IpAccessControlListSid;
use ringway_store::DeleteListError;

use crate::error::{Code, Fault};
use crate::reply::Reply;
use crate::request::Request;

/// Takes what is in the list with it; mappings must go first.
pub(super) async fn delete<C>(request: &Request<C>, sid: IpAccessControlListSid) -> Result<Reply, Fault> {
    match request.store().delete_ip_access_control_list(request.account.sid, sid).await {
        Ok(true) => Ok(Reply::Deleted),
        Ok(false) => Err(Fault::not_found()),
        Err(DeleteListError::Mapped) => {
            Err(Fault::because(Code::ListInUse, "the list is still mapped to a domain"))
        }
        Err(DeleteListError::Store(error)) => Err(error.into()),
    }
}
