//! The voice settings of an account: where calls may go. They are kept for programs that manage them.

use ringway_model::sid::AccountSid;
use rusqlite::params;

use crate::sqlite::rows;
use crate::{Pending, Store, StoreError};

/// What an account may dial in one country.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialingPermission {
    /// The country, two upper-case letters (ISO 3166-1).
    pub iso_code: String,
    /// Ordinary numbers.
    pub low_risk_numbers_enabled: bool,
    /// Special services and other numbers of high risk.
    pub high_risk_special_numbers_enabled: bool,
    /// Ranges known for toll fraud.
    pub high_risk_tollfraud_numbers_enabled: bool,
}

impl Store {
    /// Whether the account takes its dialing permissions from its owner; it does unless it was told not to.
    pub fn dialing_permissions_inheritance(&self, account: &AccountSid) -> Result<bool, StoreError> {
        let sql = "SELECT dialing_permissions_inheritance FROM voice_settings WHERE account_sid = ?";
        let found =
            self.read(|connection| rows::one(connection, sql, [account.as_str()], |cells| cells.take()))?;
        Ok(found.unwrap_or(true))
    }

    /// Sets it.
    pub fn set_dialing_permissions_inheritance(
        &self,
        account: AccountSid,
        inherit: bool,
    ) -> Pending<(), StoreError> {
        self.write(move |work| {
            let sql = "INSERT INTO voice_settings (account_sid, dialing_permissions_inheritance) VALUES (?, ?)
                ON CONFLICT DO UPDATE SET dialing_permissions_inheritance = excluded.dialing_permissions_inheritance";
            rows::execute(work.connection, sql, params![account.as_str(), inherit]).map(drop)
        })
    }

    /// The permissions that the account has set; every other country has its default.
    pub fn dialing_permissions(&self, account: &AccountSid) -> Result<Vec<DialingPermission>, StoreError> {
        let sql = "SELECT iso_code, low_risk_numbers_enabled, high_risk_special_numbers_enabled,
                high_risk_tollfraud_numbers_enabled
            FROM dialing_permissions WHERE account_sid = ?";
        self.read(|connection| {
            rows::all(connection, sql, [account.as_str()], |cells| {
                Ok(DialingPermission {
                    iso_code: cells.take()?,
                    low_risk_numbers_enabled: cells.take()?,
                    high_risk_special_numbers_enabled: cells.take()?,
                    high_risk_tollfraud_numbers_enabled: cells.take()?,
                })
            })
        })
    }

    /// Sets the permissions of some countries, all or none.
    pub fn set_dialing_permissions(
        &self,
        account: AccountSid,
        permissions: Vec<DialingPermission>,
    ) -> Pending<(), StoreError> {
        self.write(move |work| {
            let sql = "INSERT INTO dialing_permissions (account_sid, iso_code, low_risk_numbers_enabled,
                    high_risk_special_numbers_enabled, high_risk_tollfraud_numbers_enabled)
                VALUES (?, ?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET low_risk_numbers_enabled = excluded.low_risk_numbers_enabled,
                    high_risk_special_numbers_enabled = excluded.high_risk_special_numbers_enabled,
                    high_risk_tollfraud_numbers_enabled = excluded.high_risk_tollfraud_numbers_enabled";
            for permission in permissions {
                let values = params![
                    account.as_str(),
                    permission.iso_code,
                    permission.low_risk_numbers_enabled,
                    permission.high_risk_special_numbers_enabled,
                    permission.high_risk_tollfraud_numbers_enabled
                ];
                rows::execute(work.connection, sql, values)?;
            }
            Ok(())
        })
    }
}
