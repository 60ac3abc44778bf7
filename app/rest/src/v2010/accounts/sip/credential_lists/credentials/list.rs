//! `GET /2010-04-01/Accounts/{AC}/SIP/CredentialLists/{CL}/Credentials`

use ringway_engine::calls::CallControl;
use ringway_model::sid::CredentialListSid;
use ringway_store::Credential;

use crate::error::Fault;
use crate::page::Listing;
use crate::parameters::Sent;
use crate::reply::Listed;
use crate::request::Request;

pub(super) async fn list<C: CallControl>(
    request: Request<C>,
    list: CredentialListSid,
    sent: Sent<Listing<()>>,
) -> Result<Listed<Credential>, Fault> {
    let asked = sent.read()?;
    let found = request.store().credentials(&request.account.sid, &list, &asked.query)?;
    let page = found.ok_or_else(Fault::not_found)?;
    Ok(asked.of(page))
}
