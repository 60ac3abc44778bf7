//! `GET /2010-04-01/Accounts/{AC}/Calls`

use ringway_engine::calls::CallControl;
use ringway_model::sid::CallSid;
use ringway_model::{CallStatus, UnixTime};
use ringway_store::{Call, CallFilter};

use super::STATUSES;
use crate::error::{Code, Fault};
use crate::page::Listing;
use crate::parameters::{Sent, parameters};
use crate::reply::Listed;
use crate::request::Request;
use crate::rules;

parameters! {
    #[derive(Default)]
    pub(super) struct Filters {
        /// Only calls to exactly this number or address.
        to: Option<String> = "To", rules::any_text();
        /// Only calls from exactly this number or address.
        from: Option<String> = "From", rules::any_text();
        /// Only calls that this call dialled.
        parent_call_sid: Option<CallSid> = "ParentCallSid", rules::sid::<CallSid>(Code::InvalidParameter, "a call");
        /// Only calls in this state.
        status: Option<CallStatus> = "Status", rules::choice(STATUSES, Code::InvalidParameter);
        /// Only calls that began on this day, in UTC.
        start_time: Option<UnixTime> = "StartTime", rules::instant();
        /// Only calls that began before.
        start_time_before: Option<UnixTime> = "StartTime<", rules::instant();
        /// Only calls that began then or later.
        start_time_after: Option<UnixTime> = "StartTime>", rules::instant();
        /// Only calls that ended on this day, in UTC.
        end_time: Option<UnixTime> = "EndTime", rules::instant();
        /// Only calls that ended before.
        end_time_before: Option<UnixTime> = "EndTime<", rules::instant();
        /// Only calls that ended then or later.
        end_time_after: Option<UnixTime> = "EndTime>", rules::instant();
    }
}

pub(super) async fn list<C: CallControl>(
    request: Request<C>,
    sent: Sent<Listing<Filters>>,
) -> Result<Listed<Call>, Fault> {
    let mut asked = sent.read()?;
    let filters = std::mem::take(&mut asked.filters);
    let filter = CallFilter {
        to: filters.to,
        from: filters.from,
        parent_call_sid: filters.parent_call_sid,
        status: filters.status,
        start: rules::range(filters.start_time, filters.start_time_before, filters.start_time_after),
        end: rules::range(filters.end_time, filters.end_time_before, filters.end_time_after),
    };
    let page = request.store().calls(&request.account.sid, &filter, &asked.query)?;
    Ok(asked.of(page))
}
