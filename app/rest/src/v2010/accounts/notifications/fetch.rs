//! `GET /2010-04-01/Accounts/{AC}/Notifications/{NO}`

use ringway_model::sid::{CallSid, NotificationSid};

use super::{SHAPE, describe};
use crate::error::Fault;
use crate::reply::Reply;
use crate::request::Request;

/// Shows what lists leave out too: what was sent to the application, and what it answered.
pub(super) fn fetch<C>(
    request: &Request<C>,
    call: Option<&CallSid>,
    sid: &NotificationSid,
) -> Result<Reply, Fault> {
    let found = request.store().notification(&request.account.sid, call, sid)?;
    let notification = found.ok_or_else(Fault::not_found)?;
    let mut fields = describe(&notification, call, &request.place);
    let before_sid = fields.len().saturating_sub(2);
    fields.splice(
        before_sid..before_sid,
        [
            ("request_variables", notification.request_variables.into()),
            ("response_body", notification.response_body.into()),
            ("response_headers", notification.response_headers.into()),
        ],
    );
    Ok(Reply::Found(&SHAPE, fields))
}
