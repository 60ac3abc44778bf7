//! Status callbacks that wait to be delivered. A node leases the ones it works on; what a dead node leased is
//! free again when the lease runs out.

use std::time::Duration;

use ringway_call::HttpMethod;
use ringway_model::UnixTime;
use ringway_model::sid::{AccountSid, CallSid};
use rusqlite::params;
use rusqlite::types::Type;

use crate::sqlite::rows::{self, Cells, FromRow};
use crate::writer::Work;
use crate::{Pending, Store, StoreError, random};

/// A callback that could not be delivered for so long is given up.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Whether no earlier callback of the same call waits for its first attempt.
const IN_TURN: &str =
    "NOT EXISTS (SELECT 1 FROM callbacks AS earlier WHERE earlier.call_sid = callbacks.call_sid
    AND earlier.id < callbacks.id AND earlier.attempts = 0)";

/// A request to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackRequest {
    /// Where.
    pub url: String,
    /// How.
    pub method: HttpMethod,
    /// The parameters, in order.
    pub params: Vec<(String, String)>,
}

/// A callback to store.
#[derive(Debug, Clone)]
pub struct NewCallback {
    /// Whose.
    pub account_sid: AccountSid,
    /// About which call.
    pub call_sid: Option<CallSid>,
    /// The request.
    pub request: CallbackRequest,
    /// The time now: it is due at once.
    pub now: UnixTime,
}

/// Who delivers a callback, and for how long nobody else does.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The node.
    pub node: String,
    /// From when the callback is due on.
    pub lease: Duration,
}

/// Names a pending callback; never used again once it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallbackId(i64);

/// A callback that was leased, or given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    /// Its name here.
    pub id: CallbackId,
    /// Whose.
    pub account_sid: AccountSid,
    /// About which call.
    pub call_sid: Option<CallSid>,
    /// The request.
    pub request: CallbackRequest,
    /// How many attempts have failed.
    pub attempts: u32,
    /// `I-Twilio-Idempotency-Token`, the same on every attempt.
    pub idempotency_token: String,
    /// When it was stored.
    pub created: UnixTime,
    /// When it is given up: 24 hours later.
    pub expires: UnixTime,
}

impl Store {
    /// Stores a callback that goes with no change of a call.
    pub fn insert_callback(&self, new: NewCallback) -> Pending<CallbackId, StoreError> {
        self.write_soon(move |work| insert(work, &new, None).map(|callback| callback.id))
    }

    /// Leases up to `limit` callbacks that are due and that nobody holds, the longest due first; of one call none
    /// before those that were stored earlier had their first attempt.
    pub fn claim_due_callbacks(
        &self,
        node: String,
        now: UnixTime,
        limit: u32,
        lease: Duration,
    ) -> Pending<Vec<Callback>, StoreError> {
        self.write_soon(move |work| {
            let sql = format!(
                "UPDATE callbacks SET claimed_by = ?1, claimed_until = ?2 WHERE id IN (
                     SELECT id FROM callbacks WHERE next_attempt_at <= ?3 AND expires_at > ?3
                         AND (claimed_until IS NULL OR claimed_until <= ?3) AND {IN_TURN}
                     ORDER BY next_attempt_at, id LIMIT ?4)
                 RETURNING {}",
                Callback::COLUMNS
            );
            let values = params![node, (now + lease).as_millis(), now.as_millis(), limit];
            let mut claimed = rows::all(work.connection, &sql, values, Callback::from_cells)?;
            claimed.sort_by_key(|callback| callback.id);
            Ok(claimed)
        })
    }

    /// Forgets a callback that was delivered; false when the lease had passed to another node.
    pub fn complete_callback(&self, id: CallbackId, node: String) -> Pending<bool, StoreError> {
        self.write_soon(move |work| {
            let sql = "DELETE FROM callbacks WHERE id = ? AND claimed_by = ?";
            Ok(rows::execute(work.connection, sql, params![id.0, node])? == 1)
        })
    }

    /// Counts a failed attempt and gives up the lease until `next_attempt`; false when the lease had passed to
    /// another node.
    pub fn reschedule_callback(
        &self,
        id: CallbackId,
        node: String,
        next_attempt: UnixTime,
    ) -> Pending<bool, StoreError> {
        self.write_soon(move |work| {
            let sql = "UPDATE callbacks SET attempts = attempts + 1, next_attempt_at = ?, claimed_by = NULL,
                claimed_until = NULL WHERE id = ? AND claimed_by = ?";
            Ok(rows::execute(work.connection, sql, params![next_attempt.as_millis(), id.0, node])? == 1)
        })
    }

    /// Gives up and forgets what is older than 24 hours, unless it is being tried right now.
    pub fn expire_callbacks(&self, now: UnixTime) -> Pending<Vec<Callback>, StoreError> {
        self.write_soon(move |work| {
            let sql = format!(
                "DELETE FROM callbacks WHERE expires_at <= ?1
                     AND (claimed_until IS NULL OR claimed_until <= ?1) RETURNING {}",
                Callback::COLUMNS
            );
            rows::all(work.connection, &sql, [now.as_millis()], Callback::from_cells)
        })
    }

    /// When there will be something to claim or to expire next; `None` when nothing is pending.
    pub fn next_callback_due(&self) -> Result<Option<UnixTime>, StoreError> {
        let sql = format!(
            "SELECT min(max(min(next_attempt_at, expires_at), coalesce(claimed_until, 0))) FROM callbacks
             WHERE {IN_TURN}"
        );
        Ok(self.read(|connection| rows::one(connection, &sql, [], |cells| cells.time_option()))?.flatten())
    }
}

/// Inserts one in the open transaction, leased as `claim` says.
pub(crate) fn insert(
    work: &mut Work<'_>,
    new: &NewCallback,
    claim: Option<&Claim>,
) -> Result<Callback, StoreError> {
    let sql =
        "INSERT INTO callbacks (account_sid, call_sid, url, method, params, idempotency_token, attempts,
            next_attempt_at, created_at, expires_at, claimed_by, claimed_until)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?7, ?8, ?9, ?10)";
    let (idempotency_token, expires) = (random::uuid()?, new.now + LIFETIME);
    let values = params![
        new.account_sid.as_str(),
        new.call_sid.as_ref().map(CallSid::as_str),
        new.request.url,
        new.request.method.as_str(),
        write_params(&new.request.params),
        idempotency_token,
        new.now.as_millis(),
        expires.as_millis(),
        claim.map(|claim| &claim.node),
        claim.map(|claim| (new.now + claim.lease).as_millis()),
    ];
    rows::execute(work.connection, sql, values)?;
    Ok(Callback {
        id: CallbackId(work.connection.last_insert_rowid()),
        account_sid: new.account_sid,
        call_sid: new.call_sid,
        request: new.request.clone(),
        attempts: 0,
        idempotency_token,
        created: new.now,
        expires,
    })
}

/// Parameters as a column holds them: JSON, an array of pairs.
pub(crate) fn write_params(params: &[(String, String)]) -> String {
    // Strings in a list are always JSON.
    serde_json::to_string(params).unwrap_or_default()
}

/// The same back.
pub(crate) fn read_params(text: &str) -> rusqlite::Result<Vec<(String, String)>> {
    let broken = |error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error));
    serde_json::from_str(text).map_err(broken)
}

impl FromRow for Callback {
    const COLUMNS: &'static str =
        "id, account_sid, call_sid, url, method, params, attempts, idempotency_token,
        created_at, expires_at";

    fn from_cells(cells: &mut Cells<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: CallbackId(cells.take()?),
            account_sid: cells.parse()?,
            call_sid: cells.parse_option()?,
            request: CallbackRequest {
                url: cells.take()?,
                method: cells.parse()?,
                params: read_params(&cells.take::<String>()?)?,
            },
            attempts: cells.take()?,
            idempotency_token: cells.take()?,
            created: cells.time()?,
            expires: cells.time()?,
        })
    }
}
