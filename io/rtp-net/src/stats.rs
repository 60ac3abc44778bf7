//! What the reactor counts, and how it becomes metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{counter, gauge, histogram};
use ringway_media::SessionStats;

use crate::lateness::{Lateness, LatenessMeter};

/// What the reactor knew a moment ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MediaSnapshot {
    /// Open sessions.
    pub sessions: u64,
    /// Datagrams read, since the start.
    pub packets_in: u64,
    /// Datagrams sent, since the start.
    pub packets_out: u64,
    /// Datagrams the kernel would not take, since the start.
    pub packets_unsent: u64,
    /// Slots given up because the machine stood still for longer than the clock catches up with.
    pub slots_skipped: u64,
    /// How late sessions got their ticks.
    pub lateness: Lateness,
}

/// The same while it is counted: written by the reactor, read by anyone.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) sessions: AtomicU64,
    pub(crate) packets_in: AtomicU64,
    pub(crate) packets_out: AtomicU64,
    pub(crate) packets_unsent: AtomicU64,
    pub(crate) slots_skipped: AtomicU64,
    pub(crate) lateness: LatenessMeter,
}

impl Stats {
    pub(crate) fn snapshot(&self) -> MediaSnapshot {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        MediaSnapshot {
            sessions: read(&self.sessions),
            packets_in: read(&self.packets_in),
            packets_out: read(&self.packets_out),
            packets_unsent: read(&self.packets_unsent),
            slots_skipped: read(&self.slots_skipped),
            lateness: self.lateness.snapshot(),
        }
    }

    pub(crate) fn publish(&self) {
        let snapshot = self.snapshot();
        gauge!("ringway_rtp_sessions").set(snapshot.sessions as f64);
        counter!("ringway_rtp_packets_total", "direction" => "in").absolute(snapshot.packets_in);
        counter!("ringway_rtp_packets_total", "direction" => "out").absolute(snapshot.packets_out);
        counter!("ringway_rtp_unsent_total").absolute(snapshot.packets_unsent);
        counter!("ringway_rtp_slots_skipped_total").absolute(snapshot.slots_skipped);
        for (quantile, percent) in [("0.5", 50.0), ("0.99", 99.0), ("0.999", 99.9)] {
            gauge!("ringway_rtp_lateness_seconds", "quantile" => quantile)
                .set(snapshot.lateness.percentile(percent).as_secs_f64());
        }
    }
}

/// Tells how a session fared, when it closes.
pub(crate) fn publish_session(stats: &SessionStats) {
    counter!("ringway_rtp_lost_total").increment(stats.packets_lost);
    counter!("ringway_rtp_received_total").increment(stats.packets_received);
    counter!("ringway_rtp_late_total").increment(stats.late);
    counter!("ringway_rtp_refused_total").increment(stats.refused);
    counter!("ringway_rtp_concealed_frames_total").increment(stats.concealed_frames);
    if stats.packets_received > 0 {
        let expected = stats.packets_received + stats.packets_lost;
        histogram!("ringway_rtp_jitter_seconds").record(f64::from(stats.jitter_ms) / 1000.0);
        histogram!("ringway_rtp_loss_ratio").record(stats.packets_lost as f64 / expected as f64);
    }
}
