//! Many connections that write and list through the REST API while the server is killed under them, and the
//! books that say what has to be there afterwards. The rows are credential lists: small, and in a list that is
//! paged through.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::connection::{Answer, Connection};
use crate::http::Login;

/// What the server is to be started with: all rows may be there at once.
pub const ARGUMENT: &str = "--credential-lists-max=1000000";

/// Connections that create and delete rows,
const WRITERS: usize = 48;
/// and connections that go through the list, page by page, again and again.
const LISTERS: usize = 16;
/// A writer that has more rows deletes its oldest one, so that a walk through the list stays short.
const ROWS_OF_A_WRITER: usize = 20;
/// Rows of a page: a walk is some ten of them.
const PAGE_ROWS: usize = 100;
/// Enough for what a thread does here.
const STACK_BYTES: usize = 256 * 1024;

/// The books, over all lives of the server.
pub struct RestLoad {
    login: Login,
    books: Mutex<Books>,
    /// Names given so far; no two rows have the same.
    names: AtomicU64,
    /// Walks through the whole list that nothing cut off.
    walks: AtomicU64,
    is_over: AtomicBool,
}

#[derive(Default)]
struct Books {
    /// Rows whose creation was acknowledged, by SID.
    rows: HashMap<String, Row>,
    /// Names of rows whose creation was not.
    unanswered: HashSet<String>,
    /// What was wrong, in the order in which it was seen.
    violations: Vec<String>,
}

struct Row {
    name: String,
    deletion: Deletion,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deletion {
    /// Nobody has asked for it.
    None,
    /// Somebody has, and has no answer.
    Asked,
    Acknowledged,
}

impl RestLoad {
    /// Empty books for an account.
    pub fn new(login: Login) -> Self {
        let (names, walks) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { login, books: Mutex::default(), names, walks, is_over: AtomicBool::new(false) }
    }

    /// Works over 64 connections until the server is gone or [`stop`](Self::stop) is called.
    ///
    /// # Panics
    /// When there are no threads to be had.
    pub fn work(&self, http: SocketAddr) {
        thread::scope(|scope| {
            for number in 0..WRITERS + LISTERS {
                let work = move || {
                    // Both end without a result when the server goes, which is what it is started for.
                    let _ = if number < WRITERS { self.write(http) } else { self.list(http) };
                };
                thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work).expect("a thread");
            }
        });
    }

    /// Ends [`work`](Self::work) with the requests that are on their way.
    pub fn stop(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    /// Compares the books with the list as it is now, while nobody works.
    ///
    /// # Errors
    /// The first row that is missing, there again, changed, repeated, or there without anybody having asked for
    /// it; what a walk found while others were writing comes first.
    pub fn check(&self, http: SocketAddr) -> Result<(), String> {
        let mut connection = Connection::open(http, &self.login).ok_or("nobody listens")?;
        let walk = self.walk(&mut connection).ok_or("the list breaks off")?;
        let mut books = self.books();
        books.violations.extend(walk.repeated);
        match books.violations.first() {
            Some(violation) => Err(violation.clone()),
            None => books.settle(&walk.rows),
        }
    }

    /// Walks through the whole list that nothing cut off.
    pub fn walks(&self) -> u64 {
        self.walks.load(Ordering::SeqCst)
    }

    /// How much was done, once [`check`](Self::check) found nothing wrong.
    pub fn told(&self) -> String {
        let (rows, walks) = (self.books().rows.len(), self.walks());
        format!(
            "{rows} rows acknowledged, none lost; {walks} walks through the list, no row repeated or missed"
        )
    }

    fn write(&self, http: SocketAddr) -> Option<()> {
        let mut connection = Connection::open(http, &self.login)?;
        let mut own = VecDeque::new();
        while !self.is_over.load(Ordering::SeqCst) {
            own.push_back(self.create(&mut connection)?);
            if own.len() > ROWS_OF_A_WRITER {
                self.delete(&mut connection, &own.pop_front()?)?;
            }
        }
        Some(())
    }

    fn create(&self, connection: &mut Connection) -> Option<String> {
        let name = format!("row-{}", self.names.fetch_add(1, Ordering::SeqCst));
        self.books().unanswered.insert(name.clone());
        let form = format!("FriendlyName={name}");
        let answer = connection.ask("POST", &self.path(".json"), &form)?;
        self.expect(201, &answer)?;
        let sid = answer.body["sid"].as_str()?.to_owned();
        let mut books = self.books();
        books.unanswered.remove(&name);
        books.rows.insert(sid.clone(), Row { name, deletion: Deletion::None });
        Some(sid)
    }

    fn delete(&self, connection: &mut Connection, sid: &str) -> Option<()> {
        self.books().deletion_is(sid, Deletion::Asked);
        let answer = connection.ask("DELETE", &self.path(&format!("/{sid}.json")), "")?;
        self.expect(204, &answer)?;
        self.books().deletion_is(sid, Deletion::Acknowledged);
        Some(())
    }

    /// Walks, and looks for rows that were there before the walk began and after it ended.
    fn list(&self, http: SocketAddr) -> Option<()> {
        let mut connection = Connection::open(http, &self.login)?;
        while !self.is_over.load(Ordering::SeqCst) {
            let before = self.books().undisputed();
            let walk = self.walk(&mut connection)?;
            let mut books = self.books();
            let throughout = books.undisputed();
            let missed = before.intersection(&throughout).find(|sid| !walk.rows.contains_key(*sid));
            let missed = missed.map(|sid| format!("a walk missed {sid}, which existed throughout"));
            books.violations.extend(missed.into_iter().chain(walk.repeated));
            self.walks.fetch_add(1, Ordering::SeqCst);
        }
        Some(())
    }

    /// Every page from the first to the last; `None` when the connection broke.
    fn walk(&self, connection: &mut Connection) -> Option<Walk> {
        let mut walk = Walk::default();
        let mut next = Some(self.path(&format!(".json?PageSize={PAGE_ROWS}")));
        while let Some(path) = next {
            let page = connection.ask("GET", &path, "")?;
            self.expect(200, &page)?;
            for row in page.body["credential_lists"].as_array()? {
                let (sid, name) = (row["sid"].as_str()?, row["friendly_name"].as_str()?);
                if walk.rows.insert(sid.to_owned(), name.to_owned()).is_some() {
                    walk.repeated.get_or_insert(format!("a walk saw {sid} twice"));
                }
            }
            next = page.body["next_page_uri"].as_str().map(str::to_owned);
        }
        Some(walk)
    }

    fn expect(&self, status: u16, answer: &Answer) -> Option<()> {
        if answer.status == status {
            return Some(());
        }
        self.books().violations.push(format!("{status} was expected: {answer:?}"));
        None
    }

    fn path(&self, rest: &str) -> String {
        format!("/2010-04-01/Accounts/{}/SIP/CredentialLists{rest}", self.login.user)
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a walk through the list found.
#[derive(Default)]
struct Walk {
    /// Names by SID.
    rows: HashMap<String, String>,
    /// A row that came more than once.
    repeated: Option<String>,
}

impl Books {
    fn deletion_is(&mut self, sid: &str, deletion: Deletion) {
        if let Some(row) = self.rows.get_mut(sid) {
            row.deletion = deletion;
        }
    }

    /// The rows that are there whatever happens to the requests on their way.
    fn undisputed(&self) -> HashSet<String> {
        let rows = self.rows.iter().filter(|(_, row)| row.deletion == Deletion::None);
        rows.map(|(sid, _)| sid.clone()).collect()
    }

    /// Compares with what is there; what became of unanswered requests is known from now on.
    fn settle(&mut self, found: &HashMap<String, String>) -> Result<(), String> {
        for (sid, row) in &mut self.rows {
            match (row.deletion, found.get(sid)) {
                (Deletion::None, None) => return Err(format!("{sid} was acknowledged and is not there")),
                (Deletion::Acknowledged, Some(_)) => return Err(format!("{sid} was deleted and is there")),
                (Deletion::Asked, None) => row.deletion = Deletion::Acknowledged,
                (Deletion::Asked, Some(_)) => row.deletion = Deletion::None,
                (_, Some(name)) if *name != row.name => return Err(format!("{sid} is {name:?} now")),
                _ => {}
            }
        }
        for (sid, name) in found.iter().filter(|(sid, _)| !self.rows.contains_key(*sid)).collect::<Vec<_>>() {
            if !self.unanswered.remove(name) {
                return Err(format!("{sid}, {name:?}, is there and nobody made it"));
            }
            self.rows.insert(sid.clone(), Row { name: name.clone(), deletion: Deletion::None });
        }
        self.unanswered.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn books(deletion: Deletion) -> Books {
        let row = Row { name: "a".to_owned(), deletion };
        let rows = HashMap::from([("CL1".to_owned(), row)]);
        Books { rows, unanswered: HashSet::from(["b".to_owned()]), violations: Vec::new() }
    }

    fn found(rows: &[(&str, &str)]) -> HashMap<String, String> {
        rows.iter().map(|(sid, name)| ((*sid).to_owned(), (*name).to_owned())).collect()
    }

    #[test]
    fn an_acknowledged_row_has_to_be_there_and_a_deleted_one_not() {
        assert!(books(Deletion::None).settle(&found(&[("CL1", "a")])).is_ok());
        assert!(books(Deletion::None).settle(&found(&[])).is_err());
        assert!(books(Deletion::None).settle(&found(&[("CL1", "c")])).is_err());
        assert!(books(Deletion::Acknowledged).settle(&found(&[])).is_ok());
        assert!(books(Deletion::Acknowledged).settle(&found(&[("CL1", "a")])).is_err());
    }

    #[test]
    fn an_unanswered_deletion_has_happened_or_not_and_stays_so() {
        for first in [found(&[]), found(&[("CL1", "a")])] {
            let mut books = books(Deletion::Asked);
            assert!(books.settle(&first).is_ok());
            let other = if first.is_empty() { found(&[("CL1", "a")]) } else { found(&[]) };
            assert!(books.settle(&other).is_err());
        }
    }

    #[test]
    fn a_row_that_was_not_acknowledged_may_be_there_if_it_was_asked_for() {
        let mut books = books(Deletion::None);
        assert!(books.settle(&found(&[("CL1", "a"), ("CL2", "b")])).is_ok());
        assert!(books.settle(&found(&[("CL1", "a")])).is_err(), "it was there");
        let mut books = super::tests::books(Deletion::None);
        assert!(books.settle(&found(&[("CL1", "a"), ("CL3", "c")])).is_err(), "nobody asked for it");
    }
}
