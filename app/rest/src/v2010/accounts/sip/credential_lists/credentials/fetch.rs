//! `GET /2010-04-01/Accounts/{AC}/SIP/CredentialLists/{CL}/Credentials/{CR}`

use ringway_engine::calls::CallControl;
use ringway_model::sid::{CredentialListSid, CredentialSid};
use ringway_store::Credential;

use crate::error::Fault;
use crate::reply::Row;
use crate::request::Request;

pub(super) async fn fetch<C: CallControl>(
    request: Request<C>,
    list: CredentialListSid,
    sid: CredentialSid,
) -> Result<Row<Credential>, Fault> {
    find(&request, &list, &sid).map(Row)
}

pub(super) fn find<C>(
    request: &Request<C>,
    list: &CredentialListSid,
    sid: &CredentialSid,
) -> Result<Credential, Fault> {
    request.store().credential(&request.account.sid, list, sid)?.ok_or_else(Fault::not_found)
}
