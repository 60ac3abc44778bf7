//! `DELETE /2010-04-01/Accounts/{AC}/Calls/{CA}`

use ringway_engine::calls::CallControl;
use ringway_model::sid::CallSid;
use ringway_store::DeleteCallError;

use super::find;
use crate::error::{Code, Fault};
use crate::reply::Deleted;
use crate::request::Request;

/// Only the record of a finished call can be deleted (20009).
pub(super) async fn delete<C: CallControl>(request: Request<C>, sid: CallSid) -> Result<Deleted, Fault> {
    find(&request, &sid).await?;
    match request.store().delete_call(request.account.sid, sid).await {
        Ok(was_there) => Deleted::if_so(was_there),
        Err(DeleteCallError::NotFinished) => Err(Fault::of(Code::DeleteBeforeComplete)),
        Err(DeleteCallError::Store(error)) => Err(error.into()),
    }
}
