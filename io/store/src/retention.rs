//! What was deleted, and what is old, goes for good: rows hold names, numbers and addresses of people.

use std::time::Duration;

use ringway_model::UnixTime;
use rusqlite::{params, params_from_iter};

use crate::sqlite::rows;
use crate::usage;
use crate::writer::Work;
use crate::{Pending, Store, StoreError};

/// So many rows of a table go in one transaction, and those who write meanwhile wait no longer than that.
const BATCH_ROWS_MAX: u32 = 500;

/// How long rows are kept; `None` is for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Rows that were deleted, from their deletion.
    pub deleted: Option<Duration>,
    /// Notifications, and the requests that calls made.
    pub notifications: Option<Duration>,
    /// Calls, from their end.
    pub calls: Option<Duration>,
}

impl Default for Retention {
    /// 30 days, 30 days and 400 days.
    fn default() -> Self {
        let days = |days: u64| Some(Duration::from_secs(days * 86_400));
        Self { deleted: days(30), notifications: days(30), calls: days(400) }
    }
}

/// The tables with tombstones, those that refer to others first; each with what must not refer to a row that
/// goes. A row that is still needed goes with a later purge.
const TOMBSTONES: &[(&str, &[&str])] = &[
    ("mappings", &[]),
    ("ip_addresses", &[]),
    ("credentials", &[]),
    ("api_keys", &[]),
    ("notifications", &[]),
    ("outgoing_caller_ids", &[]),
    ("incoming_phone_numbers", &[]),
    (
        "applications",
        &["incoming_phone_numbers.voice_application_sid", "incoming_phone_numbers.sms_application_sid"],
    ),
    ("addresses", &["incoming_phone_numbers.address_sid", "incoming_phone_numbers.emergency_address_sid"]),
    (
        "ip_access_control_lists",
        &["mappings.ip_access_control_list_sid", "ip_addresses.ip_access_control_list_sid"],
    ),
    ("credential_lists", &["mappings.credential_list_sid", "credentials.credential_list_sid"]),
    ("source_ip_mappings", &[]),
    ("ip_records", &["source_ip_mappings.ip_record_sid"]),
    ("connection_policy_targets", &[]),
    ("byoc_trunks", &[]),
    (
        "connection_policies",
        &["connection_policy_targets.connection_policy_sid", "byoc_trunks.connection_policy_sid"],
    ),
    (
        "domains",
        &[
            "mappings.domain_sid",
            "domains.parent_sid",
            "source_ip_mappings.sip_domain_sid",
            "byoc_trunks.from_domain_sid",
        ],
    ),
];

impl Store {
    /// Removes some of the rows that are kept no longer, and returns how many: repeat it until it was none.
    pub fn purge(&self, retention: Retention) -> Pending<usize, StoreError> {
        self.write(move |work| {
            let before = |kept: Option<Duration>| kept.and_then(|kept| earlier(work.now, kept));
            let (deleted, calls) = (before(retention.deleted), before(retention.calls));
            let mut gone = purge_calls(work, calls, deleted)?;
            if let Some(before) = before(retention.notifications) {
                gone += purge_where(work, "notifications", "message_date < ?", before)?;
                gone += purge_where(work, "call_events", "created_at < ?", before)?;
            }
            if let Some(before) = deleted {
                for (table, references) in TOMBSTONES {
                    gone += purge_where(work, table, &unreferenced(table, references), before)?;
                }
            }
            Ok(gone)
        })
    }
}

fn earlier(now: UnixTime, by: Duration) -> Option<i64> {
    now.as_millis().checked_sub(i64::try_from(by.as_millis()).ok()?)
}

/// Old calls and deleted ones, with their events. What they used is kept.
fn purge_calls(
    work: &Work<'_>,
    ended_before: Option<i64>,
    deleted_before: Option<i64>,
) -> Result<usize, StoreError> {
    let sql = "SELECT id, sid FROM calls WHERE end_time < ?1 OR deleted_at < ?2 LIMIT ?3";
    let values = params![ended_before, deleted_before, BATCH_ROWS_MAX];
    let calls: Vec<(i64, String)> =
        rows::all(work.connection, sql, values, |cells| Ok((cells.take()?, cells.take()?)))?;
    let ids: Vec<i64> = calls.iter().map(|(id, _)| *id).collect();
    usage::keep(work.connection, &ids)?;
    for (id, sid) in &calls {
        rows::execute(work.connection, "DELETE FROM call_events WHERE call_sid = ?", [sid])?;
        rows::execute(work.connection, "DELETE FROM calls WHERE id = ?", [id])?;
    }
    Ok(calls.len())
}

fn unreferenced(table: &str, references: &[&str]) -> String {
    let mut condition = "deleted_at < ?".to_owned();
    for reference in references {
        let (from, column) = reference.split_once('.').unwrap_or_default();
        condition.push_str(&format!(
            " AND NOT EXISTS (SELECT 1 FROM {from} AS other WHERE other.{column} = {table}.sid)"
        ));
    }
    condition
}

fn purge_where(work: &Work<'_>, table: &str, condition: &str, before: i64) -> Result<usize, StoreError> {
    let sql = format!(
        "DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {condition} LIMIT {BATCH_ROWS_MAX})"
    );
    rows::execute(work.connection, &sql, params_from_iter([before]))
}
