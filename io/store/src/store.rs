//! The store as its users hold it: opened once, cloned freely.

use std::cell::RefCell;
use std::fmt::{self, Debug};
use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;

use rusqlite::Connection;

use crate::calls::Unwritten;
use crate::directory::{Publisher, StoreDirectory};
use crate::lock::{DataDirectoryLock, lock};
use crate::seal::Sealer;
use crate::sqlite::{self, rows};
use crate::writer::{Pending, Request, Urgency, Work, Writer, enqueue};
use crate::{Limits, OpenError, StoreError};

pub(crate) const DATABASE_FILE: &str = "ringway.db";
pub(crate) const KEY_FILE: &str = "secret.key";
const KEY_CHECK: &[u8] = b"ringway";

/// How to open a store.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Where the database lives; made when missing, for its owner alone.
    pub data_dir: PathBuf,
    /// The key that seals hashes and tokens; `None`: `secret.key` in the data directory.
    pub key_file: Option<PathBuf>,
    /// The digest realm that credentials are made for.
    pub realm: String,
    /// What domain names end in, without a leading dot.
    pub domain_suffixes: Vec<String>,
    /// How many rows of a kind there may be.
    pub limits: Limits,
}

impl StoreOptions {
    /// A store in `data_dir` with the suffix `sip.twilio.com` and the limits of the contract.
    pub fn new(data_dir: impl Into<PathBuf>, realm: impl Into<String>) -> Self {
        Self {
            data_dir: data_dir.into(),
            key_file: None,
            realm: realm.into(),
            domain_suffixes: vec!["sip.twilio.com".to_owned()],
            limits: Limits::default(),
        }
    }
}

/// What requests need to know besides the rows.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) realm: String,
    pub(crate) domain_suffixes: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) sealer: Sealer,
}

/// The rows of one data directory. Writes go through one thread and are on disk when they are answered; reads
/// run where they are called.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Arc<Settings>,
    directory: Arc<StoreDirectory>,
    database: PathBuf,
    queue: Option<Sender<Box<dyn Request>>>,
    thread: Option<JoinHandle<()>>,
    unwritten: Arc<Unwritten>,
    version: Arc<AtomicU64>,
    _lock: DataDirectoryLock,
}

impl Store {
    /// Opens the data directory, makes what is missing, brings the schema up to date and builds the directory.
    /// Refuses while another process has it, when the key does not fit, and when the realm changed under
    /// credentials.
    pub fn open(options: StoreOptions) -> Result<Self, OpenError> {
        make_data_dir(&options.data_dir)?;
        let lock = lock(&options.data_dir)?;
        let database = options.data_dir.join(DATABASE_FILE);
        make_database_file(&database)?;
        let connection = sqlite::open_writer(&database)?;
        let key_file = options.key_file.unwrap_or_else(|| options.data_dir.join(KEY_FILE));
        let sealer = fitting_sealer(&connection, &key_file)?;
        refuse_changed_realm(&connection, &options.realm)?;
        let settings = Arc::new(Settings {
            realm: options.realm,
            domain_suffixes: options
                .domain_suffixes
                .iter()
                .map(|suffix| suffix.to_ascii_lowercase())
                .collect(),
            limits: options.limits,
            sealer,
        });
        let publisher = Publisher::load(&connection, &settings)?;
        let directory = publisher.directory();
        let (queue, requests) = mpsc::channel();
        let version = Arc::<AtomicU64>::default();
        let writer =
            Writer { connection, settings: settings.clone(), publisher, version: Arc::clone(&version) };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run(&requests))
            .map_err(|source| OpenError::File { path: database.clone(), source })?;
        let shared = Shared {
            settings,
            directory,
            database,
            queue: Some(queue),
            thread: Some(thread),
            unwritten: Arc::default(),
            version,
            _lock: lock,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// What calls and requests read, kept up to date by every commit.
    pub fn directory(&self) -> Arc<StoreDirectory> {
        self.shared.directory.clone()
    }

    /// The digest realm that credentials are made for.
    pub fn realm(&self) -> &str {
        &self.shared.settings.realm
    }

    /// How many rows of a kind there may be.
    pub fn limits(&self) -> &Limits {
        &self.shared.settings.limits
    }

    /// Whether the database answers and the writer lives; for health checks.
    pub fn probe(&self) -> Result<(), StoreError> {
        if self.shared.thread.as_ref().is_none_or(JoinHandle::is_finished) {
            return Err(StoreError::Closed);
        }
        self.read(|connection| rows::one(connection, "SELECT 1", [], |cells| cells.take::<i64>()).map(drop))
    }

    /// Counts the commits of everything but what live calls leave behind (their rows, events, callbacks and
    /// notifications). As long as it stands still, what was read of any other row is true.
    pub fn version(&self) -> u64 {
        self.shared.version.load(Ordering::SeqCst)
    }

    /// Completes once every write queued so far is on disk and can be read, also those that nobody waits for.
    pub fn settled(&self) -> Pending<(), StoreError> {
        self.write(|_| Ok(()))
    }

    /// The calls whose first row waits for its commit.
    pub(crate) fn unwritten(&self) -> &Arc<Unwritten> {
        &self.shared.unwritten
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// Queues a write that somebody waits for; it is on its way when this returns.
    pub(crate) fn write<T, E>(
        &self,
        operation: impl FnOnce(&mut Work<'_>) -> Result<T, E> + Send + 'static,
    ) -> Pending<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Debug + Send + 'static,
    {
        let mut operation = Some(operation);
        self.enqueue(Urgency::Now, move |work| match operation.take() {
            Some(operation) => operation(work),
            None => Err(StoreError::Closed.into()),
        })
    }

    /// Queues a write that may wait some milliseconds for others to share its commit, and that may have to be
    /// done twice.
    pub(crate) fn write_soon<T, E>(
        &self,
        operation: impl FnMut(&mut Work<'_>) -> Result<T, E> + Send + 'static,
    ) -> Pending<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Debug + Send + 'static,
    {
        self.enqueue(Urgency::Soon, operation)
    }

    fn enqueue<T, E>(
        &self,
        urgency: Urgency,
        operation: impl FnMut(&mut Work<'_>) -> Result<T, E> + Send + 'static,
    ) -> Pending<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Debug + Send + 'static,
    {
        let writer = self.shared.thread.as_ref().map(JoinHandle::thread);
        enqueue(self.shared.queue.as_ref(), writer, urgency, operation)
    }

    /// Reads on this thread's own connection.
    pub(crate) fn read<T, E: From<StoreError>>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let connection = READERS.with_borrow_mut(|readers| readers.connection(&self.shared))?;
        read(&connection)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("database", &self.shared.database).finish_non_exhaustive()
    }
}

impl Drop for Shared {
    /// What was queued is still written; the lock is given up after the file is closed.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's writer had died");
        }
    }
}

thread_local! {
    static READERS: RefCell<Readers> = const { RefCell::new(Readers(Vec::new())) };
}

/// This thread's read-only connections: one for each store that it reads, which is one outside of tests.
struct Readers(Vec<(Weak<Shared>, Rc<Connection>)>);

impl Readers {
    fn connection(&mut self, shared: &Arc<Shared>) -> Result<Rc<Connection>, StoreError> {
        let ours =
            |(owner, _): &&(Weak<Shared>, Rc<Connection>)| std::ptr::eq(owner.as_ptr(), Arc::as_ptr(shared));
        if let Some((_, connection)) = self.0.iter().find(ours) {
            return Ok(connection.clone());
        }
        self.0.retain(|(owner, _)| owner.strong_count() > 0);
        let connection = Rc::new(sqlite::open_reader(&shared.database)?);
        self.0.push((Arc::downgrade(shared), connection.clone()));
        Ok(connection)
    }
}

fn make_data_dir(path: &Path) -> Result<(), OpenError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| OpenError::File { path: path.to_owned(), source })
}

/// SQLite gives the files beside the database its mode.
fn make_database_file(path: &Path) -> Result<(), OpenError> {
    let opened = fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    opened.map(drop).map_err(|source| OpenError::File { path: path.to_owned(), source })
}

/// A new database takes the key file, or makes one; an old one takes only the key that sealed it.
fn fitting_sealer(connection: &Connection, key_file: &Path) -> Result<Sealer, OpenError> {
    let check: Option<Vec<u8>> =
        rows::one(connection, "SELECT key_check FROM instance", [], |cells| cells.take())?;
    let sealer = Sealer::from_file(key_file, check.is_none())?;
    match check {
        Some(check) => {
            let fits = sealer.open("instance", "", &check).is_ok_and(|plain| *plain == KEY_CHECK);
            if !fits {
                return Err(OpenError::WrongKey { path: key_file.to_owned() });
            }
        }
        None => {
            let check = sealer.seal("instance", "", KEY_CHECK)?;
            rows::execute(connection, "INSERT INTO instance (one, key_check) VALUES (1, ?)", [check])?;
        }
    }
    Ok(sealer)
}

fn refuse_changed_realm(connection: &Connection, realm: &str) -> Result<(), OpenError> {
    let sql = "SELECT realm, count(*) FROM credentials WHERE deleted_at IS NULL AND realm <> ?
               GROUP BY realm ORDER BY 2 DESC LIMIT 1";
    let other = rows::one(connection, sql, [realm], |cells| Ok((cells.take()?, cells.take()?)))?;
    match other {
        Some((stored, credentials)) => {
            Err(OpenError::RealmChanged { stored, asked: realm.to_owned(), credentials })
        }
        None => Ok(()),
    }
}
