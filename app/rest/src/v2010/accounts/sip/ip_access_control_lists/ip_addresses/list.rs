//! `GET /2010-04-01/Accounts/{AC}/SIP/IpAccessControlLists/{AL}/IpAddresses`

use ringway_engine::calls::CallControl;
use ringway_model::sid::IpAccessControlListSid;
use ringway_store::IpAddress;

use crate::error::Fault;
use crate::page::Listing;
use crate::parameters::Sent;
use crate::reply::Listed;
use crate::request::Request;

pub(super) async fn list<C: CallControl>(
    request: Request<C>,
    list: IpAccessControlListSid,
    sent: Sent<Listing<()>>,
) -> Result<Listed<IpAddress>, Fault> {
    let asked = sent.read()?;
    let found = request.store().ip_addresses(&request.account.sid, &list, &asked.query)?;
    let page = found.ok_or_else(Fault::not_found)?;
    Ok(asked.of(page))
}
