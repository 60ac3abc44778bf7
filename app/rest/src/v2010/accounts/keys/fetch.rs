//! `GET /2010-04-01/Accounts/{AC}/Keys/{SK}`

use ringway_model::sid::KeySid;

use super::{Name, describe};
use crate::error::Fault;
use crate::reply::Reply;
use crate::request::Request;

pub(super) fn fetch<C>(request: &Request<C>, name: &'static Name, sid: &KeySid) -> Result<Reply, Fault> {
    let key = request.store().key(&request.account.sid, sid)?.ok_or_else(Fault::not_found)?;
    Ok(Reply::Found(&name.shape, describe(&key)))
}
