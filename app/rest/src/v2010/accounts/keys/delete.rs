//! `DELETE /2010-04-01/Accounts/{AC}/Keys/{SK}`

use ringway_model::sid::KeySid;

use crate::error::Fault;
use crate::reply::Reply;
use crate::request::Request;

pub(super) async fn delete<C>(request: &Request<C>, sid: KeySid) -> Result<Reply, Fault> {
    match request.store().delete_key(request.account.sid, sid).await? {
        true => Ok(Reply::Deleted),
        false => Err(Fault::not_found()),
    }
}
