//! `GET /2010-04-01/Accounts/{AC}/SIP/IpAccessControlLists/{AL}`

use ringway_model::sid::IpAccessControlListSid;

use super::{SHAPE, describe};
use crate::error::Fault;
use crate::reply::Reply;
use crate::request::Request;

pub(super) fn fetch<C>(request: &Request<C>, sid: &IpAccessControlListSid) -> Result<Reply, Fault> {
    let found = request.store().ip_access_control_list(&request.account.sid, sid)?;
    let list = found.ok_or_else(Fault::not_found)?;
    Ok(Reply::Row(&SHAPE, describe(&list, &request.place)))
}
