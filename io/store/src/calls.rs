//! Calls (contract, rest.md "Calls"). A call's row is written by whoever runs the call and by nobody else:
//! inserted when it begins, finished once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ringway_model::sid::{AccountSid, CallSid, DomainSid, PhoneNumberSid};
use ringway_model::{CallStatus, Direction, UnixTime};
use rusqlite::types::Value;
use rusqlite::{named_params, params};

use crate::callbacks::{self, Callback, CallbackRequest, Claim, NewCallback};
use crate::lists;
use crate::page::Listing;
use crate::sqlite::rows::{self, Cells, FromRow};
use crate::writer::Work;
use crate::{ListError, Page, PageQuery, Pending, Store, StoreError};

const TABLE: &str = "calls";
const LIVE: &str = "account_sid = ? AND sid = ? AND deleted_at IS NULL";

/// A call, or one leg of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its SID.
    pub sid: CallSid,
    /// Whose it is.
    pub account_sid: AccountSid,
    /// The call that dialled this one.
    pub parent_call_sid: Option<CallSid>,
    /// Who began it.
    pub direction: Direction,
    /// Where it is in its life.
    pub status: CallStatus,
    /// Who calls, as webhooks write it.
    pub from: String,
    /// Who is called, as webhooks write it.
    pub to: String,
    /// The caller's name.
    pub caller_name: Option<String>,
    /// Who forwarded it here.
    pub forwarded_from: Option<String>,
    /// What answered: `human`, `machine` and so on.
    pub answered_by: Option<String>,
    /// The number that was called, when it is one of the account's.
    pub phone_number_sid: Option<PhoneNumberSid>,
    /// The domain it came to.
    pub domain_sid: Option<DomainSid>,
    /// `GP…`
    pub group_sid: Option<String>,
    /// `TK…`
    pub trunk_sid: Option<String>,
    /// When it was dialled.
    pub start_time: Option<UnixTime>,
    /// When it ended; set in every final state and in no other.
    pub end_time: Option<UnixTime>,
    /// How long it lasted once answered, in seconds.
    pub duration_s: Option<u32>,
    /// How long it waited to be dialled, in milliseconds.
    pub queue_time_ms: u32,
    /// What it cost, a negative number.
    pub price: Option<String>,
    /// In which currency.
    pub price_unit: Option<String>,
    /// The node that runs it.
    pub node: String,
    /// When the row was made.
    pub created: UnixTime,
    /// When it was last changed.
    pub updated: UnixTime,
}

/// A call that begins.
#[derive(Debug, Clone)]
pub struct NewCall {
    /// Its SID.
    pub sid: CallSid,
    /// Whose it is.
    pub account_sid: AccountSid,
    /// The call that dialled this one.
    pub parent_call_sid: Option<CallSid>,
    /// Who began it.
    pub direction: Direction,
    /// Where it is now; not a final state.
    pub status: CallStatus,
    /// Who calls.
    pub from: String,
    /// Who is called.
    pub to: String,
    /// The caller's name.
    pub caller_name: Option<String>,
    /// Who forwarded it here.
    pub forwarded_from: Option<String>,
    /// The number that was called.
    pub phone_number_sid: Option<PhoneNumberSid>,
    /// The domain it came to.
    pub domain_sid: Option<DomainSid>,
    /// The node that runs it.
    pub node: String,
    /// The time now.
    pub now: UnixTime,
    /// When it was dialled, if it was.
    pub start_time: Option<UnixTime>,
    /// What to send should the node die under it; kept until the call is finished.
    pub callback: Option<CallbackRequest>,
}

/// How a call ended.
#[derive(Debug, Clone)]
pub struct FinishedCall {
    /// Which.
    pub sid: CallSid,
    /// A final state.
    pub status: CallStatus,
    /// When.
    pub end_time: UnixTime,
    /// How long it lasted once answered, in seconds.
    pub duration_s: u32,
    /// What answered, when that is known.
    pub answered_by: Option<String>,
    /// The status callback to deliver.
    pub callback: Option<CallbackRequest>,
}

/// Why a call cannot be deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteCallError {
    /// It is not over (20009).
    #[error("the call is not over")]
    NotFinished,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeRange {
    /// Its first instant.
    pub from: Option<UnixTime>,
    /// The first instant after it.
    pub until: Option<UnixTime>,
}

/// Which calls of a list; what is `None` does not narrow.
#[derive(Debug, Clone, Default)]
pub struct CallFilter {
    /// Exactly this `To`.
    pub to: Option<String>,
    /// Exactly this `From`.
    pub from: Option<String>,
    /// Dialled by this call.
    pub parent_call_sid: Option<CallSid>,
    /// In this state.
    pub status: Option<CallStatus>,
    /// Begun then.
    pub start: TimeRange,
    /// Ended then.
    pub end: TimeRange,
}

/// Calls whose first row waits for its commit: what is told of them until then goes into that row.
#[derive(Debug, Default)]
pub(crate) struct Unwritten(Mutex<HashMap<CallSid, FirstRow>>);

#[derive(Debug)]
struct FirstRow {
    new: NewCall,
    updated: UnixTime,
}

impl Unwritten {
    fn rows(&self) -> MutexGuard<'_, HashMap<CallSid, FirstRow>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the row could still be changed.
    fn update(&self, sid: &CallSid, status: CallStatus, start: Option<UnixTime>, now: UnixTime) -> bool {
        let mut rows = self.rows();
        let row = rows.get_mut(sid).filter(|_| !status.is_final());
        let is_there = row.is_some();
        if let Some(FirstRow { new, updated }) = row {
            (new.status, *updated) = (status, now);
            new.start_time = start.or(new.start_time);
        }
        is_there
    }
}

impl Store {
    /// Records that a call began.
    pub fn insert_call(&self, new: NewCall) -> Pending<(), StoreError> {
        let (sid, unwritten) = (new.sid, Arc::clone(self.unwritten()));
        unwritten.rows().insert(sid, FirstRow { updated: new.now, new });
        let mut row = None;
        self.write_soon(move |work| {
            row = unwritten.rows().remove(&sid).or(row.take());
            row.as_ref().map_or(Ok(()), |row| insert(work, row))
        })
    }

    /// Records where a call is; false when it is over or unknown. `start_time` stays as it is when `None`; until
    /// then the call was queued. A final state is for [`finish_call`](Self::finish_call), and refused here.
    pub fn update_call_status(
        &self,
        sid: CallSid,
        status: CallStatus,
        start_time: Option<UnixTime>,
        now: UnixTime,
    ) -> Pending<bool, StoreError> {
        if self.unwritten().update(&sid, status, start_time, now) {
            return self.write_soon(|_| Ok(true));
        }
        self.write_soon(move |work| {
            let sql = "UPDATE calls SET status = ?1, start_time = coalesce(?2, start_time), updated_at = ?3,
                    queue_time_ms = coalesce(max(?2 - created_at, 0), queue_time_ms)
                WHERE sid = ?4 AND end_time IS NULL";
            let start = start_time.map(UnixTime::as_millis);
            let values = params![status.as_str(), start, now.as_millis(), sid.as_str()];
            Ok(rows::execute(work.connection, sql, values)? == 1)
        })
    }

    /// Records that a call is over, and its status callback with it; false when it was over or is unknown, and
    /// then no callback is stored.
    pub fn finish_call(&self, finished: FinishedCall) -> Pending<bool, StoreError> {
        self.write_soon(move |work| Ok(matches!(finish(work, &finished, None)?, Finish::Over(_))))
    }

    /// The same, and leases the status callback to whoever is about to deliver it; `None` when there is none.
    pub fn finish_call_and_claim(
        &self,
        finished: FinishedCall,
        claim: Claim,
    ) -> Pending<Option<Callback>, StoreError> {
        self.write_soon(move |work| match finish(work, &finished, Some(&claim))? {
            Finish::Over(callback) => Ok(callback),
            Finish::WasOver => Ok(None),
        })
    }

    /// Deletes a call that is over; false when there is none.
    pub fn delete_call(&self, account: AccountSid, sid: CallSid) -> Pending<bool, DeleteCallError> {
        self.write(move |work| {
            let place = [account.as_str(), sid.as_str()];
            let sql = format!("UPDATE calls SET deleted_at = ? WHERE {LIVE} AND end_time IS NOT NULL");
            let values = params![work.now.as_millis(), place[0], place[1]];
            if rows::execute(work.connection, &sql, values)? == 1 {
                return Ok(true);
            }
            let live = format!("SELECT 1 FROM calls WHERE {LIVE}");
            match lists::exists(work.connection, &live, &place)? {
                true => Err(DeleteCallError::NotFinished),
                false => Ok(false),
            }
        })
    }

    /// A call of the account.
    pub fn call(&self, account: &AccountSid, sid: &CallSid) -> Result<Option<Call>, StoreError> {
        self.read(|connection| rows::find(connection, TABLE, LIVE, [account.as_str(), sid.as_str()]))
    }

    /// The account's calls, newest first.
    pub fn calls(
        &self,
        account: &AccountSid,
        filter: &CallFilter,
        page: &PageQuery,
    ) -> Result<Page<Call>, ListError> {
        let listing = Listing::of(TABLE, "account_sid", account.as_str())
            .narrowed("to_address = ?", filter.to.clone())
            .narrowed("from_address = ?", filter.from.clone())
            .narrowed("parent_call_sid = ?", filter.parent_call_sid.map(|sid| sid.to_string()))
            .narrowed("status = ?", filter.status.map(|status| status.to_string()))
            .narrowed("start_time >= ?", millis(filter.start.from))
            .narrowed("start_time < ?", millis(filter.start.until))
            .narrowed("end_time >= ?", millis(filter.end.from))
            .narrowed("end_time < ?", millis(filter.end.until));
        self.read(|connection| listing.page(connection, page))
    }
}

/// A bound of a [`TimeRange`] as the database has times.
pub(crate) fn millis(time: Option<UnixTime>) -> Option<Value> {
    time.map(|time| Value::from(time.as_millis()))
}

fn insert(work: &mut Work<'_>, row: &FirstRow) -> Result<(), StoreError> {
    let FirstRow { new, updated } = row;
    let sql = "INSERT INTO calls (sid, account_sid, node, parent_call_sid, direction, status, from_address,
            to_address, caller_name, forwarded_from, phone_number_sid, domain_sid, start_time, queue_time_ms,
            callback_url, callback_method, callback_params, created_at, updated_at)
        VALUES (:sid, :account, :node, :parent, :direction, :status, :from, :to, :caller_name, :forwarded_from,
            :number, :domain, :start, coalesce(max(:start - :now, 0), 0), :url, :method, :params, :now, :updated)";
    let callback = new.callback.as_ref();
    let values = named_params! {
        ":sid": new.sid.as_str(),
        ":account": new.account_sid.as_str(),
        ":node": new.node,
        ":parent": new.parent_call_sid.as_ref().map(CallSid::as_str),
        ":direction": new.direction.as_str(),
        ":status": new.status.as_str(),
        ":from": new.from,
        ":to": new.to,
        ":caller_name": new.caller_name,
        ":forwarded_from": new.forwarded_from,
        ":number": new.phone_number_sid.as_ref().map(PhoneNumberSid::as_str),
        ":domain": new.domain_sid.as_ref().map(DomainSid::as_str),
        ":start": new.start_time.map(UnixTime::as_millis),
        ":url": callback.map(|callback| &callback.url),
        ":method": callback.map(|callback| callback.method.as_str()),
        ":params": callback.map(|callback| callbacks::write_params(&callback.params)),
        ":now": new.now.as_millis(),
        ":updated": updated.as_millis(),
    };
    rows::execute(work.connection, sql, values).map(drop)
}

/// What it came to, to end a call.
pub(crate) enum Finish {
    /// It had ended, or is unknown.
    WasOver,
    /// It is over now; its callback, when it has one.
    Over(Option<Callback>),
}

/// Ends a call that is not over, and stores its callback.
pub(crate) fn finish(
    work: &mut Work<'_>,
    finished: &FinishedCall,
    claim: Option<&Claim>,
) -> Result<Finish, StoreError> {
    let sql = "UPDATE calls SET status = :status, end_time = :end, duration_s = :duration,
            answered_by = coalesce(:answered_by, answered_by), updated_at = :end,
            callback_url = NULL, callback_method = NULL, callback_params = NULL
        WHERE sid = :sid AND end_time IS NULL RETURNING account_sid";
    let values = named_params! {
        ":status": finished.status.as_str(),
        ":end": finished.end_time.as_millis(),
        ":duration": finished.duration_s,
        ":answered_by": finished.answered_by,
        ":sid": finished.sid.as_str(),
    };
    let account = rows::one(work.connection, sql, values, |cells| cells.parse())?;
    let Some(account_sid) = account else { return Ok(Finish::WasOver) };
    let Some(request) = finished.callback.clone() else { return Ok(Finish::Over(None)) };
    let new = NewCallback { account_sid, call_sid: Some(finished.sid), request, now: finished.end_time };
    callbacks::insert(work, &new, claim).map(|callback| Finish::Over(Some(callback)))
}

impl FromRow for Call {
    const COLUMNS: &'static str = "sid, account_sid, parent_call_sid, direction, status, from_address,
        to_address, caller_name, forwarded_from, answered_by, phone_number_sid, domain_sid, group_sid, trunk_sid,
        start_time, end_time, duration_s, queue_time_ms, price, price_unit, node, created_at, updated_at";

    fn from_cells(cells: &mut Cells<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sid: cells.parse()?,
            account_sid: cells.parse()?,
            parent_call_sid: cells.parse_option()?,
            direction: cells.parse()?,
            status: cells.parse()?,
            from: cells.take()?,
            to: cells.take()?,
            caller_name: cells.take()?,
            forwarded_from: cells.take()?,
            answered_by: cells.take()?,
            phone_number_sid: cells.parse_option()?,
            domain_sid: cells.parse_option()?,
            group_sid: cells.take()?,
            trunk_sid: cells.take()?,
            start_time: cells.time_option()?,
            end_time: cells.time_option()?,
            duration_s: cells.take()?,
            queue_time_ms: cells.take()?,
            price: cells.take()?,
            price_unit: cells.take()?,
            node: cells.take()?,
            created: cells.time()?,
            updated: cells.time()?,
        })
    }
}
