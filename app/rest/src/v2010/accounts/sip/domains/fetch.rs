//! `GET /2010-04-01/Accounts/{AC}/SIP/Domains/{SD}`

use ringway_model::sid::DomainSid;

use super::{SHAPE, describe};
use crate::error::Fault;
use crate::reply::Reply;
use crate::request::Request;

pub(super) fn fetch<C>(request: &Request<C>, sid: &DomainSid) -> Result<Reply, Fault> {
    let domain = request.store().domain(&request.account.sid, sid)?.ok_or_else(Fault::not_found)?;
    Ok(Reply::Row(&SHAPE, describe(&domain, &request.place)))
}
