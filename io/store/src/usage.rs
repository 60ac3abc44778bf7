//! Usage, computed from the calls that are kept and from what purged ones left behind (contract, rest.md 2,
//! `Usage/Records`).

use ringway_model::sid::AccountSid;
use rusqlite::{Connection, params};

use crate::sqlite::rows;
use crate::{Store, StoreError};

/// The completed calls of one day and kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageDay {
    /// The day in UTC, counted from 1970.
    pub day: i64,
    /// Whether they were calls to us.
    pub inbound: bool,
    /// Whether they came to or left from a SIP domain.
    pub sip: bool,
    /// How many.
    pub calls: u64,
    /// How long they were together, each rounded up, in minutes.
    pub minutes: u64,
}

/// Completed calls with their day, in the columns of `usage_days`; the days are `?3` to `?4`, and the
/// expression of their start is the one that is indexed.
const CALLS: &str = "SELECT account_sid, coalesce(start_time, created_at) / 86400000 AS day,
        direction = 'inbound' AS inbound, domain_sid IS NOT NULL AS sip, 1 AS calls,
        (coalesce(duration_s, 0) + 59) / 60 AS minutes
    FROM calls WHERE status = 'completed'";

impl Store {
    /// What an account used from one day to another, both included; with what its subaccounts used, if asked.
    pub fn usage(
        &self,
        account: &AccountSid,
        with_subaccounts: bool,
        first_day: i64,
        last_day: i64,
    ) -> Result<Vec<UsageDay>, StoreError> {
        let theirs = "account_sid IN
            (SELECT sid FROM accounts WHERE sid = ?1 OR (?2 AND owner_account_sid = ?1))";
        let sql = format!(
            "SELECT day, inbound, sip, sum(calls), sum(minutes) FROM (
                {CALLS} AND {theirs} AND coalesce(start_time, created_at) >= ?3 * 86400000
                    AND coalesce(start_time, created_at) < (?4 + 1) * 86400000
                UNION ALL
                SELECT account_sid, day, inbound, sip, calls, minutes FROM usage_days
                WHERE {theirs} AND day BETWEEN ?3 AND ?4
            ) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
        );
        let values = params![account.as_str(), with_subaccounts, first_day, last_day];
        self.read(|connection| {
            rows::all(connection, &sql, values, |cells| {
                Ok(UsageDay {
                    day: cells.take()?,
                    inbound: cells.take()?,
                    sip: cells.take()?,
                    calls: cells.take::<i64>()?.unsigned_abs(),
                    minutes: cells.take::<i64>()?.unsigned_abs(),
                })
            })
        })
    }
}

/// Keeps what these calls used before they go.
pub(crate) fn keep(connection: &Connection, ids: &[i64]) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO usage_days (account_sid, day, inbound, sip, calls, minutes)
         SELECT account_sid, day, inbound, sip, calls, minutes FROM ({CALLS} AND id = ?)
         WHERE true
         ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, minutes = minutes + excluded.minutes"
    );
    ids.iter().try_for_each(|id| rows::execute(connection, &sql, [id]).map(drop))
}
