//! Speech that was said before.

use std::collections::HashMap;
use std::sync::Arc;

/// What an entry costs beside its text and samples.
const ENTRY_BYTES: usize = 128;

/// A bounded store; the entry used longest ago goes first.
#[derive(Debug)]
pub(crate) struct Cache {
    bytes_max: usize,
    bytes: usize,
    uses: u64,
    entries: HashMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    pcm: Arc<[i16]>,
    used: u64,
}

impl Cache {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, bytes: 0, uses: 0, entries: HashMap::new() }
    }

    pub(crate) fn find(&mut self, key: &str) -> Option<Arc<[i16]>> {
        self.uses += 1;
        let entry = self.entries.get_mut(key)?;
        entry.used = self.uses;
        Some(Arc::clone(&entry.pcm))
    }

    /// Keeps speech that fits at all, and is not there yet.
    pub(crate) fn keep(&mut self, key: String, pcm: &Arc<[i16]>) {
        let size = size(&key, pcm);
        if size > self.bytes_max || self.entries.contains_key(&key) {
            return;
        }
        while self.bytes + size > self.bytes_max {
            let Some(oldest) =
                self.entries.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone())
            else {
                break;
            };
            if let Some(entry) = self.entries.remove(&oldest) {
                self.bytes -= self::size(&oldest, &entry.pcm);
            }
        }
        self.uses += 1;
        self.bytes += size;
        self.entries.insert(key, Entry { pcm: Arc::clone(pcm), used: self.uses });
    }
}

fn size(key: &str, pcm: &[i16]) -> usize {
    key.len() + size_of_val(pcm) + ENTRY_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speech_used_longest_ago_makes_room() {
        let pcm: Arc<[i16]> = vec![1; 100].into();
        let mut cache = Cache::new(2 * size("a", &pcm));
        for key in ["a", "b"] {
            cache.keep(key.into(), &pcm);
        }
        assert!(cache.find("a").is_some());
        cache.keep("c".into(), &pcm);
        assert!(cache.find("a").is_some() && cache.find("c").is_some() && cache.find("b").is_none());
        cache.keep("d".into(), &vec![1; 1000].into());
        assert!(cache.find("d").is_none() && cache.find("a").is_some());
    }
}
