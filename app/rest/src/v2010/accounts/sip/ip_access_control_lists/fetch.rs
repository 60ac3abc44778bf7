//! `GET /2010-04-01/Accounts/{AC}/SIP/IpAccessControlLists/{AL}`

use ringway_engine::calls::CallControl;
use ringway_model::sid::IpAccessControlListSid;
use ringway_store::IpAccessControlList;

use crate::error::Fault;
use crate::reply::Row;
use crate::request::Request;

pub(super) async fn fetch<C: CallControl>(
    request: Request<C>,
    sid: IpAccessControlListSid,
) -> Result<Row<IpAccessControlList>, Fault> {
    find(&request, &sid).map(Row)
}

pub(super) fn find<C>(
    request: &Request<C>,
    sid: &IpAccessControlListSid,
) -> Result<IpAccessControlList, Fault> {
    request.store().ip_access_control_list(&request.account.sid, sid)?.ok_or_else(Fault::not_found)
}
