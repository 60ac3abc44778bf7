//! `GET /2010-04-01/Accounts/{AC}/SIP/IpAccessControlLists/{AL}/IpAddresses/{IP}`

use ringway_engine::calls::CallControl;
use ringway_model::sid::{IpAccessControlListSid, IpAddressSid};
use ringway_store::IpAddress;

use crate::error::Fault;
use crate::reply::Row;
use crate::request::Request;

pub(super) async fn fetch<C: CallControl>(
    request: Request<C>,
    list: IpAccessControlListSid,
    sid: IpAddressSid,
) -> Result<Row<IpAddress>, Fault> {
    find(&request, &list, &sid).map(Row)
}

pub(super) fn find<C>(
    request: &Request<C>,
    list: &IpAccessControlListSid,
    sid: &IpAddressSid,
) -> Result<IpAddress, Fault> {
    request.store().ip_address(&request.account.sid, list, sid)?.ok_or_else(Fault::not_found)
}
