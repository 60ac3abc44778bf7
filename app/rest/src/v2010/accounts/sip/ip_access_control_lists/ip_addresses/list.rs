//! `GET /2010-04-01/Accounts/{AC}/SIP/IpAccessControlLists/{AL}/IpAddresses`

use ringway_model::sid::IpAccessControlListSid;

use super::{SHAPE, describe, list_path};
use crate::error::Fault;
use crate::reply::Reply;
use crate::request::Request;

pub(super) fn list<C>(request: &Request<C>, list: &IpAccessControlListSid) -> Result<Reply, Fault> {
    let query = request.page()?;
    let found = request.store().ip_addresses(&request.account.sid, list, &query)?;
    let page = found.ok_or_else(Fault::not_found)?;
    Ok(request.place.page(&SHAPE, &list_path(list), (&query, &[]), &page, describe))
}
