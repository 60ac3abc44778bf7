//! `/v1` of the accounts product: the auth tokens of the account that asks.

mod auth_tokens;

use crate::error::Fault;
use crate::reply::Reply;
use crate::v2010::Asked;

/// Finds the handler of a path below `/v1`. `base_url` is what the client reached us by.
pub(crate) async fn dispatch<C>(asked: Asked<'_, C>, path: &[&str], base_url: &str) -> Result<Reply, Fault> {
    match path {
        ["AuthTokens", name] => auth_tokens::dispatch(asked, name, base_url).await,
        _ => Err(Fault::not_found()),
    }
}
