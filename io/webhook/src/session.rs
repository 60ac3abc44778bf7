//! What lives as long as a call does: cookies, logins, cached documents (contract, runtime.md 1.4).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::cache::Cache;
use crate::cookies::Cookies;
use crate::login::Logins;

/// Documents of one call are small and few.
const CACHE_BYTES_MAX: usize = 512 * 1024;

/// One call's memory of the web applications it talked to. Clones share it; the last one to go forgets it.
#[derive(Debug, Clone)]
pub struct CallSession(Arc<Mutex<Memory>>);

#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) cookies: Cookies,
    pub(crate) logins: Logins,
    pub(crate) cache: Cache,
}

impl CallSession {
    /// The empty memory of a new call.
    pub fn new() -> Self {
        let memory = Memory {
            cookies: Cookies::default(),
            logins: Logins::default(),
            cache: Cache::new(CACHE_BYTES_MAX),
        };
        Self(Arc::new(Mutex::new(memory)))
    }

    /// Never held across an await.
    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for CallSession {
    fn default() -> Self {
        Self::new()
    }
}
