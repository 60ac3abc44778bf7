//! What can go wrong with storage itself. Each operation has its own error type besides, for what the request
//! did wrong.

use std::path::PathBuf;
use std::sync::Arc;

/// Storage failed; the request is not to blame and nothing of it was kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database refused or failed.
    #[error("the database failed: {0}")]
    Database(Arc<rusqlite::Error>),
    /// The transaction that this request was part of could not be committed.
    #[error("the transaction could not be committed: {0}")]
    NotCommitted(Arc<rusqlite::Error>),
    /// A sealed value does not open: the row was altered, or sealed with another key.
    #[error("a sealed value of {sid} does not open with this key")]
    Sealed {
        /// The row it belongs to.
        sid: String,
    },
    /// A column holds what this version cannot read.
    #[error("column {column} holds an unreadable value")]
    Unreadable {
        /// The column.
        column: &'static str,
    },
    /// The operating system gave no randomness.
    #[error("no randomness from the operating system: {0}")]
    Randomness(getrandom::Error),
    /// The store is closing, or its writer died.
    #[error("the store is closed")]
    Closed,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(Arc::new(error))
    }
}

/// Why a store could not be opened, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A directory or file could not be made, read or written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process has the data directory open.
    #[error(
        "{path} is in use by another process{pid}; stop it, or choose another data directory",
        path = path.display(),
        pid = pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    InUse {
        /// The data directory.
        path: PathBuf,
        /// The other process, when it left its number.
        pid: Option<u32>,
    },
    /// Others than the owner may read the key file.
    #[error(
        "{path} has mode {mode:04o} and others may read it; run: chmod 600 {path}",
        path = path.display()
    )]
    KeyFileExposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key file is not 64 hexadecimal digits.
    #[error("{path} is not a key file: it must hold 64 hexadecimal digits", path = path.display())]
    KeyFileMalformed {
        /// The key file.
        path: PathBuf,
    },
    /// The database was sealed with a key, and its file is not there.
    #[error(
        "{path} is missing; without it the passwords and tokens in the database cannot be read. Restore it, or \
         name it if it lives elsewhere",
        path = path.display()
    )]
    KeyFileMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The key file belongs to another database.
    #[error("{path} is not the key that this database was sealed with", path = path.display())]
    WrongKey {
        /// The key file.
        path: PathBuf,
    },
    /// Credentials were stored for another realm; their hashes would never match again.
    #[error(
        "the realm is {asked:?} now, but {credentials} stored credential(s) were made for {stored:?} and would \
         stop working, because only hashes that contain the realm are kept. Set the realm back, or delete those \
         credentials first"
    )]
    RealmChanged {
        /// The realm of the rows.
        stored: String,
        /// The realm asked for.
        asked: String,
        /// How many live credentials would die.
        credentials: u32,
    },
    /// A newer version wrote this database.
    #[error(
        "the database has schema {found}, this version knows up to {known}; use the version that wrote it"
    )]
    NewerSchema {
        /// The version in the file.
        found: u32,
        /// The newest this build knows.
        known: u32,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}
