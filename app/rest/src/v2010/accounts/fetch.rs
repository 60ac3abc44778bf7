//! `GET /2010-04-01/Accounts/{AC}`

use super::{SHAPE, describe};
use crate::error::Fault;
use crate::reply::Reply;
use crate::request::Request;

pub(super) fn fetch<C>(request: &Request<C>) -> Result<Reply, Fault> {
    request.caller.may_administer()?;
    Ok(Reply::Found(&SHAPE, describe(&request.account, &request.place)))
}
