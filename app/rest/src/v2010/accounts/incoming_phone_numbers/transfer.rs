//! `AccountSid` of an update: hands a number from one account of a family to another.

use ringway_model::sid::AccountSid;
use ringway_store::AccountStatus;

use crate::error::{Code, Fault};
use crate::request::Request;

/// Where the number goes, when it goes anywhere: only the root account moves numbers, and only between
/// itself and its subaccounts.
pub(super) fn destination<C>(request: &Request<C>) -> Result<Option<AccountSid>, Fault> {
    let Some(text) = request.form.text("AccountSid") else { return Ok(None) };
    let sentence = "AccountSid must be the SID of an account";
    let sid: AccountSid = text.parse().map_err(|_| Fault::because(Code::InvalidAccountSid, sentence))?;
    if sid == request.account.sid {
        return Ok(None);
    }
    if !request.caller.account.is_root() {
        return Err(Fault::of(Code::NotTheParent));
    }
    let account = request.store().account(&sid);
    let account = account.filter(|account| account.owner_account_sid == request.caller.account.sid);
    match account.ok_or_else(|| Fault::of(Code::NoSuchAccount))?.status {
        AccountStatus::Active => Ok(Some(sid)),
        AccountStatus::Suspended | AccountStatus::Closed => Err(Fault::of(Code::OtherAccountNotActive)),
    }
}
