//! baresip, a phone that nobody here wrote, without a sound card: it speaks from a file, and what it hears is
//! written to one.
//!
//! It is told what to do over its control port, which also tells its events. Sound goes through the filter
//! `sndfile`, which writes what comes out of the decoder, so no player is needed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::sound::Sound;
use crate::tools::Scratch;
use crate::wait_for;

/// How long it may take to start, to answer a command, and to end.
const LIMIT: Duration = Duration::from_secs(30);

/// Where Debian, on any machine, has the modules.
const MODULES: [&str; 3] = [
    "/usr/lib/baresip/modules",
    "/usr/lib/x86_64-linux-gnu/baresip/modules",
    "/usr/local/lib/baresip/modules",
];

/// One line of the phone's book of accounts.
#[derive(Debug, Clone)]
pub struct Account<'a> {
    /// Who it is.
    pub user: &'a str,
    /// With which password.
    pub password: &'a str,
    /// Of which domain.
    pub domain: &'a str,
    /// The outbound proxy.
    pub server: SocketAddr,
    /// `udp`, `tcp` or `tls`.
    pub transport: &'a str,
    /// The file of the certificate that it trusts over TLS.
    pub authority: Option<&'a Path>,
    /// `PCMU` or `PCMA`.
    pub codec: &'a str,
    /// For how many seconds it registers, again and again; 0: not at all.
    pub register_for_s: u32,
}

/// A running baresip. Dropping it ends it.
pub struct Baresip {
    child: Child,
    control: TcpStream,
    events: Arc<Mutex<Vec<Value>>>,
    printed: Arc<Mutex<String>>,
    domain: String,
    commands: u32,
    scratch: Scratch,
}

impl Baresip {
    /// Starts it with one account; `says` is what it will say in a call.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(account: &Account<'_>, says: &Sound) -> Self {
        let scratch = Scratch::new("baresip");
        let control = free_port();
        configure(scratch.path(), account, says, control);
        let mut command = Command::new("baresip");
        command.arg("-s").arg("-f").arg(scratch.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("baresip: {error}"));
        let printed = Arc::default();
        follow(child.stdout.take(), &printed);
        follow(child.stderr.take(), &printed);
        let control = wait_for("the control port of baresip", LIMIT, || {
            if let Some(status) = child.try_wait().expect("it can be waited for") {
                panic!("baresip did not start: {status}\n{}", printed.lock().expect("its output"));
            }
            TcpStream::connect(control).ok()
        });
        let events = Arc::default();
        listen(control.try_clone().expect("a second handle"), &events);
        let domain = account.domain.to_owned();
        Self { child, control, events, printed, domain, commands: 0, scratch }
    }

    /// Calls this user of its domain.
    pub fn dial(&mut self, user: &str) {
        let uri = format!("sip:{user}@{}", self.domain);
        self.command("dial", &uri);
    }

    /// Calls, and waits until the call is up.
    pub fn call(&mut self, user: &str) {
        self.dial(user);
        self.wait("CALL_ESTABLISHED");
    }

    /// Presses a key for some 250 ms, as its keypad does.
    pub fn press(&mut self, key: char) {
        self.command("sndcode", &key.to_string());
    }

    /// Any of its commands: `hold`, `resume`, `hangup`. Returns what it says of it when it was carried out.
    ///
    /// # Panics
    /// When it is not known.
    pub fn command(&mut self, command: &str, params: &str) -> String {
        self.commands += 1;
        let token = self.commands.to_string();
        let text = json!({ "command": command, "params": params, "token": token }).to_string();
        let netstring = format!("{}:{text},", text.len());
        self.control.write_all(netstring.as_bytes()).expect("it listens");
        let answer = wait_for(&format!("baresip's answer to {command}"), LIMIT, || {
            self.news().into_iter().find(|news| news["token"] == token.as_str())
        });
        assert_eq!(answer["ok"], true, "{command} {params}: {answer}");
        answer["data"].as_str().unwrap_or_default().to_owned()
    }

    /// How many RTP packets came in this call, and how many were lost.
    ///
    /// # Panics
    /// When it has received none.
    pub fn received(&mut self) -> (u32, u32) {
        let state = self.command("audio_debug", "");
        let number = |label: &str| {
            let digits = state.split(label).nth(1)?.split(|letter: char| !letter.is_ascii_digit()).next()?;
            digits.parse().ok()
        };
        let told = number(" rcvd=").zip(number(": lost="));
        told.unwrap_or_else(|| panic!("no packets in {state}"))
    }

    /// Waits for the first event of this type: `CALL_RINGING`, `CALL_ESTABLISHED`, `CALL_CLOSED`.
    ///
    /// # Panics
    /// When it does not come.
    pub fn wait(&self, kind: &str) -> Value {
        wait_for(&format!("baresip's {kind}"), LIMIT, || self.events(kind).into_iter().next())
    }

    /// All events of a type so far.
    pub fn events(&self, kind: &str) -> Vec<Value> {
        self.news().into_iter().filter(|news| news["type"] == kind).collect()
    }

    /// Every SIP message so far, and what it says of its state.
    pub fn trace(&self) -> String {
        self.printed.lock().expect("no panic while it was held").clone()
    }

    /// Ends it and returns all that was heard in its one call, up to the first hold: baresip takes filters out
    /// then.
    ///
    /// # Panics
    /// When it does not end, or there was no call.
    pub fn heard(mut self) -> Sound {
        // It ends before it answers.
        self.control.write_all(b"18:{\"command\":\"quit\"},").expect("it listens");
        wait_for("the end of baresip", LIMIT, || self.child.try_wait().expect("it can be waited for"));
        let files = std::fs::read_dir(self.scratch.path()).expect("its directory");
        let recorded = |path: &Path| path.to_string_lossy().ends_with("-dec.wav");
        let mut files = files.flatten().map(|entry| entry.path()).filter(|path| recorded(path));
        Sound::read(&files.next().unwrap_or_else(|| panic!("nothing was recorded\n{}", self.trace())))
    }

    fn news(&self) -> Vec<Value> {
        self.events.lock().expect("no panic while it was held").clone()
    }
}

impl Drop for Baresip {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configure(directory: &Path, account: &Account<'_>, says: &Sound, control: SocketAddr) {
    let says_path = directory.join("says.wav");
    says.write(&says_path);
    let modules = MODULES.iter().find(|path| Path::new(path).exists()).expect("baresip's modules");
    let (directory_text, says_path) = (directory.display(), says_path.display());
    let config = format!(
        "sip_listen 127.0.0.1:0\n\
         net_interface 127.0.0.1\n\
         call_max_calls 1\n\
         rtp_ports 33000-60000\n\
         jitter_buffer_delay 5-10\n\
         audio_source aufile,{says_path}\n\
         audio_player none,none\n\
         audio_alert none,none\n\
         ausrc_srate 8000\n\
         auplay_srate 8000\n\
         ausrc_channels 1\n\
         auplay_channels 1\n\
         module_path {modules}\n\
         module g711.so\n\
         module aufile.so\n\
         module sndfile.so\n\
         module_tmp account.so\n\
         module_app menu.so\n\
         module_app ctrl_tcp.so\n\
         ctrl_tcp_listen {control}\n\
         snd_path {directory_text}\n"
    );
    let Account { user, password, domain, server, transport, authority, codec, register_for_s } = account;
    let authority = authority.map(|file| format!("sip_cafile {}\n", file.display())).unwrap_or_default();
    let config = config + &authority;
    let accounts = format!(
        "<sip:{user}@{domain}>;auth_user={user};auth_pass={password};\
         outbound=\"sip:{server};transport={transport}\";regint={register_for_s};audio_codecs={codec}/8000/1\n"
    );
    for (name, text) in [("config", config), ("accounts", accounts), ("contacts", String::new())] {
        let path = directory.join(name);
        std::fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

/// It cannot be told to choose one itself.
fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address")
}

fn follow(pipe: Option<impl Read + Send + 'static>, printed: &Arc<Mutex<String>>) {
    let (pipe, printed) = (BufReader::new(pipe.expect("its output")), Arc::clone(printed));
    std::thread::spawn(move || {
        for line in pipe.split(b'\n').map_while(Result::ok) {
            let mut printed = printed.lock().expect("no panic while it was held");
            printed.push_str(String::from_utf8_lossy(&line).trim_end());
            printed.push('\n');
        }
    });
}

/// Netstrings of JSON: answers and events.
fn listen(control: TcpStream, events: &Arc<Mutex<Vec<Value>>>) {
    let (mut control, events) = (BufReader::new(control), Arc::clone(events));
    std::thread::spawn(move || {
        while let Some(news) = netstring(&mut control) {
            events.lock().expect("no panic while it was held").push(news);
        }
    });
}

fn netstring(stream: &mut impl BufRead) -> Option<Value> {
    let mut length = Vec::new();
    stream.read_until(b':', &mut length).ok()?;
    let digits = std::str::from_utf8(length.strip_suffix(b":")?).ok()?;
    let mut text = vec![0; digits.parse().ok()?];
    stream.read_exact(&mut text).ok()?;
    stream.read_exact(&mut [0]).ok()?;
    serde_json::from_slice(&text).ok()
}
