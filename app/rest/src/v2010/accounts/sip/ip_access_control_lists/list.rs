//! `GET /2010-04-01/Accounts/{AC}/SIP/IpAccessControlLists`

use super::{SHAPE, describe};
use crate::error::Fault;
use crate::reply::Reply;
use crate::request::Request;

pub(super) fn list<C>(request: &Request<C>) -> Result<Reply, Fault> {
    let query = request.page()?;
    let page = request.store().ip_access_control_lists(&request.account.sid, &query)?;
    Ok(request.place.page(&SHAPE, "/SIP/IpAccessControlLists", (&query, &[]), &page, describe))
}
