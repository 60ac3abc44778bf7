//! Answers kept with their validators, so that what has not changed is not sent again
//! (contract, runtime.md 1.4: GET answers by ETag and Last-Modified, POST never).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;
use http::header::{
    AGE, CACHE_CONTROL, ETAG, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, VARY,
};

/// What an entry costs beside its body.
const ENTRY_BYTES: usize = 1024;
/// However long a server says its answer is good for, it is asked again after this.
const FRESH_MAX: Duration = Duration::from_secs(86_400);

/// A bounded store of answers; the one used longest ago goes first.
#[derive(Debug)]
pub(crate) struct Cache {
    bytes_max: usize,
    bytes: usize,
    uses: u64,
    entries: HashMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    stored: Stored,
    fresh_until: Option<Instant>,
    used: u64,
}

/// An answer as it was kept.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) version: u64,
}

/// A number that no other body has.
pub(crate) fn next_version() -> u64 {
    static VERSION: AtomicU64 = AtomicU64::new(1);
    VERSION.fetch_add(1, Ordering::Relaxed)
}

impl Cache {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, bytes: 0, uses: 0, entries: HashMap::new() }
    }

    /// The answer kept under this key while the server's own word says that it need not be asked.
    pub(crate) fn fresh(&mut self, key: &str, now: Instant) -> Option<Stored> {
        self.uses += 1;
        let entry =
            self.entries.get_mut(key).filter(|entry| entry.fresh_until.is_some_and(|until| now < until))?;
        entry.used = self.uses;
        Some(entry.stored.clone())
    }

    /// The headers that ask whether the kept answer still holds; none when there is none.
    pub(crate) fn conditions(&self, key: &str) -> Vec<(HeaderName, HeaderValue)> {
        let Some(entry) = self.entries.get(key) else { return Vec::new() };
        [(IF_NONE_MATCH, ETAG), (IF_MODIFIED_SINCE, LAST_MODIFIED)]
            .into_iter()
            .filter_map(|(condition, validator)| {
                Some((condition, entry.stored.headers.get(validator)?.clone()))
            })
            .collect()
    }

    /// A 304 came: the kept answer holds, for as long as the new headers say.
    pub(crate) fn revalidated(&mut self, key: &str, headers: &HeaderMap, now: Instant) -> Option<Stored> {
        self.uses += 1;
        let entry = self.entries.get_mut(key)?;
        entry.fresh_until = fresh_until(headers, now);
        entry.used = self.uses;
        Some(entry.stored.clone())
    }

    /// Keeps a 200 answer that can be asked about again, under a version of its own.
    pub(crate) fn store(
        &mut self,
        key: &str,
        headers: &HeaderMap,
        body: &Bytes,
        now: Instant,
    ) -> Option<u64> {
        self.remove(key);
        let fresh_until = fresh_until(headers, now);
        let has_validator = headers.contains_key(ETAG) || headers.contains_key(LAST_MODIFIED);
        let size = body.len() + ENTRY_BYTES;
        if !may_store(headers) || !(has_validator || fresh_until.is_some()) || size > self.bytes_max {
            return None;
        }
        while self.bytes + size > self.bytes_max {
            let oldest =
                self.entries.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone())?;
            self.remove(&oldest);
        }
        self.uses += 1;
        self.bytes += size;
        let version = next_version();
        let stored = Stored { headers: headers.clone(), body: body.clone(), version };
        self.entries.insert(key.to_owned(), Entry { stored, fresh_until, used: self.uses });
        Some(version)
    }

    fn remove(&mut self, key: &str) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes = self.bytes.saturating_sub(entry.stored.body.len() + ENTRY_BYTES);
        }
    }
}

fn directives(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let values = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|word| word.trim().to_ascii_lowercase())
}

fn may_store(headers: &HeaderMap) -> bool {
    let varies = headers.get(VARY).is_some_and(|value| value.as_bytes() == b"*");
    !varies && !directives(headers).any(|word| word == "no-store")
}

fn fresh_until(headers: &HeaderMap, now: Instant) -> Option<Instant> {
    if directives(headers).any(|word| word == "no-cache") {
        return None;
    }
    let seconds: u64 = directives(headers)
        .find_map(|word| word.strip_prefix("max-age=").and_then(|text| text.parse().ok()))?;
    let age = headers.get(AGE).and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0);
    let left = Duration::from_secs(seconds.saturating_sub(age)).min(FRESH_MAX);
    (!left.is_zero()).then(|| now + left)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn an_answer_with_a_validator_is_asked_about() {
        let (mut cache, now) = (Cache::new(100_000), Instant::now());
        let body = Bytes::from_static(b"one");
        let version =
            cache.store("k", &headers(&[("etag", "\"1\""), ("last-modified", "then")]), &body, now).unwrap();
        assert!(cache.fresh("k", now).is_none());
        let conditions = cache.conditions("k");
        assert_eq!(conditions.len(), 2);
        assert_eq!(conditions[0], (IF_NONE_MATCH, "\"1\"".parse().unwrap()));
        let kept = cache.revalidated("k", &HeaderMap::new(), now).unwrap();
        assert_eq!((kept.body, kept.version), (body, version));
        assert!(cache.conditions("other").is_empty());
    }

    #[test]
    fn max_age_is_believed_less_the_age() {
        let (mut cache, now) = (Cache::new(100_000), Instant::now());
        cache.store(
            "k",
            &headers(&[("cache-control", "public, max-age=100"), ("age", "40")]),
            &Bytes::new(),
            now,
        );
        assert!(cache.fresh("k", now + Duration::from_secs(59)).is_some());
        assert!(cache.fresh("k", now + Duration::from_secs(61)).is_none());
    }

    #[test]
    fn what_may_not_be_kept_is_not() {
        let (mut cache, now) = (Cache::new(100_000), Instant::now());
        for refused in [
            headers(&[]),
            headers(&[("etag", "1"), ("cache-control", "no-store")]),
            headers(&[("etag", "1"), ("vary", "*")]),
            headers(&[("cache-control", "no-cache, max-age=9")]),
        ] {
            assert_eq!(cache.store("k", &refused, &Bytes::new(), now), None, "{refused:?}");
        }
        assert_eq!(cache.store("k", &headers(&[("etag", "1")]), &Bytes::from(vec![0; 100_000]), now), None);
    }

    #[test]
    fn the_answer_used_longest_ago_makes_room() {
        let (mut cache, now) = (Cache::new(2 * (ENTRY_BYTES + 10)), Instant::now());
        let headers = headers(&[("cache-control", "max-age=60")]);
        let body = Bytes::from_static(b"0123456789");
        for key in ["a", "b"] {
            cache.store(key, &headers, &body, now);
        }
        cache.fresh("a", now);
        cache.store("c", &headers, &body, now);
        assert!(cache.fresh("a", now).is_some() && cache.fresh("c", now).is_some());
        assert!(cache.fresh("b", now).is_none());
    }
}
