//! `DELETE /2010-04-01/Accounts/{AC}/SIP/IpAccessControlLists/{AL}/IpAddresses/{IP}`

use ringway_model::sid::{IpAccessControlListSid, IpAddressSid};

use crate::error::Fault;
use crate::reply::Reply;
use crate::request::Request;

pub(super) async fn delete<C>(
    request: &Request<C>,
    list: IpAccessControlListSid,
    sid: IpAddressSid,
) -> Result<Reply, Fault> {
    match request.store().delete_ip_address(request.account.sid, list, sid).await? {
        true => Ok(Reply::Deleted),
        false => Err(Fault::not_found()),
    }
}
