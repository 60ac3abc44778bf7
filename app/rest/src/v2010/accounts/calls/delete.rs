//! `DELETE /2010-04-01/Accounts/{AC}/Calls/{CA}`

use ringway_model::sid::CallSid;
use ringway_store::DeleteCallError;

use crate::error::{Code, Fault};
use crate::reply::Reply;
use crate::request::Request;

/// Only the record of a finished call can be deleted (20009).
pub(super) async fn delete<C>(request: &Request<C>, sid: CallSid) -> Result<Reply, Fault> {
    match request.store().delete_call(request.account.sid, sid).await {
        Ok(true) => Ok(Reply::Deleted),
        Ok(false) => Err(Fault::not_found()),
        Err(DeleteCallError::NotFinished) => Err(Fault::of(Code::DeleteBeforeComplete)),
        Err(DeleteCallError::Store(error)) => Err(error.into()),
    }
}
