//! Numbers that an account may show to whom it calls (contract, rest.md 2).

use ringway_model::sid::{AccountSid, PhoneNumberSid};

use crate::lists;
use crate::page::Listing;
use crate::records::{self, Record, record};
use crate::{ListError, Page, PageQuery, Pending, Store, StoreError};

record! {
    /// A number that may be shown.
    OutgoingCallerId(PhoneNumberSid) in "outgoing_caller_ids",
    /// What its owner says about it.
    OutgoingCallerIdFields {
        /// The number in E.164.
        phone_number: String,
        /// What people call it.
        friendly_name: String,
    }
}

/// Why a number cannot be added.
#[derive(Debug, thiserror::Error)]
pub enum CreateCallerIdError {
    /// The account has it already (21450).
    #[error("the account may show this number already")]
    Taken,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Allows a number to be shown.
    pub fn create_outgoing_caller_id(
        &self,
        account: AccountSid,
        fields: OutgoingCallerIdFields,
    ) -> Pending<OutgoingCallerId, CreateCallerIdError> {
        self.write(move |work| {
            let sql = "SELECT 1 FROM outgoing_caller_ids
                WHERE account_sid = ? AND phone_number = ? AND deleted_at IS NULL";
            match lists::exists(work.connection, sql, &[account.as_str(), &fields.phone_number])? {
                true => Err(CreateCallerIdError::Taken),
                false => Ok(records::insert(work, &account, &fields)?),
            }
        })
    }

    /// One of the account.
    pub fn outgoing_caller_id(
        &self,
        account: &AccountSid,
        sid: &PhoneNumberSid,
    ) -> Result<Option<OutgoingCallerId>, StoreError> {
        self.read(|connection| records::find(connection, account, sid.as_str()))
    }

    /// The account's, newest first; exactly this number and name, where they are given.
    pub fn outgoing_caller_ids(
        &self,
        account: &AccountSid,
        phone_number: Option<&str>,
        friendly_name: Option<&str>,
        page: &PageQuery,
    ) -> Result<Page<OutgoingCallerId>, ListError> {
        let listing = Listing::of(OutgoingCallerId::TABLE, "account_sid", account.as_str())
            .narrowed("phone_number = ?", phone_number.map(str::to_owned))
            .narrowed("friendly_name = ?", friendly_name.map(str::to_owned));
        self.read(|connection| listing.page(connection, page))
    }

    /// Renames one; `None` when there is none.
    pub fn update_outgoing_caller_id(
        &self,
        account: AccountSid,
        sid: PhoneNumberSid,
        friendly_name: String,
    ) -> Pending<Option<OutgoingCallerId>, StoreError> {
        self.write(move |work| {
            let found: Option<OutgoingCallerId> = records::find(work.connection, &account, sid.as_str())?;
            let Some(mut caller_id) = found else { return Ok(None) };
            caller_id.fields.friendly_name = friendly_name;
            records::save(work, &account, sid.as_str(), &mut caller_id)?;
            Ok(Some(caller_id))
        })
    }

    /// Takes one away; false when there is none.
    pub fn delete_outgoing_caller_id(
        &self,
        account: AccountSid,
        sid: PhoneNumberSid,
    ) -> Pending<bool, StoreError> {
        self.write(move |work| records::delete::<OutgoingCallerId>(work, &account, sid.as_str()))
    }
}
