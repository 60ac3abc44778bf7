//! What a node does about the calls that it ran when it died.

use ringway_model::sid::CallSid;
use ringway_model::{CallStatus, UnixTime};
use rusqlite::{Connection, params};

use crate::callbacks::{self, CallbackRequest};
use crate::calls::{self, Call, FinishedCall};
use crate::notifications::{self, NewNotification};
use crate::sqlite::rows::{self, Cells, FromRow};
use crate::writer::Work;
use crate::{Pending, Store, StoreError};

/// A call that is not over, with what to send if it has to be ended for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedCall {
    /// The call.
    pub call: Call,
    /// Its status callback, as it stood when the call began.
    pub callback: Option<CallbackRequest>,
}

/// What goes with the end of a recovered call.
#[derive(Debug, Clone, Default)]
pub struct Recovered {
    /// The status callback to deliver.
    pub callback: Option<CallbackRequest>,
    /// What to tell the developer.
    pub notification: Option<NewNotification>,
}

impl Store {
    /// The calls of a node that are not over, oldest first.
    pub fn unfinished_calls(&self, node: &str) -> Result<Vec<UnfinishedCall>, StoreError> {
        self.read(|connection| unfinished(connection, node))
    }

    /// For the start of a node, before it takes calls: whatever it ran before is `failed` now, with the callback
    /// and notification that `recover` makes, and the leases it held are given up. All or nothing.
    pub fn recover_calls(
        &self,
        node: String,
        now: UnixTime,
        recover: impl FnMut(&UnfinishedCall) -> Recovered + Send + 'static,
    ) -> Pending<Vec<CallSid>, StoreError> {
        self.write(move |work| recover_all(work, &node, now, recover))
    }
}

fn unfinished(connection: &Connection, node: &str) -> Result<Vec<UnfinishedCall>, StoreError> {
    let sql = format!(
        "SELECT {}, callback_url, callback_method, callback_params FROM calls
         WHERE node = ? AND end_time IS NULL ORDER BY id",
        Call::COLUMNS
    );
    rows::all(connection, &sql, [node], unfinished_from_cells)
}

fn unfinished_from_cells(cells: &mut Cells<'_>) -> rusqlite::Result<UnfinishedCall> {
    let call = Call::from_cells(cells)?;
    let (url, method, params) = (cells.take()?, cells.parse_option()?, cells.take::<Option<String>>()?);
    let callback = match (url, method, params) {
        (Some(url), Some(method), Some(params)) => {
            Some(CallbackRequest { url, method, params: callbacks::read_params(&params)? })
        }
        _ => None,
    };
    Ok(UnfinishedCall { call, callback })
}

fn recover_all(
    work: &mut Work<'_>,
    node: &str,
    now: UnixTime,
    mut recover: impl FnMut(&UnfinishedCall) -> Recovered,
) -> Result<Vec<CallSid>, StoreError> {
    let leases = "UPDATE callbacks SET claimed_by = NULL, claimed_until = NULL WHERE claimed_by = ?";
    rows::execute(work.connection, leases, params![node])?;
    let mut sids = Vec::new();
    for unfinished in unfinished(work.connection, node)? {
        let recovered = recover(&unfinished);
        let sid = unfinished.call.sid;
        let finished = FinishedCall {
            sid,
            status: CallStatus::Failed,
            end_time: now,
            duration_s: 0,
            answered_by: None,
            callback: recovered.callback,
        };
        calls::finish(work, &finished, None)?;
        if let Some(notification) = recovered.notification {
            notifications::insert(work, &notification)?;
        }
        sids.push(sid);
    }
    Ok(sids)
}
