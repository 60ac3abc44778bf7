//! `GET /2010-04-01/Accounts/{AC}/SIP/Domains/{SD}`

use ringway_engine::calls::CallControl;
use ringway_model::sid::DomainSid;
use ringway_store::Domain;

use crate::error::Fault;
use crate::reply::Row;
use crate::request::Request;

pub(super) async fn fetch<C: CallControl>(request: Request<C>, sid: DomainSid) -> Result<Row<Domain>, Fault> {
    find(&request, &sid).map(Row)
}

pub(super) fn find<C>(request: &Request<C>, sid: &DomainSid) -> Result<Domain, Fault> {
    request.store().domain(&request.account.sid, sid)?.ok_or_else(Fault::not_found)
}
