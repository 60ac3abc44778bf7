//! The requests that calls made to their applications, and what came back: what a developer looks at when a
//! call did not do what it should (contract, rest.md 2, `Events`).

use std::time::Duration;

use ringway_call::HttpMethod;
use ringway_model::UnixTime;
use ringway_model::sid::{AccountSid, CallSid};
use rusqlite::{named_params, params};

use crate::callbacks;
use crate::page::Listing;
use crate::sqlite::rows::{self, Cells, FromRow};
use crate::writer::Work;
use crate::{ListError, Page, PageQuery, Pending, Store, StoreError};

const TABLE: &str = "call_events";

/// Of a call that makes more, the newest are kept.
const EVENTS_PER_CALL_MAX: u32 = 200;
/// Of a longer body, so many bytes are kept.
const BODY_BYTES_MAX: usize = 16 << 10;

/// A request that a call made, when it had ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCallEvent {
    /// Whose call it is.
    pub account_sid: AccountSid,
    /// The call.
    pub call_sid: CallSid,
    /// How many requests it has made, this one included.
    pub number: u32,
    /// How it asked.
    pub request_method: HttpMethod,
    /// Where.
    pub request_url: String,
    /// With which parameters.
    pub request_params: Vec<(String, String)>,
    /// The status that came back; `None` when nothing did.
    pub response_code: Option<u16>,
    /// Its content type.
    pub response_content_type: Option<String>,
    /// Its body, or why there is none; cut off after 16 KiB.
    pub response_body: String,
    /// How long it took.
    pub duration: Duration,
    /// When it ended.
    pub now: UnixTime,
}

/// A request that a call made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallEvent {
    /// Its place among all of them; names it in page tokens and nowhere else.
    pub id: i64,
    /// How it asked.
    pub request_method: HttpMethod,
    /// Where.
    pub request_url: String,
    /// With which parameters.
    pub request_params: Vec<(String, String)>,
    /// The status that came back; `None` when nothing did.
    pub response_code: Option<u16>,
    /// Its content type.
    pub response_content_type: Option<String>,
    /// Its body, or why there is none.
    pub response_body: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
    /// When it ended.
    pub created: UnixTime,
}

impl Store {
    /// Records a request that a call made. Beyond 200 of a call, its oldest go.
    pub fn insert_call_event(&self, new: NewCallEvent) -> Pending<(), StoreError> {
        self.write_soon(move |work| insert(work, &new))
    }

    /// The requests that a call made, newest first.
    pub fn call_events(
        &self,
        account: &AccountSid,
        call: &CallSid,
        page: &PageQuery,
    ) -> Result<Page<CallEvent>, ListError> {
        let listing = Listing::of(TABLE, "call_sid", call.as_str())
            .owned_by("account_sid", account.as_str())
            .named_by("id");
        self.read(|connection| listing.page(connection, page))
    }
}

fn insert(work: &mut Work<'_>, new: &NewCallEvent) -> Result<(), StoreError> {
    let sql = "INSERT INTO call_events (account_sid, call_sid, request_method, request_url, request_params,
            response_code, response_content_type, response_body, duration_ms, created_at)
        VALUES (:account, :call, :method, :url, :params, :code, :type, :body, :duration, :now)";
    let values = named_params! {
        ":account": new.account_sid.as_str(),
        ":call": new.call_sid.as_str(),
        ":method": new.request_method.as_str(),
        ":url": new.request_url,
        ":params": callbacks::write_params(&new.request_params),
        ":code": new.response_code,
        ":type": new.response_content_type,
        ":body": beginning(&new.response_body),
        ":duration": u32::try_from(new.duration.as_millis()).unwrap_or(u32::MAX),
        ":now": new.now.as_millis(),
    };
    rows::execute(work.connection, sql, values)?;
    if new.number <= EVENTS_PER_CALL_MAX {
        return Ok(());
    }
    let oldest = "DELETE FROM call_events WHERE call_sid = ?1 AND id <=
        (SELECT id FROM call_events WHERE call_sid = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)";
    rows::execute(work.connection, oldest, params![new.call_sid.as_str(), EVENTS_PER_CALL_MAX]).map(drop)
}

fn beginning(body: &str) -> &str {
    &body[..body.floor_char_boundary(BODY_BYTES_MAX)]
}

impl FromRow for CallEvent {
    const COLUMNS: &'static str = "id, request_method, request_url, request_params, response_code,
        response_content_type, response_body, duration_ms, created_at";

    fn from_cells(cells: &mut Cells<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: cells.take()?,
            request_method: cells.parse()?,
            request_url: cells.take()?,
            request_params: callbacks::read_params(&cells.take::<String>()?)?,
            response_code: cells.take()?,
            response_content_type: cells.take()?,
            response_body: cells.take()?,
            duration_ms: cells.take()?,
            created: cells.time()?,
        })
    }
}
