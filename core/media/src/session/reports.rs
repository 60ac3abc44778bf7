//! When RTCP reports go out and what they say (RFC 3550 6.2, 6.4).

use std::time::Duration;

use ringway_model::{Moment, UnixTime};

use super::{RemoteReport, SessionConfig, SessionStats};
use crate::comfort_noise::Scatter;
use crate::rtcp::{self, ReportBlock, SenderInfo};

/// Half to one and a half of this between two reports, so that sessions opened together drift apart.
const INTERVAL: Duration = Duration::from_secs(5);
/// Seconds from 1900 to 1970.
const NTP_OFFSET_S: u64 = 2_208_988_800;

pub(super) struct Reports {
    ssrc: u32,
    cname: String,
    opened: Moment,
    opened_at: UnixTime,
    scatter: Scatter,
    next_at: Moment,
    /// Packets sent by the report before the last one, and by the last one.
    packets_reported: (u32, u32),
    /// The peer's last sender report: its source, the middle of its NTP time, and when it came.
    sender_report: Option<(u32, u32, Moment)>,
    round_trip: Option<Duration>,
    remote: Option<RemoteReport>,
}

impl Reports {
    pub(super) fn new(config: &SessionConfig, now: Moment) -> Self {
        let mut reports = Self {
            ssrc: config.ssrc,
            cname: config.cname.clone(),
            opened: now,
            opened_at: config.opened_at,
            scatter: Scatter::new(!config.seed),
            next_at: now,
            packets_reported: (0, 0),
            sender_report: None,
            round_trip: None,
            remote: None,
        };
        // The first report comes after half the time (RFC 3550 6.2).
        reports.next_at = now + reports.interval() / 2;
        reports
    }

    pub(super) fn is_due(&self, now: Moment) -> bool {
        now >= self.next_at
    }

    pub(super) fn schedule(&mut self, now: Moment) {
        self.next_at = now + self.interval();
    }

    /// Appends a compound: a sender's report when something was sent since the one before the last, else a
    /// receiver's (RFC 3550 6.4).
    pub(super) fn write(
        &mut self,
        out: &mut Vec<u8>,
        now: Moment,
        sent: SenderInfo,
        block: Option<ReportBlock>,
        goodbye: bool,
    ) {
        let (before_last, last) = self.packets_reported;
        let is_sender = sent.packets != before_last;
        self.packets_reported = (last, sent.packets);
        let info = is_sender.then(|| SenderInfo { ntp: self.ntp(now), ..sent });
        let block = block.map(|block| self.with_sender_report(now, block));
        rtcp::write_report(out, self.ssrc, info, block);
        rtcp::write_name(out, self.ssrc, &self.cname);
        if goodbye {
            rtcp::write_goodbye(out, self.ssrc);
        }
    }

    pub(super) fn hear_sender(&mut self, now: Moment, ssrc: u32, info: SenderInfo) {
        self.sender_report = Some((ssrc, middle(info.ntp), now));
    }

    pub(super) fn hear_blocks(&mut self, now: Moment, blocks: impl Iterator<Item = ReportBlock>) {
        let ssrc = self.ssrc;
        for block in blocks.filter(|block| block.ssrc == ssrc) {
            self.remote = Some(RemoteReport {
                fraction_lost: block.fraction_lost,
                cumulative_lost: block.cumulative_lost,
                jitter_ms: block.jitter / 8,
            });
            if block.last_sender_report != 0 {
                self.measure(now, &block);
            }
        }
    }

    pub(super) fn fill_stats(&self, stats: &mut SessionStats) {
        stats.round_trip = self.round_trip;
        stats.remote = self.remote;
    }

    /// RFC 3550 6.4.1: our clock now, less when we reported, less how long the peer kept it.
    fn measure(&mut self, now: Moment, block: &ReportBlock) {
        let there_and_back = middle(self.ntp(now)).wrapping_sub(block.last_sender_report);
        let round_trip = there_and_back.wrapping_sub(block.delay_since_last) as i32;
        // Rounding can make the shortest ways negative by a tick or two.
        let ticks = u64::try_from(round_trip).unwrap_or(0);
        if round_trip > -16 {
            self.round_trip = Some(Duration::from_micros(ticks * 1_000_000 / 65_536));
        }
    }

    fn with_sender_report(&self, now: Moment, block: ReportBlock) -> ReportBlock {
        match self.sender_report {
            Some((ssrc, last_sender_report, came)) if ssrc == block.ssrc => {
                let delay = (now.since(came).as_micros() * 65_536 / 1_000_000).min(u128::from(u32::MAX));
                ReportBlock { last_sender_report, delay_since_last: delay as u32, ..block }
            }
            _ => block,
        }
    }

    fn ntp(&self, now: Moment) -> u64 {
        let opened_ms = u64::try_from(self.opened_at.as_millis()).unwrap_or(0);
        let since_1970 = Duration::from_millis(opened_ms) + now.since(self.opened);
        let fraction = (u64::from(since_1970.subsec_nanos()) << 32) / 1_000_000_000;
        since_1970.as_secs().wrapping_add(NTP_OFFSET_S) << 32 | fraction
    }

    fn interval(&mut self) -> Duration {
        let spread_ms = (u128::from(self.scatter.next_u64()) * INTERVAL.as_millis()) >> 64;
        INTERVAL / 2 + Duration::from_millis(spread_ms as u64)
    }
}

fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}
