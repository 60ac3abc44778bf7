//! `GET /2010-04-01/Accounts`

use ringway_store::AccountFilter;

use super::{SHAPE, describe};
use crate::error::{Code, Fault};
use crate::filter;
use crate::reply::Reply;
use crate::request::Request;

/// A subaccount sees itself, the root account itself and its subaccounts.
pub(super) fn list<C>(request: &Request<C>) -> Result<Reply, Fault> {
    let query = request.page()?;
    let asked = &request.query;
    let status = asked.text("Status").map(|text| text.to_ascii_lowercase().parse()).transpose();
    let filter = AccountFilter {
        friendly_name: asked.text("FriendlyName").map(str::to_owned),
        status: status.map_err(|()| {
            Fault::because(Code::InvalidParameter, "Status must be active, suspended or closed")
        })?,
    };
    let page = request.store().accounts(&request.account.sid, &filter, &query)?;
    let given = filter::given(asked, &["FriendlyName", "Status"]);
    Ok(request.place.page(&SHAPE, "", (&query, &given), &page, describe))
}
