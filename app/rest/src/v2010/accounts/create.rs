//! `POST /2010-04-01/Accounts`

use ringway_engine::calls::CallControl;
use ringway_store::Account;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::Name;
use crate::error::{Code, Fault};
use crate::parameters::Sent;
use crate::reply::Created;
use crate::request::Request;

const DEFAULT_NAME: &[BorrowedFormatItem<'_>] = format_description!(
    "SubAccount Created at [year]-[month]-[day] [hour repr:12]:[minute] [period case:lower]"
);

/// Makes a subaccount. There are two generations and no third: a subaccount has none of its own.
pub(super) async fn create<C: CallControl>(
    request: Request<C>,
    sent: Sent<Name>,
) -> Result<Created<Account>, Fault> {
    if !request.account.is_root() {
        return Err(Fault::because(Code::PermissionDenied, "a subaccount cannot have subaccounts"));
    }
    let name = match sent.read()?.given() {
        Some(name) => name,
        None => OffsetDateTime::now_utc().format(DEFAULT_NAME).unwrap_or_default(),
    };
    let created = request.store().create_subaccount(request.account.sid, name).await?;
    Ok(Created(created.ok_or_else(Fault::not_found)?))
}
