//! `GET /2010-04-01/Accounts`

use ringway_engine::calls::CallControl;
use ringway_store::{Account, AccountFilter, AccountStatus};

use super::STATUSES;
use crate::error::{Code, Fault};
use crate::page::Listing;
use crate::parameters::{Sent, parameters};
use crate::reply::Listed;
use crate::request::Request;
use crate::rules;

parameters! {
    pub(super) struct Filters {
        /// Only accounts with exactly this name.
        friendly_name: Option<String> = "FriendlyName", rules::any_text();
        /// Only accounts of this status.
        status: Option<AccountStatus> = "Status", rules::choice(STATUSES, Code::InvalidParameter);
    }
}

/// A subaccount sees itself, the root account itself and its subaccounts.
pub(super) async fn list<C: CallControl>(
    request: Request<C>,
    sent: Sent<Listing<Filters>>,
) -> Result<Listed<Account>, Fault> {
    let mut asked = sent.read()?;
    let filter =
        AccountFilter { friendly_name: asked.filters.friendly_name.take(), status: asked.filters.status };
    let page = request.store().accounts(&request.account.sid, &filter, &asked.query)?;
    Ok(asked.of(page))
}
