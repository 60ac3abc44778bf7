//! `GET /2010-04-01/Accounts/{AC}/SIP/CredentialLists/{CL}/Credentials`

use ringway_model::sid::CredentialListSid;

use super::{SHAPE, describe, list_path};
use crate::error::Fault;
use crate::reply::Reply;
use crate::request::Request;

pub(super) fn list<C>(request: &Request<C>, list: &CredentialListSid) -> Result<Reply, Fault> {
    let query = request.page()?;
    let found = request.store().credentials(&request.account.sid, list, &query)?;
    let page = found.ok_or_else(Fault::not_found)?;
    Ok(request.place.page(&SHAPE, &list_path(list), (&query, &[]), &page, describe))
}
