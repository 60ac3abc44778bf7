//! `/2010-04-01/Accounts/{AC}/SIP` (contract, rest.md 1). The containers themselves have no operations.

mod credential_lists;
mod domains;
mod ip_access_control_lists;

use crate::error::Fault;
use crate::reply::Reply;
use crate::request::Request;

pub(super) async fn dispatch<C>(request: &Request<C>, path: &[&str]) -> Result<Reply, Fault> {
    match path {
        ["Domains", rest @ ..] => domains::dispatch(request, rest).await,
        ["IpAccessControlLists", rest @ ..] => ip_access_control_lists::dispatch(request, rest).await,
        ["CredentialLists", rest @ ..] => credential_lists::dispatch(request, rest).await,
        _ => Err(Fault::not_found()),
    }
}
