//! Who is registered where, on disk: an append-only file with a line for each address-of-record that changed,
//! written behind and off every path that answers. The last line of an address-of-record counts. The file is
//! written anew at start and whenever most of it is of the past.
//!
//! Not rows: docs/decisions/004-registrations-on-disk.md has the figures.

use std::borrow::Cow;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ringway_model::UnixTime;
use ringway_sip::endpoint::{Target, Transport};
use ringway_sip::message::NameAddr;
use ringway_sip::registrar::{AddressOfRecord, Binding, Registered};
use serde::{Deserialize, Serialize};

const FILE: &str = "registrations.log";
const NEW_FILE: &str = "registrations.log.new";

/// A file smaller than this is never worth writing anew.
const WORTH_BYTES: u64 = 16 * 1024 * 1024;
/// Written anew when it is so many times as large as it was when it had nothing of the past.
const GROWTH_MAX: u64 = 4;
/// Gathered before it is handed to the kernel.
const CHUNK_BYTES: usize = 256 * 1024;

/// The file.
#[derive(Debug)]
pub struct RegistrationLog {
    data_dir: PathBuf,
    file: File,
    buffer: Vec<u8>,
    bytes: u64,
    /// How large it was when it had nothing of the past.
    bytes_of_present: u64,
    /// A write failed: what is in the file is not known any more.
    is_broken: bool,
}

impl RegistrationLog {
    /// Opens the file of a data directory that is ours alone already, or makes it.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(data_dir: &Path) -> io::Result<Self> {
        let file = open(&data_dir.join(FILE))?;
        let bytes = file.metadata()?.len();
        Ok(Self {
            data_dir: data_dir.to_owned(),
            file,
            buffer: Vec::new(),
            bytes,
            bytes_of_present: 0,
            is_broken: false,
        })
    }

    /// Hands out every line, oldest first: a later one of the same address-of-record replaces it. A line that
    /// cannot be read, such as the last one of a process that was killed, is passed over.
    ///
    /// # Errors
    /// What the system says.
    pub fn restore(&self, mut each: impl FnMut(Registered)) -> io::Result<()> {
        let mut unreadable = 0_u64;
        let mut lines = BufReader::new(File::open(self.data_dir.join(FILE))?);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line)? > 0 {
            match serde_json::from_slice::<Line<'_>>(&line).ok().and_then(Line::registered) {
                Some(registered) => each(registered),
                None => unreadable += 1,
            }
            line.clear();
        }
        if unreadable > 0 {
            tracing::warn!(lines = unreadable, "lines of the registrations could not be read");
        }
        Ok(())
    }

    /// Puts an address-of-record as it is now among what [`RegistrationLog::write`] writes. Bindings to a
    /// connection are left out: no connection outlives its process.
    pub fn note(&mut self, registered: &Registered) {
        put(&mut self.buffer, registered);
    }

    /// Whether anything was noted.
    pub fn is_noted(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Appends what was noted; it is on disk when this returns.
    ///
    /// # Errors
    /// What the system says. What was noted is lost, and [`RegistrationLog::wants_renewal`] is true.
    pub fn write(&mut self) -> io::Result<()> {
        let written = self.file.write_all(&self.buffer).and_then(|()| self.file.sync_data());
        self.bytes += self.buffer.len() as u64;
        self.buffer.clear();
        self.buffer.shrink_to(CHUNK_BYTES);
        self.is_broken |= written.is_err();
        written
    }

    /// Whether the file should be written anew: it is mostly of the past, or a write failed.
    pub fn wants_renewal(&self) -> bool {
        self.is_broken || (self.bytes > WORTH_BYTES && self.bytes > self.bytes_of_present * GROWTH_MAX)
    }

    /// Writes the file anew with what `all` hands out; until that stands the old one does.
    ///
    /// # Errors
    /// What the system says; then the old file is still there.
    pub fn renew(&mut self, all: impl FnOnce(&mut dyn FnMut(Registered))) -> io::Result<()> {
        let path = self.data_dir.join(NEW_FILE);
        let _ = fs::remove_file(&path);
        let mut file = open(&path)?;
        let mut bytes = 0;
        let mut buffer = Vec::with_capacity(CHUNK_BYTES);
        let mut failed = Ok(());
        all(&mut |registered| {
            put(&mut buffer, &registered);
            if buffer.len() >= CHUNK_BYTES && failed.is_ok() {
                failed = file.write_all(&buffer);
                bytes += buffer.len() as u64;
                buffer.clear();
            }
        });
        failed?;
        file.write_all(&buffer)?;
        bytes += buffer.len() as u64;
        file.sync_data()?;
        fs::rename(&path, self.data_dir.join(FILE))?;
        File::open(&self.data_dir)?.sync_all()?;
        (self.file, self.bytes, self.bytes_of_present, self.is_broken) = (file, bytes, bytes, false);
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

fn put(buffer: &mut Vec<u8>, registered: &Registered) {
    let begin = buffer.len();
    match serde_json::to_writer(&mut *buffer, &Line::of(registered)) {
        Ok(()) => buffer.push(b'\n'),
        // Nothing in a line can fail to be written into memory.
        Err(_) => buffer.truncate(begin),
    }
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    domain: Cow<'a, str>,
    user: Cow<'a, str>,
    bindings: Vec<BindingOfLine<'a>>,
}

#[derive(Serialize, Deserialize)]
struct BindingOfLine<'a> {
    sid: Cow<'a, str>,
    contact: Cow<'a, str>,
    call_id: Cow<'a, str>,
    cseq: u32,
    user_agent: Option<Cow<'a, str>>,
    path: Cow<'a, [String]>,
    q: u16,
    transport: Cow<'a, str>,
    remote: std::net::SocketAddr,
    local: Option<std::net::SocketAddr>,
    registered_ms: i64,
    seen_ms: i64,
    expires_ms: i64,
}

impl<'a> Line<'a> {
    fn of(registered: &'a Registered) -> Self {
        let kept = registered.bindings.iter().filter(|binding| binding.target.flow.is_none());
        Self {
            domain: Cow::Borrowed(registered.aor.domain.as_str()),
            user: Cow::Borrowed(&registered.aor.user),
            bindings: kept.map(BindingOfLine::of).collect(),
        }
    }

    fn registered(self) -> Option<Registered> {
        let bindings: Option<Vec<Binding>> = self.bindings.into_iter().map(BindingOfLine::binding).collect();
        let aor = AddressOfRecord { domain: self.domain.parse().ok()?, user: self.user.into_owned() };
        Some(Registered { aor, bindings: bindings? })
    }
}

impl<'a> BindingOfLine<'a> {
    fn of(binding: &'a Binding) -> Self {
        Self {
            sid: Cow::Borrowed(binding.sid.as_str()),
            contact: Cow::Borrowed(&binding.contact_value),
            call_id: Cow::Borrowed(&binding.call_id),
            cseq: binding.cseq,
            user_agent: binding.user_agent.as_deref().map(Cow::Borrowed),
            path: Cow::Borrowed(&binding.path),
            q: binding.q_thousandths,
            transport: Cow::Borrowed(binding.target.transport.via_name()),
            remote: binding.target.remote,
            local: binding.target.local,
            registered_ms: binding.registered.as_millis(),
            seen_ms: binding.seen.as_millis(),
            expires_ms: binding.expires.as_millis(),
        }
    }

    fn binding(self) -> Option<Binding> {
        let contact = NameAddr::parse(&self.contact)?.uri.to_owned();
        let transport = Transport::from_uri_parameter(&self.transport)?;
        Some(Binding {
            sid: self.sid.parse().ok()?,
            contact,
            contact_value: self.contact.into_owned(),
            q_thousandths: self.q,
            target: Target { transport, remote: self.remote, local: self.local, flow: None, name: None },
            path: self.path.into_owned(),
            user_agent: self.user_agent.map(Cow::into_owned),
            call_id: self.call_id.into_owned(),
            cseq: self.cseq,
            registered: UnixTime::from_millis(self.registered_ms),
            seen: UnixTime::from_millis(self.seen_ms),
            expires: UnixTime::from_millis(self.expires_ms),
        })
    }
}

#[cfg(test)]
mod tests {
    use ringway_model::sid::{DomainSid, RegistrationSid};
    use ringway_sip::endpoint::FlowId;

    use super::*;

    fn binding(contact: &str) -> Binding {
        Binding {
            sid: RegistrationSid::from_random([9; 16]),
            contact: contact.to_owned(),
            contact_value: format!("\"A\" <{contact}>;q=0.5;+sip.instance=\"<urn:uuid:1>\""),
            q_thousandths: 500,
            target: Target {
                transport: Transport::Udp,
                remote: "[2001:db8::1]:5062".parse().unwrap(),
                local: Some("192.0.2.1:5060".parse().unwrap()),
                flow: None,
                name: None,
            },
            path: vec!["<sip:p1.example.com;lr>".to_owned(), "<sip:p2.example.com;lr>".to_owned()],
            user_agent: Some("Phone \"1\"".to_owned()),
            call_id: "c@phone".to_owned(),
            cseq: 7,
            registered: UnixTime::from_millis(1),
            seen: UnixTime::from_millis(2),
            expires: UnixTime::from_millis(3),
        }
    }

    fn registered(user: &str, bindings: Vec<Binding>) -> Registered {
        let domain = DomainSid::from_random([1; 16]);
        Registered { aor: AddressOfRecord { domain, user: user.to_owned() }, bindings }
    }

    fn lines(log: &RegistrationLog) -> Vec<Registered> {
        let mut lines = Vec::new();
        log.restore(|registered| lines.push(registered)).unwrap();
        lines
    }

    #[test]
    fn what_was_written_is_read_by_the_next_process() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = RegistrationLog::open(directory.path()).unwrap();
        let alice = registered("alicé\n", vec![binding("sip:alice@10.0.0.1"), binding("sip:alice@10.0.0.2")]);
        let gone = registered("bob", Vec::new());
        log.note(&alice);
        log.write().unwrap();
        log.note(&gone);
        log.write().unwrap();
        assert!(!log.is_noted());
        assert_eq!(lines(&RegistrationLog::open(directory.path()).unwrap()), [alice, gone]);
    }

    #[test]
    fn what_hangs_on_a_connection_is_not_written() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = RegistrationLog::open(directory.path()).unwrap();
        let mut over_tcp = binding("sip:alice@10.0.0.1");
        over_tcp.target = Target { transport: Transport::Tcp, flow: Some(FlowId(3)), ..over_tcp.target };
        log.note(&registered("alice", vec![over_tcp, binding("sip:alice@10.0.0.2")]));
        log.write().unwrap();
        assert_eq!(lines(&log), [registered("alice", vec![binding("sip:alice@10.0.0.2")])]);
    }

    #[test]
    fn a_torn_line_costs_itself_only() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = RegistrationLog::open(directory.path()).unwrap();
        let alice = registered("alice", vec![binding("sip:alice@10.0.0.1")]);
        log.note(&alice);
        log.write().unwrap();
        let mut file = OpenOptions::new().append(true).open(directory.path().join(FILE)).unwrap();
        file.write_all(b"{\"domain\":\"SD\xff\n{\"domain\":\"SD").unwrap();
        assert_eq!(lines(&log), std::slice::from_ref(&alice));
        log.renew(|each| each(alice.clone())).unwrap();
        assert_eq!(lines(&log), [alice]);
    }

    #[test]
    fn a_file_that_is_mostly_of_the_past_is_written_anew() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = RegistrationLog::open(directory.path()).unwrap();
        let alice = registered("alice", vec![binding("sip:alice@10.0.0.1")]);
        while !log.wants_renewal() {
            (0..10_000).for_each(|_| log.note(&alice));
            log.write().unwrap();
        }
        assert!(log.bytes > WORTH_BYTES);
        log.renew(|each| each(alice.clone())).unwrap();
        assert!(!log.wants_renewal() && log.bytes < 1000);
        log.note(&alice);
        log.write().unwrap();
        assert_eq!(lines(&log), [alice.clone(), alice]);
    }
}
