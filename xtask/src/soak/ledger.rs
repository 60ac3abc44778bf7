//! What the REST API acknowledged: rows that must be there, rows that must not, and rows of which either is
//! right, because the answer was cut off.

use std::collections::HashMap;
use std::net::SocketAddr;

use serde_json::Value;

use crate::bench::server;

/// The resource that is created, changed and deleted.
pub(crate) const LISTS: &str = "/SIP/CredentialLists.json";

/// The rows of one writer: no other changes them.
#[derive(Default)]
pub(crate) struct Ledger {
    rows: HashMap<String, Row>,
    /// Requests that were acknowledged.
    pub(crate) acknowledged: u64,
}

/// What one row may be after a restart.
struct Row {
    /// Its last acknowledged name; `None` once its deletion was acknowledged.
    name: Option<String>,
    /// What an unanswered request may have made of it.
    maybe: Option<Option<String>>,
}

impl Ledger {
    /// Creates, renames and deletes until the server no longer answers. Every third row is renamed, every
    /// fifth deleted.
    pub(crate) fn write_until_gone(&mut self, http: SocketAddr, writer: usize, round: usize) {
        for count in 0_u64.. {
            let name = format!("writer {writer} round {round} row {count}");
            let Some((201, body)) = ask(http, "POST", LISTS, &[("FriendlyName", &name)]) else { return };
            let Some(sid) = body["sid"].as_str().map(str::to_owned) else { return };
            self.acknowledged += 1;
            self.rows.insert(sid.clone(), Row { name: Some(name.clone()), maybe: None });
            if count % 3 == 0 && !self.rename(http, &sid, format!("{name} renamed")) {
                return;
            }
            if count % 5 == 0 && !self.delete(http, &sid) {
                return;
            }
        }
    }

    fn rename(&mut self, http: SocketAddr, sid: &str, name: String) -> bool {
        let answer = ask(http, "POST", &path(sid), &[("FriendlyName", &name)]);
        self.settle(sid, Some(name), answer.is_some_and(|(status, _)| status == 200))
    }

    fn delete(&mut self, http: SocketAddr, sid: &str) -> bool {
        let answer = ask(http, "DELETE", &path(sid), &[]);
        self.settle(sid, None, answer.is_some_and(|(status, _)| status == 204))
    }

    fn settle(&mut self, sid: &str, change: Option<String>, acknowledged: bool) -> bool {
        if let Some(row) = self.rows.get_mut(sid) {
            if acknowledged {
                (row.name, row.maybe) = (change, None);
            } else {
                row.maybe = Some(change);
            }
        }
        self.acknowledged += u64::from(acknowledged);
        acknowledged
    }

    /// Compares with what is there now, by SID; what is seen of an unanswered change counts from now on.
    pub(crate) fn check(&mut self, found: &HashMap<String, String>) -> Result<(), String> {
        for (sid, row) in &mut self.rows {
            let there = found.get(sid).cloned();
            if there == row.name {
                row.maybe = None;
            } else if row.maybe.as_ref() == Some(&there) {
                (row.name, row.maybe) = (there, None);
            } else {
                return Err(format!("{sid} is {there:?}; acknowledged was {:?}", row.name));
            }
        }
        Ok(())
    }
}

fn path(sid: &str) -> String {
    format!("/SIP/CredentialLists/{sid}.json")
}

/// The status and the body; `None` when no whole answer came.
fn ask(http: SocketAddr, method: &str, path: &str, form: &[(&str, &str)]) -> Option<(u16, Value)> {
    let reply = server::api(http, method, path, form).ok()?;
    let body = if reply.body.is_empty() { Value::Null } else { reply.json().ok()? };
    Some((reply.status, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str) -> HashMap<String, String> {
        HashMap::from([("CL1".to_owned(), name.to_owned())])
    }

    fn ledger(name: &str) -> Ledger {
        let row = Row { name: Some(name.to_owned()), maybe: None };
        Ledger { rows: HashMap::from([("CL1".to_owned(), row)]), acknowledged: 1 }
    }

    #[test]
    fn an_acknowledged_row_must_be_there_as_it_was_acknowledged() {
        assert!(ledger("a").check(&found("a")).is_ok());
        assert!(ledger("a").check(&found("b")).is_err());
        assert!(ledger("a").check(&HashMap::new()).is_err());
    }

    #[test]
    fn an_unanswered_change_may_have_happened_but_not_come_and_go() {
        let mut ledger = ledger("a");
        ledger.settle("CL1", None, false);
        assert!(ledger.check(&found("a")).is_ok());
        assert!(ledger.check(&HashMap::new()).is_err(), "it was seen not to have happened");
    }

    #[test]
    fn an_acknowledged_deletion_stays() {
        let mut ledger = ledger("a");
        ledger.settle("CL1", None, true);
        assert!(ledger.check(&HashMap::new()).is_ok());
        assert!(ledger.check(&found("a")).is_err());
    }
}
