//! `GET /2010-04-01/Accounts/{AC}/SIP/CredentialLists/{CL}/Credentials/{CR}`

use ringway_model::sid::{CredentialListSid, CredentialSid};

use super::{SHAPE, describe};
use crate::error::Fault;
use crate::reply::Reply;
use crate::request::Request;

pub(super) fn fetch<C>(
    request: &Request<C>,
    list: &CredentialListSid,
    sid: &CredentialSid,
) -> Result<Reply, Fault> {
    let found = request.store().credential(&request.account.sid, list, sid)?;
    let credential = found.ok_or_else(Fault::not_found)?;
    Ok(Reply::Row(&SHAPE, describe(&credential, &request.place)))
}
