//! The second token of an account, and its promotion: a token is replaced by making a second one, teaching
//! it to every program, and promoting it, and nothing stops working in between.

use ringway_model::sid::AccountSid;
use rusqlite::params;

use crate::accounts::{self, SECONDARY_TOKEN_PURPOSE, TOKEN_PURPOSE};
use crate::directory::Change;
use crate::sqlite::rows;
use crate::writer::Work;
use crate::{Account, Pending, Store, StoreError};

/// Why an account gets no second token.
#[derive(Debug, thiserror::Error)]
pub enum CreateSecondaryTokenError {
    /// It has one, which programs may be using: it has to be promoted or deleted first.
    #[error("the account has a secondary token already")]
    Exists,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Makes a secondary token; the account with it, `None` when there is no such account.
    pub fn create_secondary_auth_token(
        &self,
        sid: AccountSid,
    ) -> Pending<Option<Account>, CreateSecondaryTokenError> {
        self.write(move |work| {
            let Some(mut account) = find(work, &sid)? else { return Ok(None) };
            if account.secondary_auth_token.is_some() {
                return Err(CreateSecondaryTokenError::Exists);
            }
            account.secondary_auth_token = Some(accounts::new_token()?);
            save(work, account).map(Some).map_err(Into::into)
        })
    }

    /// Revokes the secondary token; false when there is none.
    pub fn delete_secondary_auth_token(&self, sid: AccountSid) -> Pending<bool, StoreError> {
        self.write(move |work| match find(work, &sid)? {
            Some(account) if account.secondary_auth_token.is_some() => {
                save(work, Account { secondary_auth_token: None, ..account }).map(|_| true)
            }
            _ => Ok(false),
        })
    }

    /// Makes the secondary token the primary one and revokes the primary one; `None` when there is no
    /// secondary token.
    pub fn promote_secondary_auth_token(&self, sid: AccountSid) -> Pending<Option<Account>, StoreError> {
        self.write(move |work| {
            let Some(mut account) = find(work, &sid)? else { return Ok(None) };
            let Some(token) = account.secondary_auth_token.take() else { return Ok(None) };
            account.auth_token = token;
            save(work, account).map(Some)
        })
    }
}

fn find(work: &Work<'_>, sid: &AccountSid) -> Result<Option<Account>, StoreError> {
    accounts::by_sid(work.connection, &work.settings.sealer, sid)
}

fn save(work: &mut Work<'_>, mut account: Account) -> Result<Account, StoreError> {
    account.updated = work.now;
    let sid = account.sid.as_str();
    let sealer = &work.settings.sealer;
    let primary = sealer.seal(TOKEN_PURPOSE, sid, account.auth_token.expose().as_bytes())?;
    let secondary = account
        .secondary_auth_token
        .as_ref()
        .map(|token| sealer.seal(SECONDARY_TOKEN_PURPOSE, sid, token.expose().as_bytes()))
        .transpose()?;
    let sql = "UPDATE accounts SET auth_token = ?, secondary_auth_token = ?, updated_at = ? WHERE sid = ?";
    rows::execute(work.connection, sql, params![primary, secondary, work.now.as_millis(), sid])?;
    work.changed(Change::Account(account.sid));
    Ok(account)
}
