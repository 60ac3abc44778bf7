//! The binary as a child process.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::http::{self, Login, Reply};
use crate::tools::Scratch;

/// The account of every test.
pub const ACCOUNT: &str = "AC00000000000000000000000000000001";
/// Its auth token.
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// How long a start may take.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How the binary is to be started.
#[derive(Default)]
pub struct Setup {
    arguments: Vec<String>,
    data_dir: Option<PathBuf>,
    wrapper: Vec<String>,
    variables: Vec<(String, String)>,
    own_account: bool,
    https: bool,
}

impl Setup {
    /// With a further argument of `ringway serve`.
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// With the data of an earlier start.
    pub fn data_dir(mut self, path: &Path) -> Self {
        self.data_dir = Some(path.to_owned());
        self
    }

    /// With a variable of the environment.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With an account that it makes itself, instead of [`ACCOUNT`].
    pub fn own_account(mut self) -> Self {
        self.own_account = true;
        self
    }

    /// With its REST API over TLS, by a development certificate.
    pub fn https(mut self) -> Self {
        self.https = true;
        self
    }

    /// Under another program, such as `strace`.
    pub fn under(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Starts it and waits until it says where it listens.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(self) -> Ringway {
        let scratch = self.data_dir.is_none().then(|| Scratch::new("data"));
        let data_dir = self.data_dir.or_else(|| scratch.as_ref().map(|scratch| scratch.path().to_owned()));
        let data_dir = data_dir.expect("one or the other");
        let mut words: Vec<String> = self.wrapper;
        words.push(binary().display().to_string());
        let http = if self.https { "--http=https://127.0.0.1:0" } else { "--http=127.0.0.1:0" };
        words.extend(["serve", http, "--admin=127.0.0.1:0"].map(str::to_owned));
        words.extend(["--sip=udp://127.0.0.1:0", "--sip=tcp://127.0.0.1:0"].map(str::to_owned));
        words.push(format!("--data-dir={}", data_dir.display()));
        words.extend(self.arguments);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        if !self.own_account {
            command.env("RINGWAY_ACCOUNT_SID", ACCOUNT).env("RINGWAY_AUTH_TOKEN", TOKEN);
        }
        command.envs(self.variables);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{words:?}: {error}"));
        let log = Text::follow(child.stderr.take(), |line| eprintln!("{line}"));
        let printed = Text::follow(child.stdout.take(), |_| ());
        let screen = read_screen(&mut child, &printed);
        let find = |label: &str| {
            let line = screen.iter().find_map(|line| line.trim().strip_prefix(label));
            let line = line.unwrap_or_else(|| panic!("no `{label}` in {screen:#?}"));
            address(line)
        };
        Ringway {
            http: find("REST API"),
            admin: find("metrics"),
            udp: find("SIP          udp://"),
            tcp: find("SIP          tcp://"),
            screen: screen.clone(),
            data_dir,
            child,
            log,
            printed,
            _scratch: scratch,
        }
    }
}

/// The running binary. Dropping it ends it.
pub struct Ringway {
    /// The REST API.
    pub http: SocketAddr,
    /// Metrics and health.
    pub admin: SocketAddr,
    /// SIP over UDP.
    pub udp: SocketAddr,
    /// SIP over TCP.
    pub tcp: SocketAddr,
    /// What it printed at its start.
    pub screen: Vec<String>,
    /// Where its data live.
    pub data_dir: PathBuf,
    child: Child,
    log: Text,
    printed: Text,
    _scratch: Option<Scratch>,
}

impl Ringway {
    /// A start with nothing special.
    pub fn start() -> Self {
        Setup::default().start()
    }

    /// Where the first listener is whose name begins so: `tls://`, `wss://[`.
    ///
    /// # Panics
    /// When there is none.
    pub fn listener(&self, name: &str) -> SocketAddr {
        let listeners = self.screen.iter().filter_map(|line| line.trim().strip_prefix("SIP "));
        let found = listeners.map(str::trim).find(|listener| listener.starts_with(name));
        let found = found.and_then(|listener| listener.split("://").nth(1));
        address(found.unwrap_or_else(|| panic!("no {name} in {:#?}", self.screen)))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        self.log.so_far()
    }

    /// What it printed so far, its first screen included.
    pub fn printed(&self) -> String {
        self.printed.so_far()
    }

    /// `kill -9`, and waits until it is gone.
    ///
    /// # Panics
    /// When it cannot be ended.
    pub fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }

    /// SIGTERM; see [`Ringway::wait`].
    pub fn terminate(&self) {
        let pid = self.pid().to_string();
        let status = Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
        assert!(status.success(), "kill -TERM {pid}");
    }

    /// Waits for its end and returns the exit status.
    ///
    /// # Panics
    /// When it does not end in time.
    pub fn wait(&mut self, limit: Duration) -> Option<i32> {
        crate::wait_for("the end of ringway", limit, || self.child.try_wait().expect("it can be waited for"))
            .code()
    }

    /// A request to the account's part of the API: `path` follows `/2010-04-01/Accounts/AC…`.
    pub fn api(&self, method: &str, path: &str, form: &[(&str, &str)]) -> Reply {
        let login = Login { user: ACCOUNT.to_owned(), password: TOKEN.to_owned() };
        http::request(self.http, method, &format!("/2010-04-01/Accounts/{ACCOUNT}{path}"), Some(&login), form)
    }

    /// Creates something and returns it.
    ///
    /// # Panics
    /// When the answer is not 201.
    pub fn create(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let reply = self.api("POST", path, form);
        assert_eq!(reply.status, 201, "POST {path} {form:?}: {}", reply.body);
        reply.json()
    }

    /// Fetches something.
    ///
    /// # Panics
    /// When the answer is not 200.
    pub fn fetch(&self, path: &str) -> Value {
        let reply = self.api("GET", path, &[]);
        assert_eq!(reply.status, 200, "GET {path}: {}", reply.body);
        reply.json()
    }

    /// The value of a metric, named with its labels as in `calls_total{status="busy"}`; `None` while nothing
    /// was counted.
    ///
    /// # Panics
    /// When it is not a number.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let reply = http::request(self.admin, "GET", "/metrics", None, &[]);
        let value = reply.body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map(|value| value.parse().unwrap_or_else(|error| panic!("{name} {value}: {error}")))
    }

    /// A domain `NAME.sip.twilio.com` whose callers authenticate as `user` with `password`.
    pub fn domain_with_user(&self, name: &str, form: &[(&str, &str)], user: &str, password: &str) -> Value {
        let domain = self.domain(name, form);
        let list = self.create("/SIP/CredentialLists.json", &[("FriendlyName", &format!("{name} users"))]);
        let list = sid(&list);
        let credential = [("Username", user), ("Password", password)];
        self.create(&format!("/SIP/CredentialLists/{list}/Credentials.json"), &credential);
        let mappings = format!("/SIP/Domains/{}/CredentialListMappings.json", sid(&domain));
        self.create(&mappings, &[("CredentialListSid", list)]);
        domain
    }

    /// A domain `NAME.sip.twilio.com` where these users, names and passwords, may register.
    pub fn domain_with_phones(&self, name: &str, form: &[(&str, &str)], users: &[(&str, &str)]) -> Value {
        let mut form = form.to_vec();
        form.push(("SipRegistration", "true"));
        let domain = self.domain(name, &form);
        let list = self.create("/SIP/CredentialLists.json", &[("FriendlyName", &format!("{name} phones"))]);
        let list = sid(&list);
        for (user, password) in users {
            let credential = [("Username", *user), ("Password", *password)];
            self.create(&format!("/SIP/CredentialLists/{list}/Credentials.json"), &credential);
        }
        let mappings =
            format!("/SIP/Domains/{}/Auth/Registrations/CredentialListMappings.json", sid(&domain));
        self.create(&mappings, &[("CredentialListSid", list)]);
        domain
    }

    /// A domain `NAME.sip.twilio.com` that takes calls from `address`, without a password.
    pub fn domain_with_address(&self, name: &str, form: &[(&str, &str)], address: &str) -> Value {
        let domain = self.domain(name, form);
        let list =
            self.create("/SIP/IpAccessControlLists.json", &[("FriendlyName", &format!("{name} hosts"))]);
        let list = sid(&list);
        let entry = [("FriendlyName", address), ("IpAddress", address)];
        self.create(&format!("/SIP/IpAccessControlLists/{list}/IpAddresses.json"), &entry);
        let mappings = format!("/SIP/Domains/{}/IpAccessControlListMappings.json", sid(&domain));
        self.create(&mappings, &[("IpAccessControlListSid", list)]);
        domain
    }

    fn domain(&self, name: &str, form: &[(&str, &str)]) -> Value {
        let name = format!("{name}.sip.twilio.com");
        let mut whole = vec![("DomainName", name.as_str())];
        whole.extend_from_slice(form);
        self.create("/SIP/Domains.json", &whole)
    }
}

impl Drop for Ringway {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The `sid` of a resource.
///
/// # Panics
/// When it has none.
pub fn sid(resource: &Value) -> &str {
    resource["sid"].as_str().unwrap_or_else(|| panic!("no sid in {resource}"))
}

/// The binary that was built beside these tests.
///
/// # Panics
/// When it was not built.
pub fn binary() -> PathBuf {
    let tests = std::env::current_exe().expect("the path of this test");
    let profile = tests.parent().and_then(Path::parent).expect("target/PROFILE/deps");
    let binary = profile.join("ringway");
    assert!(binary.exists(), "{} is not built; use `cargo xtask test`", binary.display());
    binary
}

fn address(text: &str) -> SocketAddr {
    let text = text.trim().trim_start_matches("http://").trim_start_matches("https://");
    let text = text.split('/').next().unwrap_or(text);
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The lines up to the one that names the account.
fn read_screen(child: &mut Child, printed: &Text) -> Vec<String> {
    crate::wait_for("the first screen of ringway", START_LIMIT, || {
        // Asked before the text is read, so that what was printed last is seen.
        let ended = child.try_wait().expect("it can be waited for");
        let screen: Vec<String> = printed.so_far().lines().map(str::to_owned).collect();
        let complete = screen.iter().any(|line| line.trim().starts_with("account"));
        assert!(complete || ended.is_none(), "ringway did not start: {ended:?}\n{screen:#?}");
        complete.then_some(screen)
    })
}

/// Lines that a child writes, kept as they come.
struct Text(Arc<Mutex<String>>);

impl Text {
    fn follow(pipe: Option<impl Read + Send + 'static>, each: impl Fn(&str) + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&text);
        let pipe = pipe.expect("its output");
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                each(&line);
                let mut kept = kept.lock().expect("no panic while it was held");
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        Self(text)
    }

    fn so_far(&self) -> String {
        self.0.lock().expect("no panic while it was held").clone()
    }
}
