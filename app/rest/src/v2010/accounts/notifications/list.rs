//! `GET /2010-04-01/Accounts/{AC}/Notifications`

use ringway_model::sid::CallSid;
use ringway_store::{LogLevel, NotificationFilter};

use super::{SHAPE, describe, list_path};
use crate::error::{Code, Fault};
use crate::filter;
use crate::form::Form;
use crate::reply::Reply;
use crate::request::Request;

const FILTERS: &[&str] = &["Log", "MessageDate", "MessageDate<", "MessageDate>"];

pub(super) fn list<C>(request: &Request<C>, call: Option<&CallSid>) -> Result<Reply, Fault> {
    let query = request.page()?;
    let filter = NotificationFilter {
        call_sid: call.copied(),
        log: log_level(&request.query)?,
        dates: filter::time_range(&request.query, "MessageDate")?,
    };
    let page = request.store().notifications(&request.account.sid, &filter, &query)?;
    let given = filter::given(&request.query, FILTERS);
    let describe = |row: &_, place: &_| describe(row, call, place);
    Ok(request.place.page(&SHAPE, &list_path(call), (&query, &given), &page, describe))
}

fn log_level(query: &Form) -> Result<Option<LogLevel>, Fault> {
    match query.text("Log") {
        None => Ok(None),
        Some("0") => Ok(Some(LogLevel::Error)),
        Some("1") => Ok(Some(LogLevel::Warning)),
        Some(_) => Err(Fault::because(Code::InvalidParameter, "Log must be 0 or 1")),
    }
}
