//! `DELETE .../SIP/Domains/{SD}/...Mappings/{AL or CL}`

use ringway_model::sid::DomainSid;
use ringway_store::ListSid;

use super::Door;
use crate::error::Fault;
use crate::reply::Reply;
use crate::request::Request;

pub(super) async fn delete<C>(
    request: &Request<C>,
    domain: DomainSid,
    door: Door,
    sid: ListSid,
) -> Result<Reply, Fault> {
    match request.store().delete_mapping(request.account.sid, domain, door.kind(), sid).await? {
        true => Ok(Reply::Deleted),
        false => Err(Fault::not_found()),
    }
}
