//! The names that TLS servers must prove, as numbers: a target is copied with every message and has no room for
//! text.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use ringway_sip::endpoint::ServerName;

/// Names kept; the oldest is forgotten for a new one, and a target with a forgotten name cannot be connected to.
const NAMES_MAX: usize = 65_536;

/// Shared by the resolver, which mints the numbers, and the driver, which connects. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct ServerNames(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    numbers: HashMap<Arc<str>, ServerName>,
    texts: HashMap<ServerName, Arc<str>>,
    /// Oldest first.
    order: VecDeque<ServerName>,
    last: u32,
}

impl ServerNames {
    /// The number of a name; letters' case does not matter (RFC 4343).
    pub fn number(&self, name: &str) -> ServerName {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).number(&name)
    }

    /// The name behind a number; none when it was forgotten.
    pub fn text(&self, number: ServerName) -> Option<Arc<str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).texts.get(&number).cloned()
    }
}

impl Table {
    fn number(&mut self, name: &str) -> ServerName {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        if self.order.len() >= NAMES_MAX {
            self.forget_oldest();
        }
        self.last = self.last.wrapping_add(1);
        let (number, text) = (ServerName(self.last), Arc::<str>::from(name));
        self.numbers.insert(Arc::clone(&text), number);
        self.texts.insert(number, text);
        self.order.push_back(number);
        number
    }

    fn forget_oldest(&mut self) {
        let oldest = self.order.pop_front().and_then(|number| self.texts.remove(&number));
        if let Some(text) = oldest {
            self.numbers.remove(&text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_number_however_it_is_written() {
        let names = ServerNames::default();
        let number = names.number("SIP.example.com.");
        assert_eq!(names.number("sip.example.com"), number);
        assert_ne!(names.number("sip.example.net"), number);
        assert_eq!(names.text(number).as_deref(), Some("sip.example.com"));
    }

    #[test]
    fn the_table_is_bounded_and_no_number_means_two_names() {
        let names = ServerNames::default();
        let first = names.number("first.example");
        for other in 0..NAMES_MAX {
            names.number(&format!("{other}.example"));
        }
        assert_eq!(names.text(first), None);
        assert_ne!(names.number("first.example"), first);
        assert_eq!(names.0.lock().unwrap().texts.len(), NAMES_MAX);
    }
}
