//! `GET .../SIP/Domains/{SD}/...Mappings/{AL or CL}`

use ringway_model::sid::DomainSid;
use ringway_store::ListSid;

use super::Door;
use crate::error::Fault;
use crate::reply::Reply;
use crate::request::Request;

pub(super) fn fetch<C>(
    request: &Request<C>,
    domain: &DomainSid,
    door: Door,
    sid: &ListSid,
) -> Result<Reply, Fault> {
    let found = request.store().mapping(&request.account.sid, domain, door.kind(), sid)?;
    let mapping = found.ok_or_else(Fault::not_found)?;
    Ok(Reply::Row(door.shape(), door.describe(&mapping, &request.place)))
}
