//! Memory that cannot grow: counters that start again, sets that only estimate, maps that forget.

use std::collections::BTreeMap;
use std::time::Duration;

use ringway_model::Moment;

/// A count that starts again when its time is over.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Window {
    began: Moment,
    count: u32,
}

impl Window {
    /// Counts one more, and says how many there are.
    pub(super) fn add(&mut self, now: Moment, length: Duration) -> u32 {
        if self.count == 0 || now.since(self.began) >= length {
            *self = Self { began: now, count: 0 };
        }
        self.count = self.count.saturating_add(1);
        self.count
    }

    /// How many there are.
    pub(super) fn count(&self, now: Moment, length: Duration) -> u32 {
        if now.since(self.began) < length { self.count } else { 0 }
    }
}

/// How many different things were seen, from 16 bytes (linear counting): within a few of the truth up to a
/// hundred.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Distinct(u128);

impl Distinct {
    /// Notes the thing with this hash.
    pub(super) fn add(&mut self, hash: u128) {
        self.0 |= 1 << (hash % 128);
    }

    /// How many different ones, about.
    pub(super) fn estimate(self) -> u32 {
        let unset = self.0.count_zeros().max(1);
        (128.0 * (128.0 / f64::from(unset)).ln()).round() as u32
    }
}

/// A map in two generations: when the younger is full it becomes the older, and what nobody asked for
/// meanwhile is forgotten.
#[derive(Debug)]
pub(super) struct Recent<V> {
    young: BTreeMap<u128, V>,
    old: BTreeMap<u128, V>,
    generation_max: usize,
}

impl<V: Default> Recent<V> {
    /// Of at most so many entries.
    pub(super) fn new(entries_max: usize) -> Self {
        Self { young: BTreeMap::new(), old: BTreeMap::new(), generation_max: (entries_max / 2).max(1) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.young.is_empty() && self.old.is_empty()
    }

    /// The entry, when it is remembered.
    pub(super) fn find(&mut self, key: u128) -> Option<&mut V> {
        if !self.young.contains_key(&key) {
            let value = self.old.remove(&key)?;
            self.insert_young(key, value);
        }
        self.young.get_mut(&key)
    }

    /// The entry, made when it is not remembered.
    pub(super) fn entry(&mut self, key: u128) -> &mut V {
        if !self.young.contains_key(&key) {
            let value = self.old.remove(&key).unwrap_or_default();
            self.insert_young(key, value);
        }
        self.young.entry(key).or_default()
    }

    /// Sets the entry; says whether it is new.
    pub(super) fn insert(&mut self, key: u128, value: V) -> bool {
        let is_new = self.find(key).is_none();
        *self.entry(key) = value;
        is_new
    }

    pub(super) fn remove(&mut self, key: u128) {
        self.young.remove(&key);
        self.old.remove(&key);
    }

    fn insert_young(&mut self, key: u128, value: V) {
        if self.young.len() >= self.generation_max {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use ringway_model::Random;

    use super::*;

    #[test]
    fn a_window_starts_again_when_it_is_over() {
        let (at, minute) =
            (|seconds| Moment::from_start(Duration::from_secs(seconds)), Duration::from_secs(60));
        let mut window = Window::default();
        assert_eq!([window.add(at(1), minute), window.add(at(60), minute)], [1, 2]);
        assert_eq!([window.count(at(60), minute), window.count(at(61), minute)], [2, 0]);
        assert_eq!(window.add(at(61), minute), 1);
    }

    #[test]
    fn distinct_things_are_estimated_from_few_bytes() {
        let spread = |number: u32| u128::from(Random::from_number(u64::from(number)).u64());
        for truth in [0u32, 1, 5, 20, 60, 100] {
            let mut distinct = Distinct::default();
            (0..truth).for_each(|number| (0..3).for_each(|_| distinct.add(spread(number))));
            let estimate = distinct.estimate();
            assert!(estimate.abs_diff(truth) <= 2 + truth / 4, "{truth}: {estimate}");
        }
    }

    #[test]
    fn what_is_asked_for_survives_a_flood_of_others() {
        let mut recent = Recent::<u32>::new(100);
        *recent.entry(1) = 7;
        *recent.entry(2) = 8;
        for stranger in 1000..1500 {
            recent.entry(stranger);
            assert_eq!(recent.find(1).copied(), Some(7), "after {stranger}");
            assert!(recent.young.len() + recent.old.len() <= 100);
        }
        assert_eq!(recent.find(2), None);
    }
}
