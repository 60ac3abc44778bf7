//! Phones that nobody here wrote register, and stay registered.

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use ringway_testkit::baresip::{Account, Baresip};
use ringway_testkit::ringway::sid;
use ringway_testkit::sound::Sound;
use ringway_testkit::tools::{Scratch, have, run, start};
use ringway_testkit::{Ringway, Setup, wait_for};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(60);
const PASSWORD: &str = "Wonderland2026";
const DOMAIN: &str = "phones.sip.twilio.com";

/// A service where alice may register, for as short a time as two seconds.
struct World {
    ringway: Ringway,
    domain: Value,
}

impl World {
    fn start() -> Self {
        let ringway = Setup::default().argument("--register-expires-min=2s").start();
        let domain = ringway.domain_with_phones("phones", &[], &[("alice", PASSWORD)]);
        Self { ringway, domain }
    }

    fn server(&self, transport: &str) -> SocketAddr {
        if transport == "tcp" { self.ringway.tcp } else { self.ringway.udp }
    }

    fn registrations(&self) -> Vec<Value> {
        let page = self.ringway.fetch(&format!("/SIP/Domains/{}/Registrations.json", sid(&self.domain)));
        page["registrations"].as_array().expect("a list").clone()
    }

    /// Waits until alice is registered over this transport, and then until she has come again twice.
    fn stays(&self, transport: &str, program: &str) {
        let first = wait_for("a registration", LIMIT, || self.registrations().into_iter().next());
        assert_eq!(
            (&first["user"], &first["transport"]),
            (&"alice".into(), &transport.to_uppercase().into())
        );
        let agent = first["user_agent"].as_str().expect("a User-Agent").to_lowercase();
        assert!(agent.contains(program), "{agent}");
        let mut seen = vec![first["date_updated"].clone()];
        wait_for("two refreshes", LIMIT, || {
            let rows = self.registrations();
            assert_eq!(rows.len(), 1, "one phone is one registration all the time: {rows:?}");
            assert_eq!(rows[0]["sid"], first["sid"], "it is the same one");
            if !seen.contains(&rows[0]["date_updated"]) {
                seen.push(rows[0]["date_updated"].clone());
            }
            (seen.len() == 3).then_some(())
        });
    }
}

fn sipp_registers(transport: &'static str) {
    if !have("sipp") {
        return;
    }
    let world = World::start();
    let scratch = Scratch::new("sipp-register");
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp/register.xml");
    let port = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port();
    let output = run("sipp", LIMIT, |command| {
        command.current_dir(scratch.path()).arg(world.server(transport).to_string());
        command.arg("-sf").arg(scenario).args(["-t", if transport == "tcp" { "t1" } else { "u1" }]);
        command.args(["-i", "127.0.0.1", "-p", &port.to_string(), "-m", "1", "-key", "domain", DOMAIN]);
        command.args(["-au", "alice", "-ap", PASSWORD, "-auth_uri", DOMAIN]);
        command.args(["-nostdin", "-recv_timeout", "20000", "-trace_err", "-error_file", "errors"]);
    });
    let errors = std::fs::read_to_string(scratch.path().join("errors")).unwrap_or_default();
    assert!(output.status.success(), "{:?}\n{errors}", output.status);
    assert!(world.registrations().is_empty(), "it left");
}

#[test]
fn sipp_registers_and_leaves_over_udp() {
    sipp_registers("udp");
}

#[test]
fn sipp_registers_and_leaves_over_tcp() {
    sipp_registers("tcp");
}

fn baresip_stays(transport: &str) {
    if !have("baresip") {
        return;
    }
    let world = World::start();
    let server = world.server(transport);
    let account = Account {
        user: "alice",
        password: PASSWORD,
        domain: DOMAIN,
        server,
        transport,
        codec: "PCMU",
        register_for_s: 4,
        authority: None,
    };
    let _phone = Baresip::start(&account, &Sound::tone(1000.0, 1.0, 8000));
    world.stays(transport, "baresip");
}

#[test]
fn baresip_stays_registered_over_udp() {
    baresip_stays("udp");
}

#[test]
fn baresip_stays_registered_over_tcp() {
    baresip_stays("tcp");
}

fn linphone_stays(transport: &str) {
    if !have("linphone-daemon") {
        return;
    }
    let world = World::start();
    let scratch = Scratch::new("linphone");
    let server = world.server(transport);
    let config = format!(
        "[sip]\nsip_port=-1\nsip_tcp_port=-1\ndefault_proxy=0\nguess_hostname=0\n\
         [sound]\nplayback_dev_id=\nringer_dev_id=\ncapture_dev_id=\n\
         [auth_info_0]\nusername=alice\nuserid=alice\npasswd={PASSWORD}\nrealm=\"sip.twilio.com\"\n\
         [proxy_0]\nreg_proxy=<sip:{server};transport={transport}>\nreg_route=<sip:{server};transport={transport}>\n\
         reg_identity=sip:alice@{DOMAIN}\nreg_expires=4\nreg_sendregister=1\npublish=0\n"
    );
    // It makes neither of them itself.
    for directory in [".local/share/linphone", ".config/linphone"] {
        std::fs::create_dir_all(scratch.path().join(directory)).expect("its directories");
    }
    let file = scratch.path().join("linphonerc");
    std::fs::write(&file, config).expect("its configuration");
    let _phone = start("linphone-daemon", |command| {
        command.env("HOME", scratch.path()).arg("--config").arg(&file);
        // The name of a socket in /tmp.
        command.arg("--pipe").arg(format!("ringway-linphone-{}-{transport}", std::process::id()));
    });
    // It says nothing better of itself.
    world.stays(transport, "unknown");
}

#[test]
fn linphone_stays_registered_over_udp() {
    linphone_stays("udp");
}

#[test]
fn linphone_stays_registered_over_tcp() {
    linphone_stays("tcp");
}
