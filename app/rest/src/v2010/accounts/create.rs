//! `POST /2010-04-01/Accounts`

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::{SHAPE, describe, friendly_name};
use crate::error::{Code, Fault};
use crate::reply::Reply;
use crate::request::Request;

const DEFAULT_NAME: &[BorrowedFormatItem<'_>] = format_description!(
    "SubAccount Created at [year]-[month]-[day] [hour repr:12]:[minute] [period case:lower]"
);

/// Makes a subaccount. There are two generations and no third: a subaccount has none of its own.
pub(super) async fn create<C>(request: &Request<C>) -> Result<Reply, Fault> {
    if !request.account.is_root() {
        return Err(Fault::because(Code::PermissionDenied, "a subaccount cannot have subaccounts"));
    }
    let name = match friendly_name(&request.form)? {
        Some(name) => name,
        None => OffsetDateTime::now_utc().format(DEFAULT_NAME).unwrap_or_default(),
    };
    let created = request.store().create_subaccount(request.account.sid, name).await?;
    let account = created.ok_or_else(Fault::not_found)?;
    Ok(Reply::Created(&SHAPE, describe(&account, &request.place)))
}
