//! `GET /2010-04-01/Accounts/{AC}`

use ringway_engine::calls::CallControl;
use ringway_store::Account;

use crate::error::Fault;
use crate::reply::Found;
use crate::request::Request;

pub(super) async fn fetch<C: CallControl>(request: Request<C>) -> Result<Found<Account>, Fault> {
    Ok(Found((*request.account).clone()))
}
