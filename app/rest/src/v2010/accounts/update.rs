//! `POST /2010-04-01/Accounts/{AC}`

use ringway_engine::calls::CallControl;
use ringway_store::{Account, AccountStatus, AccountUpdate, UpdateAccountError};

use super::{Name, STATUSES};
use crate::error::{Code, Fault};
use crate::parameters::{Sent, parameters};
use crate::reply::Found;
use crate::request::Request;
use crate::rules;

parameters! {
    pub(super) struct Standing {
        /// Whether the account may do anything. What is closed stays closed.
        status: Option<AccountStatus> = "Status", rules::choice(STATUSES, Code::InvalidAccountStatus);
    }
}

/// Renames an account; its owner may also suspend it, revive it, or close it for good.
pub(super) async fn update<C: CallControl>(
    request: Request<C>,
    sent: Sent<(Name, Standing)>,
) -> Result<Found<Account>, Fault> {
    let (name, Standing { status }) = sent.read()?;
    let change = AccountUpdate { friendly_name: name.given(), status };
    let own = request.caller.account.sid == request.account.sid && !request.account.is_root();
    if own && status.is_some_and(|status| status != request.account.status) {
        return Err(Fault::because(
            Code::PermissionDenied,
            "only the owner of a subaccount changes its Status",
        ));
    }
    let updated = request.store().update_account(request.account.sid, change).await.map_err(explain)?;
    Ok(Found(updated.ok_or_else(Fault::not_found)?))
}

fn explain(error: UpdateAccountError) -> Fault {
    match error {
        UpdateAccountError::RootStatus => Fault::of(Code::ParentAccountStatus),
        UpdateAccountError::Closed => Fault::of(Code::ClosedAccountStatus),
        UpdateAccountError::Store(error) => error.into(),
    }
}
