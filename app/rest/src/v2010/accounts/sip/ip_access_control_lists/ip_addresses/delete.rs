//! `DELETE /2010-04-01/Accounts/{AC}/SIP/IpAccessControlLists/{AL}/IpAddresses/{IP}`

use ringway_engine::calls::CallControl;
use ringway_model::sid::{IpAccessControlListSid, IpAddressSid};

use crate::error::Fault;
use crate::reply::Deleted;
use crate::request::Request;

pub(super) async fn delete<C: CallControl>(
    request: Request<C>,
    list: IpAccessControlListSid,
    sid: IpAddressSid,
) -> Result<Deleted, Fault> {
    Deleted::if_so(request.store().delete_ip_address(request.account.sid, list, sid).await?)
}
