//! `AccountSid` of an update: hands a number from one account of a family to another.

use ringway_model::sid::AccountSid;
use ringway_store::AccountStatus;

use crate::error::{Code, Fault};
use crate::parameters::parameters;
use crate::request::Request;
use crate::rules;

parameters! {
    pub(super) struct Transfer {
        /// The account that gets the number: one of the family, named by its owner.
        account_sid: Option<AccountSid> = "AccountSid", rules::sid::<AccountSid>(Code::InvalidAccountSid, "an account");
    }
}

impl Transfer {
    /// Where the number goes, when it goes anywhere: only the root account moves numbers, and only between
    /// itself and its subaccounts.
    pub(super) fn destination<C>(&self, request: &Request<C>) -> Result<Option<AccountSid>, Fault> {
        let Some(sid) = self.account_sid.filter(|sid| *sid != request.account.sid) else { return Ok(None) };
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
}
