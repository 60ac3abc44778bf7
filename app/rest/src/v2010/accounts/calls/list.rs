//! `GET /2010-04-01/Accounts/{AC}/Calls`

use ringway_model::CallStatus;
use ringway_store::CallFilter;

use super::{SHAPE, describe};
use crate::error::{Code, Fault};
use crate::filter;
use crate::form::Form;
use crate::reply::Reply;
use crate::request::Request;

const FILTERS: &[&str] = &[
    "To",
    "From",
    "ParentCallSid",
    "Status",
    "StartTime",
    "StartTime<",
    "StartTime>",
    "EndTime",
    "EndTime<",
    "EndTime>",
];

pub(super) fn list<C>(request: &Request<C>) -> Result<Reply, Fault> {
    let query = request.page()?;
    let asked = &request.query;
    let filter = CallFilter {
        to: asked.text("To").map(str::to_owned),
        from: asked.text("From").map(str::to_owned),
        parent_call_sid: word(asked, "ParentCallSid", "the SID of a call")?,
        status: word::<CallStatus>(asked, "Status", "a status of a call")?,
        start: filter::time_range(asked, "StartTime")?,
        end: filter::time_range(asked, "EndTime")?,
    };
    let page = request.store().calls(&request.account.sid, &filter, &query)?;
    let given = filter::given(asked, FILTERS);
    Ok(request.place.page(&SHAPE, "/Calls", (&query, &given), &page, describe))
}

fn word<T: std::str::FromStr>(query: &Form, name: &str, kind: &str) -> Result<Option<T>, Fault> {
    let parsed = query.text(name).map(str::parse).transpose();
    parsed.map_err(|_| Fault::because(Code::InvalidParameter, format!("{name} must be {kind}")))
}
