//! SIP over TLS and WebSockets, with OpenSSL and a common WebSocket library on the other side; names, with dnsmasq.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use ringway_testkit::application::Answer;
use ringway_testkit::tools::{self, Scratch};
use ringway_testkit::{Application, Ringway, Setup, ringway, wait_for};

const LIMIT: Duration = Duration::from_secs(30);
const USER: &str = "alice";
const PASSWORD: &str = "Wonderland2026";
const DOMAIN: &str = "browser.sip.twilio.com";

const OPTIONS: &str = "OPTIONS sip:browser.sip.twilio.com SIP/2.0\r\n\
    Via: SIP/2.0/TLS client.invalid;branch=z9hG4bK1;rport\r\nFrom: <sip:a@client.invalid>;tag=1\r\n\
    To: <sip:browser.sip.twilio.com>\r\nCall-ID: 1@client\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n\
    Content-Length: 0\r\n\r\n";

/// What OpenSSL hears and says of the connection. The service ends it after its answer, because of what is said
/// after the request.
fn ask(server: SocketAddr, options: &[&str]) -> String {
    let scratch = Scratch::new("openssl");
    let said = scratch.path().join("said");
    std::fs::write(&said, format!("{OPTIONS}\0")).expect("written");
    let output = tools::run("openssl", LIMIT, |command| {
        command.args(["s_client", "-connect", &server.to_string(), "-ign_eof"]).args(options);
        command.stdin(File::open(&said).expect("a file"));
    });
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A certificate of its own, made by OpenSSL, for `localhost`.
fn make_certificate(directory: &Path, days: u32) {
    let output = tools::run("openssl", LIMIT, |command| {
        command.current_dir(directory).args(["req", "-x509", "-newkey", "rsa:2048", "-nodes"]);
        command.args(["-keyout", "key.pem", "-out", "cert.pem", "-days", &days.to_string()]);
        command.args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]);
    });
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn openssl_verifies_the_development_certificate_and_speaks_both_versions() {
    if !tools::have("openssl") {
        return;
    }
    let ringway =
        Setup::default().argument("--sip=tls://127.0.0.1:0").argument("--sip=tls://[::1]:0").start();
    let authority = ringway.data_dir.join("development-sip-certificate.pem");
    let authority = authority.to_str().expect("a path");
    for server in [ringway.listener("tls://127"), ringway.listener("tls://[")] {
        for (version, spoken) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
            let heard = ask(server, &[version, "-CAfile", authority, "-verify_return_error"]);
            assert!(heard.contains(spoken), "{heard}");
            assert!(
                heard.contains("Verify return code: 0 (ok)") || heard.contains("Verification: OK"),
                "{heard}"
            );
            assert!(heard.contains("SIP/2.0 200 OK\r\nVia: SIP/2.0/TLS client.invalid"), "{heard}");
        }
    }
    let refused = tools::run("openssl", LIMIT, |command| {
        let server = ringway.listener("tls://127").to_string();
        command.args(["s_client", "-connect", &server, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]);
    });
    assert!(!refused.status.success(), "TLS 1.1 is not spoken");
}

#[test]
fn a_renewed_certificate_is_taken_without_a_restart() {
    if !tools::have("openssl") {
        return;
    }
    let scratch = Scratch::new("certificate");
    make_certificate(scratch.path(), 10);
    let file = |name: &str| scratch.path().join(name).display().to_string();
    let ringway = Setup::default()
        .argument("--sip=tls://127.0.0.1:0")
        .argument(&format!("--sip-cert={}", file("cert.pem")))
        .argument(&format!("--sip-key={}", file("key.pem")))
        .start();
    let server = ringway.listener("tls://");
    let verified = || {
        let heard = ask(
            server,
            &["-CAfile", &file("cert.pem"), "-verify_return_error", "-verify_hostname", "localhost"],
        );
        heard.contains("SIP/2.0 200 OK")
    };
    assert!(verified());
    make_certificate(scratch.path(), 20);
    wait_for("the renewed certificate", LIMIT, || ringway.log().contains("was renewed").then_some(()));
    assert!(verified());
}

/// A service with a domain that a phone on a WebSocket calls.
fn serve(listener: &str) -> (Ringway, Application) {
    let ringway = Setup::default().argument(listener).argument("--overload-age=20s").start();
    let application = Application::start();
    application.answer("/voice", Answer::twiml("<Pause length=\"1\"/><Hangup/>"));
    ringway.domain_with_user("browser", &[("VoiceUrl", &application.url("/voice"))], USER, PASSWORD);
    (ringway, application)
}

fn calls_from_a_web_socket(scheme: &str) {
    let Some(python) = tools::client_tools().map(|tools| tools.join("python/bin/python")) else { return };
    let (ringway, application) = serve(&format!("--sip={scheme}://127.0.0.1:0"));
    let server = ringway.listener(scheme);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/websocket.py");
    let output = tools::run(python, Duration::from_secs(60), |command| {
        command.arg(script).arg(format!("{scheme}://{server}/"));
        command.arg(ringway.data_dir.join("development-sip-certificate.pem"));
    });
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.ends_with("done\n"), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    let asked = application.wait("/voice", 1, LIMIT);
    assert_eq!((asked.param("SipUsername"), asked.param("SipSourceIp")), (USER, "127.0.0.1"));
}

#[test]
fn a_phone_on_a_web_socket_calls_with_a_password() {
    calls_from_a_web_socket("ws");
}

#[test]
fn a_phone_on_a_web_socket_over_tls_calls_with_a_password() {
    calls_from_a_web_socket("wss");
}

/// `ringway call` with this, to its end; whether it was answered, and what it printed.
fn call(arguments: &[&str]) -> (bool, String) {
    let output = tools::run(ringway::binary(), Duration::from_secs(60), |command| {
        command.arg("call").arg(format!("sip:100@{DOMAIN}")).args(["--user", USER]).args(arguments);
        command.env("RINGWAY_CALL_PASSWORD", PASSWORD);
    });
    let printed = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&printed).into_owned())
}

#[test]
fn a_call_over_tls_is_made_to_who_proves_the_name_and_to_nobody_else() {
    let (ringway, application) = serve("--sip=tls://127.0.0.1:0");
    let server = ringway.listener("tls://").to_string();
    let authority = ringway.data_dir.join("development-sip-certificate.pem");
    let (answered, printed) = call(&["--tls", "--via", &server, "--ca", authority.to_str().expect("a path")]);
    assert!(answered && printed.contains("ended by the other side"), "{printed}");
    assert_eq!(application.wait("/voice", 1, LIMIT).param("SipUsername"), USER);
    let (answered, printed) = call(&["--tls", "--via", &server]);
    assert!(!answered && printed.contains("503 the network refused"), "{printed}");
}

/// A port that nobody has, for UDP and TCP.
fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let port = socket.local_addr().expect("an address").port();
    if TcpListener::bind(("127.0.0.1", port)).is_ok() { port } else { free_port() }
}

#[test]
fn a_call_finds_its_servers_by_srv_and_passes_over_one_that_is_gone() {
    if !tools::have("dnsmasq") {
        return;
    }
    let (ringway, application) = serve("--sip=udp://127.0.0.1:0");
    let (dns, gone, here) = (free_port(), free_port(), ringway.udp.port());
    let _server = tools::start("dnsmasq", |command| {
        command.args([
            "--no-daemon",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--bind-interfaces",
        ]);
        command.args(["--listen-address=127.0.0.1", "--port", &dns.to_string(), "--local=/twilio.com/"]);
        command.arg("--host-record=a.sip.twilio.com,127.0.0.1");
        command.arg(format!("--srv-host=_sip._udp.{DOMAIN},a.sip.twilio.com,{here},20,10"));
        command.arg(format!("--srv-host=_sip._udp.{DOMAIN},a.sip.twilio.com,{gone},10,10"));
    });
    let dns = format!("127.0.0.1:{dns}");
    let (answered, printed) = wait_for("the name server", LIMIT, || {
        Some(call(&["--dns", &dns])).filter(|(_, printed)| !printed.contains("DNS:"))
    });
    assert!(answered, "{printed}");
    assert_eq!(printed.matches("->  INVITE").count(), 3, "gone, challenged, let in: {printed}");
    assert_eq!(application.wait("/voice", 1, LIMIT).param("To"), format!("sip:100@{DOMAIN}"));
}

#[test]
fn a_call_to_a_closed_port_ends_at_once() {
    let closed = format!("127.0.0.1:{}", free_port());
    let asked = Instant::now();
    let (answered, printed) = call(&["--via", &closed]);
    assert!(!answered && printed.contains("503 the network refused"), "{printed}");
    assert!(asked.elapsed() < Duration::from_secs(10), "and not after 32 s: {printed}");
}
