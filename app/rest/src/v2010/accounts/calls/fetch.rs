//! `GET /2010-04-01/Accounts/{AC}/Calls/{CA}`

use ringway_model::sid::CallSid;

use super::{SHAPE, describe, find};
use crate::error::Fault;
use crate::reply::Reply;
use crate::request::Request;

pub(super) fn fetch<C>(request: &Request<C>, sid: &CallSid) -> Result<Reply, Fault> {
    Ok(Reply::Found(&SHAPE, describe(&find(request, sid)?, &request.place)))
}
