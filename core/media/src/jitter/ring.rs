//! Samples by their time, with a note of which are there.

use crate::{FRAME_SAMPLES, Frame};

/// Samples held: about a second.
pub(super) const CAPACITY: i64 = 8192;
/// Longest packet taken, in samples: 200 ms.
pub(super) const PACKET_MAX: usize = 1600;

const SIZE: usize = CAPACITY as usize;

#[derive(Debug)]
pub(super) struct Ring {
    samples: Box<[i16]>,
    /// One bit a sample.
    present: Box<[u64]>,
}

impl Ring {
    pub(super) fn new() -> Self {
        Self { samples: vec![0; SIZE].into(), present: vec![0; SIZE / 64].into() }
    }

    /// Writes from `start` on what is not there yet; what is before `position` has been played.
    pub(super) fn write(&mut self, position: i64, start: i64, samples: impl Iterator<Item = i16>) {
        for (time, sample) in (start..position + CAPACITY).zip(samples) {
            if time >= position {
                self.set(time, sample);
            }
        }
    }

    /// Fills what is missing between two times with silence.
    pub(super) fn silence(&mut self, start: i64, end: i64) {
        for time in start..end.min(start + CAPACITY) {
            self.set(time, 0);
        }
    }

    /// Copies the frame at `position`, zero where nothing is, and counts what is there.
    pub(super) fn read(&self, position: i64, frame: &mut Frame) -> usize {
        let mut count = 0;
        for (time, sample) in (position..).zip(frame.iter_mut()) {
            let is_present = self.is_present(time);
            *sample = if is_present { self.samples[place(time)] } else { 0 };
            count += usize::from(is_present);
        }
        count
    }

    /// Puts what is there of the frame at `position` over `frame`.
    pub(super) fn overlay(&self, position: i64, arrived: &Frame, frame: &mut Frame) {
        for (time, (sample, arrived)) in (position..).zip(frame.iter_mut().zip(arrived)) {
            if self.is_present(time) {
                *sample = *arrived;
            }
        }
    }

    /// Forgets the frame at `position`.
    pub(super) fn clear(&mut self, position: i64) {
        for time in position..position + FRAME_SAMPLES as i64 {
            let place = place(time);
            self.present[place / 64] &= !(1 << (place % 64));
        }
    }

    fn set(&mut self, time: i64, sample: i16) {
        let place = place(time);
        let (word, bit) = (place / 64, 1 << (place % 64));
        if self.present[word] & bit == 0 {
            self.present[word] |= bit;
            self.samples[place] = sample;
        }
    }

    fn is_present(&self, time: i64) -> bool {
        let place = place(time);
        self.present[place / 64] & (1 << (place % 64)) != 0
    }
}

fn place(time: i64) -> usize {
    time.rem_euclid(CAPACITY) as usize
}
