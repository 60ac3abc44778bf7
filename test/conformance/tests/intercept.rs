//! Programs that cannot be told another base URL: `ringway exec`, `ringway serve --intercept`, and the authority
//! that they trust. curl and openssl judge.
#![allow(clippy::print_stdout)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use ringway_testkit::application::Answer;
use ringway_testkit::ringway::{ACCOUNT, TOKEN, binary};
use ringway_testkit::tools::{self, Scratch, have};
use ringway_testkit::{Application, Ringway, Setup, wait_for};
use serde_json::Value;

/// Longer than anything that is waited for.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn a_program_ends_as_it_would_alone() {
    let ringway = Ringway::start();
    let ends = |words: &[&str]| exec(&ringway, words).status.code();
    assert_eq!(ends(&["sh", "-c", "exit 7"]), Some(7));
    assert_eq!(ends(&["sh", "-c", "kill -TERM $$"]), Some(128 + 15));
    assert_eq!(ends(&["no-such-program"]), Some(127));
    assert_eq!(ends(&["/dev/null"]), Some(126));
    let output = exec(&ringway, &["sh", "-c", "cat; echo \"$2\" >&2", "-", "--server", "-x"]);
    assert_eq!(text(&output.stderr), "-x\n", "what follows the program is the program's");
}

#[test]
fn a_program_gets_the_signals_that_were_sent_to_us() {
    let (ringway, scratch) = (Ringway::start(), Scratch::new("signals"));
    for signal in ["TERM", "INT", "HUP", "USR1"] {
        let ready = scratch.path().join(signal);
        let script = format!(
            "trap 'echo got {signal}; exit 9' {signal}; : >{}; while :; do sleep 0.05; done",
            ready.display()
        );
        let running = tools::start(binary(), |command| {
            prepare(command, &ringway, &["sh", "-c", &script]);
        });
        wait_for("the program", LIMIT, || ready.exists().then_some(()));
        let pid = running.pid().to_string();
        Command::new("kill").args([&format!("-{signal}"), &pid]).status().expect("kill runs");
        let output = running.finish(LIMIT);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(9), format!("got {signal}\n")));
    }
}

#[test]
fn without_a_server_nothing_is_run() {
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let scratch = Scratch::new("nobody");
    let output = tools::run(binary(), LIMIT, |command| {
        command.current_dir(scratch.path()).args(["exec", "--server", &format!("http://{nobody}"), "--"]);
        command.args(["touch", "touched"]);
    });
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(125), "{told}");
    assert!(told.contains(&format!("no Ringway at http://{nobody}")) && told.contains("--server"), "{told}");
    assert_eq!(std::fs::read_dir(scratch.path()).expect("it is there").count(), 0, "nothing was made");
}

#[test]
fn every_way_leads_to_the_api_and_back() {
    if !have("curl") {
        return;
    }
    let intercept = Intercepting::start(&[]);
    for _ in 0..3 {
        let login = format!("{ACCOUNT}:{TOKEN}");
        let trunk =
            intercept.curl(&["-u", &login, "-d", "FriendlyName=t"], "https://voice.twilio.com/v1/ByocTrunks");
        assert!(
            trunk["url"].as_str().is_some_and(|url| url.starts_with("https://voice.twilio.com/v1/")),
            "{trunk}"
        );
    }
    let (proxy, entry) = (format!("http://{}", intercept.address), format!("::{}", intercept.address));
    let page = "voice.twilio.com/v1/ByocTrunks?PageSize=2";
    for (way, scheme) in
        [(["--proxy", &proxy], "https"), (["--connect-to", &entry], "https"), (["--proxy", &proxy], "http")]
    {
        let list =
            intercept.curl_by(&way, &["-u", &format!("{ACCOUNT}:{TOKEN}")], &format!("{scheme}://{page}"));
        let next = list["meta"]["next_page_url"].as_str().unwrap_or_default();
        assert!(next.starts_with("https://voice.twilio.com/v1/ByocTrunks?"), "{way:?} {scheme}: {list}");
        let domains = format!("{scheme}://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/SIP/Domains.json");
        let error = intercept.curl_by(&way, &[], &domains);
        assert_eq!(error["code"], 20003, "{way:?} {scheme}: {error}");
    }
    let reply = intercept.raw("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    assert!(reply.starts_with("HTTP/1.1 400 ") && reply.contains("this is a proxy"), "{reply}");
}

#[test]
fn a_name_that_is_not_hosted_gets_no_certificate() {
    if !have("curl") {
        return;
    }
    let intercept = Intercepting::start(&[]);
    for host in ["www.twilio.com", "accounts.twilio.com", "example.com"] {
        let output = tools::run("curl", LIMIT, |command| {
            command.args([
                "-sk",
                "--connect-to",
                &format!("::{}", intercept.address),
                &format!("https://{host}/"),
            ]);
        });
        assert_eq!(output.status.code(), Some(35), "curl's code for a failed handshake: {host}");
    }
}

#[test]
fn other_hosts_are_tunnelled_untouched_and_named_once() {
    let intercept = Intercepting::start(&[]);
    let (host, application) = (echo(), Application::start());
    for _ in 0..2 {
        let mut tunnel = intercept.connect(&host.to_string());
        // Nothing more: the hosted service's library for PHP looks for exactly this.
        assert_eq!(head(&mut tunnel), "HTTP/1.1 200 Connection established\r\n\r\n");
        tunnel.get_mut().write_all(b"\x16\x03 not really TLS\n").expect("it goes out");
        let mut line = Vec::new();
        tunnel.read_until(b'\n', &mut line).expect("it comes back");
        assert_eq!(line, b"\x16\x03 not really TLS\n");
    }
    let named = |log: &str| log.lines().filter(|line| line.contains("not intercepted")).count();
    wait_for("a line of the log", LIMIT, || (named(&intercept.ringway.log()) == 1).then_some(()));

    application.answer("/plain", Answer::twiml("<Hangup/>"));
    let url = application.url("/plain?a=b");
    let reply = intercept
        .raw(&format!("GET {url} HTTP/1.1\r\nProxy-Connection: x\r\nHost: x\r\nConnection: close\r\n\r\n"));
    assert!(reply.starts_with("HTTP/1.1 200 ") && reply.contains("<Hangup/>"), "{reply}");
    let request = application.wait("/plain", 1, LIMIT);
    assert_eq!((request.method.as_str(), request.param("a")), ("GET", "b"));
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    assert!(head(&mut intercept.connect(&gone.to_string())).starts_with("HTTP/1.1 502 "));
    assert!(head(&mut intercept.connect("api.twilio.com:5432")).starts_with("HTTP/1.1 403 "));
    assert_eq!(named(&intercept.ringway.log()), 1, "{}", intercept.ringway.log());
}

#[test]
fn other_hosts_are_refused_when_it_is_told_to() {
    let intercept = Intercepting::start(&["--intercept-only"]);
    let host = echo();
    for request in [
        format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
        format!("GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
    ] {
        let reply = intercept.raw(&request);
        assert!(reply.starts_with("HTTP/1.1 403 "), "{reply}");
        assert!(
            reply.contains("api.twilio.com and voice.twilio.com here and does not connect to 127.0.0.1"),
            "{reply}"
        );
    }
}

#[test]
fn tunnels_are_bounded_in_number_and_idleness() {
    let intercept = Intercepting::start(&["--intercept-tunnels-max=1", "--intercept-idle=300ms"]);
    let host = echo().to_string();
    let mut tunnel = intercept.connect(&host);
    assert!(head(&mut tunnel).starts_with("HTTP/1.1 200 "));
    assert!(head(&mut intercept.connect(&host)).starts_with("HTTP/1.1 503 "));
    assert_eq!(tunnel.read(&mut [0]).expect("it is closed in order"), 0);
    assert!(head(&mut intercept.connect(&host)).starts_with("HTTP/1.1 200 "));
}

#[test]
fn other_machines_are_not_intercepted_unsaid() {
    let scratch = Scratch::new("forced");
    let output = tools::run(binary(), LIMIT, |command| {
        command.args(["serve", "--http=127.0.0.1:0", "--sip=udp://127.0.0.1:0", "--intercept=0.0.0.0:0"]);
        command.arg("--data-dir").arg(scratch.path());
    });
    let told = text(&output.stderr);
    assert!(!output.status.success() && told.contains("--intercept-insecure"), "{told}");
}

#[test]
fn the_authority_cannot_vouch_for_other_hosts() {
    if !have("openssl") {
        return;
    }
    let intercept = Intercepting::start(&[]);
    let (trust, scratch) = (intercept.ringway.data_dir.join("trust"), Scratch::new("openssl"));
    let mode = std::fs::metadata(trust.join("ca-key.pem")).expect("the key").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "the key is for its owner");
    for (host, accepted) in [
        ("DNS:api.twilio.com", true),
        ("DNS:voice.twilio.com", true),
        ("DNS:www.twilio.com", false),
        ("DNS:accounts.twilio.com", false),
        ("DNS:example.com", false),
        ("IP:127.0.0.1", false),
        ("IP:::1", false),
    ] {
        let script = format!(
            "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -subj /CN=x \
             -out request.pem && printf 'subjectAltName={host}\\n' >extensions && \
             openssl x509 -req -in request.pem -CA {ca} -CAkey {key} -days 1 -extfile extensions -out leaf.pem && \
             openssl verify -x509_strict -purpose sslserver -CAfile {ca} leaf.pem",
            ca = trust.join("ca.pem").display(),
            key = trust.join("ca-key.pem").display(),
        );
        let output = tools::run("sh", LIMIT, |command| {
            command.current_dir(scratch.path()).args(["-c", &script]);
        });
        let told = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.success(), accepted, "{host}: {told}");
        assert!(accepted || told.contains("subtree violation"), "{host}: {told}");
    }
    let show = trust_command(&intercept.ringway, "show");
    assert!(show.contains("api.twilio.com, voice.twilio.com, and no others"), "{show}");
    assert!(trust_command(&intercept.ringway, "remove").contains("removed"));
    assert!(!trust.exists());
    assert!(trust_command(&intercept.ringway, "remove").contains("nothing to remove"));
}

/// A server that intercepts.
struct Intercepting {
    ringway: Ringway,
    address: SocketAddr,
    certificate: PathBuf,
}

impl Intercepting {
    fn start(arguments: &[&str]) -> Self {
        let setup = Setup::default().argument("--intercept=127.0.0.1:0");
        let ringway = arguments.iter().fold(setup, |setup, argument| setup.argument(argument)).start();
        let line = ringway.screen.iter().find(|line| line.trim().starts_with("intercepts"));
        let address = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
        let address = address.unwrap_or_else(|| panic!("no interception in {:#?}", ringway.screen));
        let certificate = ringway.data_dir.join("trust/ca.pem");
        Self { ringway, address, certificate }
    }

    fn curl(&self, arguments: &[&str], url: &str) -> Value {
        self.curl_by(&["--proxy", &format!("http://{}", self.address)], arguments, url)
    }

    fn curl_by(&self, way: &[&str], arguments: &[&str], url: &str) -> Value {
        let output = tools::run("curl", LIMIT, |command| {
            command.env_remove("NO_PROXY").env_remove("no_proxy");
            command.args(["-sS", "--cacert"]).arg(&self.certificate).args(way).args(arguments).arg(url);
        });
        let body = text(&output.stdout);
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}{}", text(&output.stderr)))
    }

    fn connect(&self, host: &str) -> BufReader<TcpStream> {
        self.open(&format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
    }

    fn open(&self, request: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(self.address).expect("the proxy takes it");
        stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
        stream.write_all(request.as_bytes()).expect("the request is sent");
        BufReader::new(stream)
    }

    fn raw(&self, request: &str) -> String {
        let mut reply = String::new();
        self.open(request).read_to_string(&mut reply).expect("an answer");
        reply
    }
}

fn head(stream: &mut impl BufRead) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let read = stream.read_line(&mut head).expect("a line");
        assert_ne!(read, 0, "the head ends early: {head:?}");
    }
    head
}

/// A host that sends back what it gets.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut back = stream.try_clone().expect("a second handle");
                // The other side may end it as it likes.
                let _ = std::io::copy(&mut stream, &mut back);
            });
        }
    });
    address
}

fn exec(ringway: &Ringway, words: &[&str]) -> Output {
    tools::run(binary(), LIMIT, |command| prepare(command, ringway, words))
}

fn prepare(command: &mut Command, ringway: &Ringway, words: &[&str]) {
    command.args(["exec", "--server", &format!("http://{}", ringway.http), "--data-dir"]);
    command.arg(&ringway.data_dir).arg("--").args(words);
}

fn trust_command(ringway: &Ringway, action: &str) -> String {
    let output = tools::run(binary(), LIMIT, |command| {
        command.args(["trust", action, "--data-dir"]).arg(&ringway.data_dir);
    });
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
