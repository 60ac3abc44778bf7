//! `GET /2010-04-01/Accounts/{AC}/SIP/Domains`

use super::{SHAPE, describe};
use crate::error::Fault;
use crate::reply::Reply;
use crate::request::Request;

pub(super) fn list<C>(request: &Request<C>) -> Result<Reply, Fault> {
    let query = request.page()?;
    let page = request.store().domains(&request.account.sid, &query)?;
    Ok(request.place.page(&SHAPE, "/SIP/Domains", (&query, &[]), &page, describe))
}
