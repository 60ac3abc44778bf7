//! Notifications: what went wrong, for the developer to read (contract, rest.md 2).

use ringway_model::UnixTime;
use ringway_model::sid::{AccountSid, CallSid, NotificationSid};
use rusqlite::{named_params, params};

use crate::calls::{TimeRange, millis};
use crate::page::Listing;
use crate::sqlite::rows::{self, Cells, FromRow};
use crate::writer::Work;
use crate::{ListError, Page, PageQuery, Pending, Store, StoreError};

const TABLE: &str = "notifications";

/// How bad it was; `Log` on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// `0`
    Error,
    /// `1`
    Warning,
}

impl LogLevel {
    /// The number on the wire.
    pub const fn number(self) -> u8 {
        match self {
            Self::Error => 0,
            Self::Warning => 1,
        }
    }
}

/// Something that went wrong just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNotification {
    /// Whose.
    pub account_sid: AccountSid,
    /// In which call.
    pub call_sid: Option<CallSid>,
    /// Its number in the contract's tables.
    pub error_code: u32,
    /// How bad it was.
    pub log: LogLevel,
    /// What happened, as it is shown.
    pub message_text: String,
    /// When.
    pub message_date: UnixTime,
    /// The request it happened in; empty when there was none.
    pub request_url: String,
    /// Its method.
    pub request_method: String,
    /// Its parameters.
    pub request_variables: String,
    /// The headers that came back.
    pub response_headers: String,
    /// The body that came back.
    pub response_body: String,
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Its SID.
    pub sid: NotificationSid,
    /// Whose.
    pub account_sid: AccountSid,
    /// In which call.
    pub call_sid: Option<CallSid>,
    /// Its number in the contract's tables.
    pub error_code: u32,
    /// How bad it was.
    pub log: LogLevel,
    /// What happened, as it is shown.
    pub message_text: String,
    /// When.
    pub message_date: UnixTime,
    /// The request it happened in; empty when there was none.
    pub request_url: String,
    /// Its method.
    pub request_method: String,
    /// Its parameters.
    pub request_variables: String,
    /// The headers that came back.
    pub response_headers: String,
    /// The body that came back.
    pub response_body: String,
    /// When the row was made.
    pub created: UnixTime,
    /// When it was last changed.
    pub updated: UnixTime,
}

/// Which notifications of a list; what is `None` does not narrow.
#[derive(Debug, Clone, Default)]
pub struct NotificationFilter {
    /// Of this call.
    pub call_sid: Option<CallSid>,
    /// This bad.
    pub log: Option<LogLevel>,
    /// Of this time.
    pub dates: TimeRange,
}

impl Store {
    /// Records that something went wrong.
    pub fn insert_notification(&self, new: NewNotification) -> Pending<NotificationSid, StoreError> {
        self.write_soon(move |work| insert(work, &new))
    }

    /// A notification of the account, and of this call when one is given.
    pub fn notification(
        &self,
        account: &AccountSid,
        call: Option<&CallSid>,
        sid: &NotificationSid,
    ) -> Result<Option<Notification>, StoreError> {
        let condition =
            "account_sid = ?1 AND sid = ?2 AND (?3 IS NULL OR call_sid = ?3) AND deleted_at IS NULL";
        let values = params![account.as_str(), sid.as_str(), call.map(CallSid::as_str)];
        self.read(|connection| rows::find(connection, TABLE, condition, values))
    }

    /// The account's notifications, newest first.
    pub fn notifications(
        &self,
        account: &AccountSid,
        filter: &NotificationFilter,
        page: &PageQuery,
    ) -> Result<Page<Notification>, ListError> {
        let listing = Listing::of(TABLE, "account_sid", account.as_str());
        let listing = match filter.call_sid {
            Some(call) => listing.owned_by("call_sid", call.as_str()),
            None => listing,
        };
        let listing = listing
            .narrowed("log = ?", filter.log.map(|log| i64::from(log.number())))
            .narrowed("message_date >= ?", millis(filter.dates.from))
            .narrowed("message_date < ?", millis(filter.dates.until));
        self.read(|connection| listing.page(connection, page))
    }

    /// Deletes a notification; false when there is none.
    pub fn delete_notification(
        &self,
        account: AccountSid,
        sid: NotificationSid,
    ) -> Pending<bool, StoreError> {
        self.write(move |work| {
            let sql = "UPDATE notifications SET deleted_at = ?
                WHERE account_sid = ? AND sid = ? AND deleted_at IS NULL";
            let values = params![work.now.as_millis(), account.as_str(), sid.as_str()];
            Ok(rows::execute(work.connection, sql, values)? == 1)
        })
    }
}

/// Inserts one in the open transaction.
pub(crate) fn insert(work: &mut Work<'_>, new: &NewNotification) -> Result<NotificationSid, StoreError> {
    let sid = NotificationSid::from_random(work.random()?);
    let sql = "INSERT INTO notifications (sid, account_sid, call_sid, error_code, log, message_text,
            message_date, request_url, request_method, request_variables, response_headers, response_body,
            created_at, updated_at)
        VALUES (:sid, :account, :call, :code, :log, :text, :date, :url, :method, :variables, :headers, :body,
            :now, :now)";
    let values = named_params! {
        ":sid": sid.as_str(),
        ":account": new.account_sid.as_str(),
        ":call": new.call_sid.as_ref().map(CallSid::as_str),
        ":code": new.error_code,
        ":log": new.log.number(),
        ":text": new.message_text,
        ":date": new.message_date.as_millis(),
        ":url": new.request_url,
        ":method": new.request_method,
        ":variables": new.request_variables,
        ":headers": new.response_headers,
        ":body": new.response_body,
        ":now": work.now.as_millis(),
    };
    rows::execute(work.connection, sql, values)?;
    Ok(sid)
}

impl FromRow for Notification {
    const COLUMNS: &'static str = "sid, account_sid, call_sid, error_code, log, message_text, message_date,
        request_url, request_method, request_variables, response_headers, response_body, created_at, updated_at";

    fn from_cells(cells: &mut Cells<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sid: cells.parse()?,
            account_sid: cells.parse()?,
            call_sid: cells.parse_option()?,
            error_code: cells.take()?,
            log: if cells.take::<u8>()? == 0 { LogLevel::Error } else { LogLevel::Warning },
            message_text: cells.take()?,
            message_date: cells.time()?,
            request_url: cells.take()?,
            request_method: cells.take()?,
            request_variables: cells.take()?,
            response_headers: cells.take()?,
            response_body: cells.take()?,
            created: cells.time()?,
            updated: cells.time()?,
        })
    }
}
