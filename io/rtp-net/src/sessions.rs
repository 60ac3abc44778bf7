//! The sessions of the media thread, each at a place of its own that bridges and phases refer to.

use std::collections::HashMap;

use crate::live::Live;

#[derive(Default)]
pub(crate) struct Sessions {
    live: Vec<Option<Live>>,
    free: Vec<usize>,
    /// The place of each session, by its id.
    places: HashMap<u64, usize>,
}

impl Sessions {
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn place(&self, id: u64) -> Option<usize> {
        self.places.get(&id).copied()
    }

    pub(crate) fn at(&mut self, place: usize) -> Option<&mut Live> {
        self.live.get_mut(place)?.as_mut()
    }

    /// The session there, and the other leg of its bridge when it has one.
    pub(crate) fn with_other(&mut self, place: usize) -> Option<(&mut Live, Option<&mut Live>)> {
        let bridge = self.live.get(place)?.as_ref()?.bridge;
        let Some(bridge) = bridge else { return Some((self.at(place)?, None)) };
        let [live, other] = self.live.get_disjoint_mut([place, bridge.other]).ok()?;
        Some((live.as_mut()?, other.as_mut()))
    }

    pub(crate) fn add(&mut self, live: Live) -> usize {
        let place = self.free.pop().unwrap_or_else(|| {
            self.live.push(None);
            self.live.len() - 1
        });
        self.places.insert(live.id, place);
        self.live[place] = Some(live);
        place
    }

    pub(crate) fn remove(&mut self, place: usize) -> Option<Live> {
        let live = self.live.get_mut(place)?.take()?;
        self.places.remove(&live.id);
        self.free.push(place);
        Some(live)
    }
}
