//! The jitter buffer: takes sound as it arrives and gives out a frame every 20 ms.
//!
//! Sound is kept decoded in a ring by timestamp, so any packet time, reordering, duplicates and a change of
//! codec need no special care. The delay follows the delays seen (`delay.rs`): it grows by not
//! moving on while nothing is there to play, and shrinks by leaving out silence or what is missing.

mod delay;
mod ring;

use ringway_model::Moment;

use crate::codec::Codec;
use crate::comfort_noise::ComfortNoise;
use crate::plc::Concealment;
use crate::{FRAME_SAMPLES, Frame, SAMPLE_RATE_HZ};

use delay::DelayEstimate;
use ring::Ring;

const FRAME: i64 = FRAME_SAMPLES as i64;
const SAMPLES_PER_MS: i64 = SAMPLE_RATE_HZ as i64 / 1000;
/// A delay this far beyond the target is cut even in the middle of sound.
const EXCESS_MAX: i64 = 200 * SAMPLES_PER_MS;
/// A frame is left out only when the delay stays above the target by more than half a frame after it.
const SHRINK_MARGIN: i64 = FRAME * 3 / 2;
/// Mean magnitude of a frame that counts as silence: about -50 dB.
const SILENCE_MEAN: i64 = 100;
/// The last packet of a key press is sent twice more, each taking the place of sound.
const KEY_REPEATS: i64 = 3 * FRAME;
/// This many packets in a row whose time makes no sense start everything anew.
const MISPLACED_MAX: u32 = 3;

/// What the buffer did so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JitterCounters {
    /// Frames given out.
    pub frames: u64,
    /// Frames of which some part was made up.
    pub concealed: u64,
    /// Packets whose place had been played.
    pub late: u64,
    /// Frames left out to shorten the delay.
    pub skipped: u64,
}

/// Takes packets, gives frames.
#[derive(Debug)]
pub struct JitterBuffer {
    ring: Ring,
    concealment: Concealment,
    noise: Option<ComfortNoise>,
    playout: Option<Playout>,
    counters: JitterCounters,
    misplaced: u32,
}

/// Where playing is. Times of the sender are extended to 64 bits.
#[derive(Debug)]
struct Playout {
    /// The next sample to be played.
    position: i64,
    /// The newest timestamp, and the end of the newest sound.
    newest: i64,
    end: i64,
    /// Before this, what is missing is the silence around a key press.
    quiet_until: i64,
    /// The first frame has been given out.
    has_begun: bool,
    delay: DelayEstimate,
}

impl Default for JitterBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl JitterBuffer {
    /// An empty one.
    pub fn new() -> Self {
        Self {
            ring: Ring::new(),
            concealment: Concealment::default(),
            noise: None,
            playout: None,
            counters: JitterCounters::default(),
            misplaced: 0,
        }
    }

    /// A packet of sound. `follows` says that its sequence number is the next one: then a gap in time before
    /// it is the sender's silence, and not a loss.
    pub fn insert(&mut self, now: Moment, timestamp: u32, codec: Codec, octets: &[u8], follows: bool) {
        if octets.is_empty() || octets.len() > ring::PACKET_MAX {
            return;
        }
        let length = octets.len() as i64;
        let Some(start) = self.place(now, timestamp, length) else { return };
        self.noise = None;
        let Some(playout) = &mut self.playout else { return };
        playout.delay.record(now, start, playout.position);
        if start + length <= playout.position {
            self.counters.late += 1;
            return;
        }
        if follows && start > playout.end {
            self.ring.silence(playout.end.max(playout.position), start);
        }
        playout.end = playout.end.max(start + length);
        self.ring.write(playout.position, start, octets.iter().map(|octet| codec.decode(*octet)));
    }

    /// A key press, of which the sender replaces its sound: silence for its duration, and for the repeats of
    /// its last packet unless sound comes.
    pub fn mute(&mut self, timestamp: u32, samples: u16) {
        let Some(playout) = &mut self.playout else { return };
        let start = playout.extend(timestamp);
        let end = start + i64::from(samples);
        let furthest = playout.position + ring::CAPACITY / 2;
        if start < furthest && end > playout.position {
            let end = end.min(furthest);
            self.ring.silence(start.max(playout.position), end);
            playout.end = playout.end.max(end);
            playout.quiet_until = end + KEY_REPEATS;
        }
    }

    /// A comfort noise packet: until sound comes again, what is missing is noise and not loss.
    pub fn comfort_noise(&mut self, payload: &[u8], seed: u64) {
        self.noise = Some(ComfortNoise::new(payload, seed));
    }

    /// The next 20 ms; false while nothing has ever arrived.
    pub fn play(&mut self, now: Moment, frame: &mut Frame) -> bool {
        let Some(playout) = &mut self.playout else { return false };
        self.counters.frames += 1;
        let mut skipped = false;
        while playout.wants_less(now) && playout.position + FRAME < playout.end {
            let present = self.ring.read(playout.position, frame);
            let droppable = present == 0 || (present == FRAME_SAMPLES && is_silent(frame));
            if !droppable && playout.excess(now) < EXCESS_MAX {
                break;
            }
            self.ring.clear(playout.position);
            playout.position += FRAME;
            self.counters.skipped += 1;
            skipped = true;
        }
        playout.has_begun = true;
        let present = self.ring.read(playout.position, frame);
        if present == FRAME_SAMPLES && playout.wants_more(now) && is_silent(frame) {
            // Playing silence once more lets the rest come in.
            self.concealment.accept(frame);
            return true;
        }
        if present == FRAME_SAMPLES {
            if skipped { self.concealment.accept_after_skip(frame) } else { self.concealment.accept(frame) }
        } else {
            let awaited = present == 0 && playout.position >= playout.end;
            self.fill_in(frame, present);
            let Some(playout) = &mut self.playout else { return true };
            if awaited && playout.wants_more(now) {
                return true;
            }
        }
        self.advance();
        true
    }

    /// What it did so far.
    pub fn counters(&self) -> JitterCounters {
        self.counters
    }

    /// From a packet's earliest possible arrival to its being played, in milliseconds, as of the last frame.
    pub fn depth_ms(&self, now: Moment) -> u32 {
        // The position is one frame on since then.
        let depth = |playout: &Playout| (playout.delay(now) + FRAME).max(0) / SAMPLES_PER_MS;
        self.playout.as_ref().map_or(0, |playout| depth(playout) as u32)
    }

    /// What the depth is steered to, in milliseconds.
    pub fn target_ms(&self) -> u32 {
        self.playout.as_ref().map_or(0, |playout| (playout.delay.target() / SAMPLES_PER_MS) as u32)
    }

    /// Forgets the sender's clock: a new source begins.
    pub fn restart(&mut self) {
        self.playout = None;
        self.noise = None;
        self.misplaced = 0;
        self.ring = Ring::new();
    }

    /// The packet's place in extended time; `None` when it makes no sense there.
    fn place(&mut self, now: Moment, timestamp: u32, length: i64) -> Option<i64> {
        let Some(playout) = &mut self.playout else {
            let start = i64::from(timestamp);
            let playout = Playout::begin(now, start, length);
            // The wait before the first sound is no loss.
            self.ring.silence(playout.position, start);
            self.playout = Some(playout);
            return Some(start);
        };
        let start = playout.extend(timestamp);
        let ahead = start + length - playout.position;
        if ahead <= ring::CAPACITY && ahead > -ring::CAPACITY {
            self.misplaced = 0;
            playout.newest = playout.newest.max(start);
            return Some(start);
        }
        self.misplaced += 1;
        if self.misplaced < MISPLACED_MAX {
            return None;
        }
        self.restart();
        self.place(now, timestamp, length)
    }

    fn advance(&mut self) {
        if let Some(playout) = &mut self.playout {
            self.ring.clear(playout.position);
            playout.position += FRAME;
        }
    }

    /// Makes up what is missing of a frame; `read` has left zeros there.
    fn fill_in(&mut self, frame: &mut Frame, present: usize) {
        if self.playout.as_ref().is_some_and(|playout| playout.position < playout.quiet_until) {
            self.concealment.accept(frame);
            return;
        }
        if present == 0
            && let Some(noise) = &mut self.noise
        {
            noise.fill(frame);
            self.concealment.accept(frame);
            return;
        }
        if !self.concealment.is_faded() || present > 0 {
            self.counters.concealed += 1;
        }
        if present == 0 {
            self.concealment.conceal(frame);
            return;
        }
        let arrived = *frame;
        self.concealment.conceal(frame);
        if let Some(playout) = &self.playout {
            self.ring.overlay(playout.position, &arrived, frame);
        }
    }
}

impl Playout {
    fn begin(now: Moment, start: i64, length: i64) -> Self {
        let delay = DelayEstimate::new(now, start);
        Self {
            position: start - delay.target() / FRAME * FRAME,
            newest: start,
            end: start + length,
            quiet_until: start,
            has_begun: false,
            delay,
        }
    }

    /// The timestamp that is meant, given the newest one.
    fn extend(&self, timestamp: u32) -> i64 {
        self.newest + i64::from(timestamp.wrapping_sub(self.newest as u32) as i32)
    }

    fn delay(&self, now: Moment) -> i64 {
        self.delay.since_base(now) - self.position
    }

    fn excess(&self, now: Moment) -> i64 {
        self.delay(now) - self.delay.target()
    }

    /// Before the first frame the time since its packet came counts as delay, so that less is added to it.
    fn wants_less(&self, now: Moment) -> bool {
        self.excess(now) >= if self.has_begun { SHRINK_MARGIN } else { FRAME / 2 }
    }

    /// The delay goes in steps of a frame; one step up from here stays below where a step down begins. While
    /// the target is a guess, being near it is enough.
    fn wants_more(&self, now: Moment) -> bool {
        self.excess(now) < if self.delay.is_learned() { 0 } else { -FRAME / 2 }
    }
}

fn is_silent(frame: &Frame) -> bool {
    frame.iter().map(|sample| i64::from(sample.unsigned_abs())).sum::<i64>() < SILENCE_MEAN * FRAME
}
