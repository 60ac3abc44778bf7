//! `GET /2010-04-01/Accounts/{AC}/Calls/{CA}`

use ringway_engine::calls::CallControl;
use ringway_model::sid::CallSid;
use ringway_store::Call;

use super::find;
use crate::error::Fault;
use crate::reply::Found;
use crate::request::Request;

pub(super) async fn fetch<C: CallControl>(request: Request<C>, sid: CallSid) -> Result<Found<Call>, Fault> {
    find(&request, &sid).await.map(Found)
}
