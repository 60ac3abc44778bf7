//! `GET .../SIP/Domains/{SD}/...Mappings`

use ringway_model::sid::DomainSid;

use super::Door;
use crate::error::Fault;
use crate::reply::Reply;
use crate::request::Request;

pub(super) fn list<C>(request: &Request<C>, domain: &DomainSid, door: Door) -> Result<Reply, Fault> {
    let query = request.page()?;
    let found = request.store().mappings(&request.account.sid, domain, door.kind(), &query)?;
    let page = found.ok_or_else(Fault::not_found)?;
    let describe = |mapping: &_, place: &_| door.describe(mapping, place);
    Ok(request.place.page(door.shape(), &door.path(domain), (&query, &[]), &page, describe))
}
