//! `DELETE /2010-04-01/Accounts/{AC}/SIP/CredentialLists/{CL}/Credentials/{CR}`

use ringway_engine::calls::CallControl;
use ringway_model::sid::{CredentialListSid, CredentialSid};

use crate::error::Fault;
use crate::reply::Deleted;
use crate::request::Request;

pub(super) async fn delete<C: CallControl>(
    request: Request<C>,
    list: CredentialListSid,
    sid: CredentialSid,
) -> Result<Deleted, Fault> {
    Deleted::if_so(request.store().delete_credential(request.account.sid, list, sid).await?)
}
