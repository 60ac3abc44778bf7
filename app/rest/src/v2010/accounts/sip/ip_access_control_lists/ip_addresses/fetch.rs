//! `GET /2010-04-01/Accounts/{AC}/SIP/IpAccessControlLists/{AL}/IpAddresses/{IP}`

use ringway_model::sid::{IpAccessControlListSid, IpAddressSid};

use super::{SHAPE, describe};
use crate::error::Fault;
use crate::reply::Reply;
use crate::request::Request;

pub(super) fn fetch<C>(
    request: &Request<C>,
    list: &IpAccessControlListSid,
    sid: &IpAddressSid,
) -> Result<Reply, Fault> {
    let found = request.store().ip_address(&request.account.sid, list, sid)?;
    let address = found.ok_or_else(Fault::not_found)?;
    Ok(Reply::Row(&SHAPE, describe(&address, &request.place)))
}
