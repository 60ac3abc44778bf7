//! Who registered over which connection.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::endpoint::FlowId;
use crate::transaction::key::{Key, SpreadHasher};

/// The addresses-of-record of each connection that somebody registered over.
#[derive(Debug, Default)]
pub(super) struct Flows(HashMap<FlowId, Vec<Key>, BuildHasherDefault<SpreadHasher>>);

impl Flows {
    /// Notes that something is bound to a connection.
    pub(super) fn add(&mut self, flow: FlowId, aor: Key) {
        let bound = self.0.entry(flow).or_default();
        if bound.len() == bound.capacity() {
            // Before it grows: a phone that comes and goes over one connection is noted once.
            bound.sort_unstable();
            bound.dedup();
        }
        bound.push(aor);
    }

    /// Forgets a connection; who may have been bound to it.
    pub(super) fn close(&mut self, flow: FlowId) -> Vec<Key> {
        self.0.remove(&flow).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coming_and_going_over_one_connection_costs_no_memory() {
        let mut flows = Flows::default();
        for _ in 0..1000 {
            flows.add(FlowId(1), Key(1));
            flows.add(FlowId(1), Key(2));
        }
        let mut bound = flows.close(FlowId(1));
        assert!(bound.len() <= 8, "{}", bound.len());
        bound.sort_unstable();
        bound.dedup();
        assert_eq!(bound, [Key(1), Key(2)]);
        assert_eq!(flows.close(FlowId(1)), []);
    }
}
