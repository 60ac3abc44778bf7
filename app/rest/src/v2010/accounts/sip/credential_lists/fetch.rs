//! `GET /2010-04-01/Accounts/{AC}/SIP/CredentialLists/{CL}`

use ringway_model::sid::CredentialListSid;

use super::{SHAPE, describe};
use crate::error::Fault;
use crate::reply::Reply;
use crate::request::Request;

pub(super) fn fetch<C>(request: &Request<C>, sid: &CredentialListSid) -> Result<Reply, Fault> {
    let found = request.store().credential_list(&request.account.sid, sid)?;
    let list = found.ok_or_else(Fault::not_found)?;
    Ok(Reply::Row(&SHAPE, describe(&list, &request.place)))
}
