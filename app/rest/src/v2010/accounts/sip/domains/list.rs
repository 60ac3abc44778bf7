//! `GET /2010-04-01/Accounts/{AC}/SIP/Domains`

use ringway_engine::calls::CallControl;
use ringway_store::Domain;

use crate::error::Fault;
use crate::page::Listing;
use crate::parameters::Sent;
use crate::reply::Listed;
use crate::request::Request;

pub(super) async fn list<C: CallControl>(
    request: Request<C>,
    sent: Sent<Listing<()>>,
) -> Result<Listed<Domain>, Fault> {
    let asked = sent.read()?;
    let page = request.store().domains(&request.account.sid, &asked.query)?;
    Ok(asked.of(page))
}
