//! The driver's counters as metrics. The endpoint counts in plain numbers; here they are published a few
//! times a second, so that no message pays for a metric.

use std::sync::PoisonError;
use std::time::Duration;

use metrics::{counter, gauge};
use ringway_model::Moment;
use ringway_sip::endpoint::Counters;

use crate::handle::{Shared, Snapshot};

/// How often at most.
pub(crate) const PUBLISH_INTERVAL: Duration = Duration::from_millis(250);

/// What the driver itself counts, and when it told last.
pub(crate) struct Meters {
    pub(crate) receive_drops: u64,
    pub(crate) send_failures: u64,
    /// Something has changed since it told.
    pub(crate) dirty: bool,
    told: Moment,
}

impl Default for Meters {
    /// The zeros are worth telling.
    fn default() -> Self {
        Self { receive_drops: 0, send_failures: 0, dirty: true, told: Moment::default() }
    }
}

impl Meters {
    /// When the next telling is due; none when there is nothing to tell.
    pub(crate) fn due(&self) -> Option<Moment> {
        self.dirty.then_some(self.told + PUBLISH_INTERVAL)
    }

    /// Tells what the driver knows.
    pub(crate) fn publish(&mut self, now: Moment, counters: &Counters, flows: usize, shared: &Shared) {
        self.dirty = false;
        self.told = now;
        let snapshot = Snapshot {
            endpoint: counters.clone(),
            flows,
            receive_drops: self.receive_drops,
            send_failures: self.send_failures,
        };
        publish(&snapshot);
        *shared.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = snapshot;
    }
}

fn publish(snapshot: &Snapshot) {
    let counters = &snapshot.endpoint;
    for (direction, requests) in [("in", &counters.requests_received), ("out", &counters.requests_sent)] {
        for (method, count) in requests {
            message(direction, method, String::new(), *count);
        }
    }
    for (direction, responses) in [("in", &counters.responses_received), ("out", &counters.responses_sent)] {
        for ((method, status), count) in responses {
            message(direction, method, status.to_string(), *count);
        }
    }
    counter!("ringway_sip_malformed_total").absolute(counters.malformed);
    counter!("ringway_sip_retransmissions_total").absolute(counters.retransmissions);
    counter!("ringway_sip_stray_responses_total").absolute(counters.stray_responses);
    counter!("ringway_sip_dropped_total").absolute(counters.dropped);
    counter!("ringway_sip_turned_away_total").absolute(counters.turned_away);
    counter!("ringway_sip_overload_total", "signal" => "age").absolute(counters.overload_age);
    counter!("ringway_sip_overload_total", "signal" => "count").absolute(counters.overload_count);
    counter!("ringway_sip_receive_drops_total").absolute(snapshot.receive_drops);
    counter!("ringway_sip_send_failures_total").absolute(snapshot.send_failures);
    gauge!("ringway_sip_server_transactions").set(counters.server_transactions as f64);
    gauge!("ringway_sip_client_transactions").set(counters.client_transactions as f64);
    gauge!("ringway_sip_dialogs").set(counters.dialogs as f64);
    gauge!("ringway_sip_flows").set(snapshot.flows as f64);
}

fn message(direction: &'static str, method: &'static str, code: String, count: u64) {
    counter!("ringway_sip_messages_total", "direction" => direction, "method" => method, "code" => code)
        .absolute(count);
}
