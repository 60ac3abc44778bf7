//! `GET /2010-04-01/Accounts/{AC}/SIP/CredentialLists/{CL}`

use ringway_engine::calls::CallControl;
use ringway_model::sid::CredentialListSid;
use ringway_store::CredentialList;

use crate::error::Fault;
use crate::reply::Row;
use crate::request::Request;

pub(super) async fn fetch<C: CallControl>(
    request: Request<C>,
    sid: CredentialListSid,
) -> Result<Row<CredentialList>, Fault> {
    find(&request, &sid).map(Row)
}

pub(super) fn find<C>(request: &Request<C>, sid: &CredentialListSid) -> Result<CredentialList, Fault> {
    request.store().credential_list(&request.account.sid, sid)?.ok_or_else(Fault::not_found)
}
