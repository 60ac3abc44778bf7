//! Postal addresses: where a number says it is, to regulators and to those who send an ambulance
//! (contract, rest.md 2 "Addresses").

use ringway_model::sid::{AccountSid, AddressSid};

use crate::incoming_phone_numbers::IncomingPhoneNumber;
use crate::lists;
use crate::page::Listing;
use crate::records::{self, Record, record};
use crate::writer::Work;
use crate::{ListError, Page, PageQuery, Pending, Store, StoreError};

record! {
    /// A postal address.
    Address(AddressSid) in "addresses",
    /// What its owner says about a postal address.
    AddressFields {
        /// Who lives there.
        customer_name: String,
        /// What people call it; empty when they do not.
        friendly_name: String,
        /// Street and number.
        street: String,
        /// More of them.
        street_secondary: Option<String>,
        /// The city.
        city: String,
        /// State or region.
        region: String,
        /// The postal code.
        postal_code: String,
        /// The country, as two capital letters.
        iso_country: String,
        /// Whether numbers may make emergency calls from it.
        emergency_enabled: bool,
    }
}

/// Which addresses of a list; what is `None` does not narrow.
#[derive(Debug, Clone, Default)]
pub struct AddressFilter {
    /// Of exactly this customer.
    pub customer_name: Option<String>,
    /// With exactly this name.
    pub friendly_name: Option<String>,
    /// For emergency calls, or not.
    pub emergency_enabled: Option<bool>,
    /// In this country.
    pub iso_country: Option<String>,
}

/// Why an address has to stay as it is.
#[derive(Debug, thiserror::Error)]
pub enum AddressInUseError {
    /// A number needs it.
    #[error("a phone number has this address")]
    InUse,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Makes an address.
    pub fn create_address(&self, account: AccountSid, fields: AddressFields) -> Pending<Address, StoreError> {
        self.write(move |work| records::insert(work, &account, &fields))
    }

    /// An address of the account.
    pub fn address(&self, account: &AccountSid, sid: &AddressSid) -> Result<Option<Address>, StoreError> {
        self.read(|connection| records::find(connection, account, sid.as_str()))
    }

    /// The account's addresses, newest first.
    pub fn addresses(
        &self,
        account: &AccountSid,
        filter: &AddressFilter,
        page: &PageQuery,
    ) -> Result<Page<Address>, ListError> {
        let listing = Listing::of(Address::TABLE, "account_sid", account.as_str())
            .narrowed("customer_name = ?", filter.customer_name.clone())
            .narrowed("friendly_name = ?", filter.friendly_name.clone())
            .narrowed("emergency_enabled = ?", filter.emergency_enabled.map(i64::from))
            .narrowed("iso_country = ?", filter.iso_country.clone());
        self.read(|connection| listing.page(connection, page))
    }

    /// Changes an address; `None` when there is none.
    pub fn update_address(
        &self,
        account: AccountSid,
        sid: AddressSid,
        change: impl FnOnce(&mut AddressFields) + Send + 'static,
    ) -> Pending<Option<Address>, AddressInUseError> {
        self.write(move |work| {
            let found: Option<Address> = records::find(work.connection, &account, sid.as_str())?;
            let Some(mut address) = found else { return Ok(None) };
            change(&mut address.fields);
            let needed = "emergency_address_sid = ?";
            if !address.fields.emergency_enabled && is_used(work, &account, &sid, needed)? {
                return Err(AddressInUseError::InUse);
            }
            records::save(work, &account, sid.as_str(), &mut address)?;
            Ok(Some(address))
        })
    }

    /// Deletes an address that no number has; false when there is none.
    pub fn delete_address(&self, account: AccountSid, sid: AddressSid) -> Pending<bool, AddressInUseError> {
        self.write(move |work| {
            if is_used(work, &account, &sid, "? IN (address_sid, emergency_address_sid)")? {
                return Err(AddressInUseError::InUse);
            }
            Ok(records::delete::<Address>(work, &account, sid.as_str())?)
        })
    }

    /// The numbers that have an address, newest first; `None` when there is no such address.
    pub fn dependent_phone_numbers(
        &self,
        account: &AccountSid,
        sid: &AddressSid,
        page: &PageQuery,
    ) -> Result<Option<Page<IncomingPhoneNumber>>, ListError> {
        self.read(|connection| {
            if records::find::<Address>(connection, account, sid.as_str())?.is_none() {
                return Ok(None);
            }
            let theirs = "? IN (address_sid, emergency_address_sid)";
            let listing = Listing::of(IncomingPhoneNumber::TABLE, "account_sid", account.as_str())
                .narrowed(theirs, Some(sid.to_string()));
            listing.page(connection, page).map(Some)
        })
    }
}

fn is_used(
    work: &Work<'_>,
    account: &AccountSid,
    sid: &AddressSid,
    condition: &str,
) -> Result<bool, StoreError> {
    let sql = format!(
        "SELECT 1 FROM incoming_phone_numbers WHERE account_sid = ? AND {condition} AND deleted_at IS NULL"
    );
    lists::exists(work.connection, &sql, &[account.as_str(), sid.as_str()])
}
