//! `POST /2010-04-01/Accounts/{AC}`

use ringway_store::{AccountStatus, AccountUpdate, UpdateAccountError};

use super::{SHAPE, describe, friendly_name};
use crate::error::{Code, Fault};
use crate::form::Form;
use crate::reply::Reply;
use crate::request::Request;

/// Renames an account; its owner may also suspend it, revive it, or close it for good.
pub(super) async fn update<C>(request: &Request<C>) -> Result<Reply, Fault> {
    request.caller.may_administer()?;
    let change =
        AccountUpdate { friendly_name: friendly_name(&request.form)?, status: status(&request.form)? };
    let own = request.caller.account.sid == request.account.sid && !request.account.is_root();
    if own && change.status.is_some_and(|status| status != request.account.status) {
        return Err(Fault::because(
            Code::PermissionDenied,
            "only the owner of a subaccount changes its Status",
        ));
    }
    let updated = request.store().update_account(request.account.sid, change).await.map_err(explain)?;
    let account = updated.ok_or_else(Fault::not_found)?;
    Ok(Reply::Found(&SHAPE, describe(&account, &request.place)))
}

fn status(form: &Form) -> Result<Option<AccountStatus>, Fault> {
    let status = form.text("Status").map(|text| text.to_ascii_lowercase().parse()).transpose();
    let sentence = "Status must be active, suspended or closed";
    status.map_err(|()| Fault::because(Code::InvalidAccountStatus, sentence))
}

fn explain(error: UpdateAccountError) -> Fault {
    match error {
        UpdateAccountError::RootStatus => Fault::of(Code::ParentAccountStatus),
        UpdateAccountError::Closed => Fault::of(Code::ClosedAccountStatus),
        UpdateAccountError::Store(error) => error.into(),
    }
}
