//! What is counted of every request. A meter is looked up by its name when a thread first needs it: each
//! look-up costs more than many countings.

use std::cell::RefCell;
use std::time::Duration;

use http::StatusCode;
use metrics::{Counter, Histogram};

thread_local! {
    static METERS: RefCell<Option<Meters>> = const { RefCell::new(None) };
}

struct Meters {
    took: Histogram,
    answered: Vec<(StatusCode, Counter)>,
}

/// Counts an answer and how long it took.
pub(crate) fn answered(status: StatusCode, took: Duration) {
    METERS.with_borrow_mut(|meters| {
        let meters = meters.get_or_insert_with(|| Meters {
            took: metrics::histogram!("ringway_rest_request_seconds"),
            answered: Vec::new(),
        });
        meters.took.record(took.as_secs_f64());
        meters.counter(status).increment(1);
    });
}

impl Meters {
    /// There are about as many as the API has statuses: twenty.
    fn counter(&mut self, status: StatusCode) -> &Counter {
        let place = self.answered.iter().position(|(known, _)| *known == status).unwrap_or_else(|| {
            let labels = [("status", status.as_str().to_owned())];
            self.answered.push((status, metrics::counter!("ringway_rest_requests_total", &labels)));
            self.answered.len() - 1
        });
        &self.answered[place].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_one_counter() {
        let mut meters = Meters { took: Histogram::noop(), answered: Vec::new() };
        for status in [StatusCode::OK, StatusCode::NOT_FOUND, StatusCode::OK] {
            meters.counter(status).increment(1);
        }
        assert_eq!(meters.answered.len(), 2);
    }
}
