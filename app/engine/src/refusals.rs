//! Why callers were turned away: the newest refusals, for the operator who wonders about a 403.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use ringway_model::UnixTime;
use ringway_model::sid::DomainSid;

/// How many are kept.
const REFUSALS_MAX: usize = 1000;
/// How much of a URI is kept.
const URI_BYTES_MAX: usize = 256;

/// One refused request.
#[derive(Debug, Clone)]
pub struct RefusalRecord {
    /// When.
    pub time: UnixTime,
    /// Who sent it.
    pub source: SocketAddr,
    /// `INVITE`, `REGISTER` or `OPTIONS`.
    pub method: &'static str,
    /// The status of the answer.
    pub status: u16,
    /// The documented number of the reason (contract, runtime.md 1.8); 0 where there is none.
    pub code: u32,
    /// The reason in a sentence.
    pub reason: String,
    /// The domain, when the request named one of ours.
    pub domain_sid: Option<DomainSid>,
    /// The From URI.
    pub from: String,
    /// The Request-URI.
    pub to: String,
}

/// The newest refusals; older ones make room.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<VecDeque<RefusalRecord>>);

impl Refusals {
    pub(crate) fn add(&self, record: RefusalRecord) {
        let (status, code) = (record.status.to_string(), record.code.to_string());
        metrics::counter!("ringway_refusals_total", "status" => status, "code" => code).increment(1);
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if records.len() == REFUSALS_MAX {
            records.pop_front();
        }
        records.push_back(record);
    }

    /// Newest first.
    pub(crate) fn list(&self) -> Vec<RefusalRecord> {
        let records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.iter().rev().cloned().collect()
    }
}

/// A URI short enough to be kept.
pub(crate) fn short(uri: &str) -> String {
    let mut end = uri.len().min(URI_BYTES_MAX);
    while !uri.is_char_boundary(end) {
        end -= 1;
    }
    uri[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept() {
        let refusals = Refusals::default();
        for number in 0..REFUSALS_MAX as u32 + 5 {
            refusals.add(RefusalRecord {
                time: UnixTime::from_secs(i64::from(number)),
                source: ([127, 0, 0, 1], 5060).into(),
                method: "INVITE",
                status: 403,
                code: number,
                reason: String::new(),
                domain_sid: None,
                from: String::new(),
                to: String::new(),
            });
        }
        let list = refusals.list();
        assert_eq!((list.len(), list[0].code), (REFUSALS_MAX, REFUSALS_MAX as u32 + 4));
    }

    #[test]
    fn long_uris_are_cut_between_characters() {
        assert_eq!(short("sip:a@b"), "sip:a@b");
        assert!(short(&"é".repeat(300)).len() <= URI_BYTES_MAX);
    }
}
