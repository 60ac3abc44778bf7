//! Registration on the wire: what is answered, what is kept, what is refused, and what outlives the process.

use ringway_testkit::ringway::sid;
use ringway_testkit::tools::Scratch;
use ringway_testkit::{Setup, wait_for};
use serde_json::Value;

use crate::admission::{PASSWORD, credentials_of};
use crate::message::{Message, Request, unique};
use crate::peer::{LIMIT, Peer};
use crate::world::World;

const DOMAIN: &str = "sip:phones.sip.twilio.com";

/// A service where alice and bob may register.
struct Phones {
    world: World,
    domain: Value,
}

impl Phones {
    fn start() -> Self {
        Self::with(Setup::default())
    }

    fn with(setup: Setup) -> Self {
        let world = World::with(setup);
        let users = [("alice", PASSWORD), ("bob", PASSWORD)];
        let domain = world.ringway.domain_with_phones("phones", &[], &users);
        Self { world, domain }
    }

    fn list(&self) -> Vec<Value> {
        registrations(&self.world, &self.domain)
    }
}

fn registrations(world: &World, domain: &Value) -> Vec<Value> {
    let page = world.ringway.fetch(&format!("/SIP/Domains/{}/Registrations.json", sid(domain)));
    page["registrations"].as_array().expect("a list").clone()
}

/// A phone that registers: one Call-ID, rising numbers.
struct Phone<'a> {
    peer: &'a Peer,
    user: &'static str,
    next: Request,
}

impl<'a> Phone<'a> {
    fn new(peer: &'a Peer, user: &'static str) -> Self {
        let aor = format!("<sip:{user}@phones.sip.twilio.com>");
        let next = Request::new("REGISTER", DOMAIN, peer)
            .set("To", &aor)
            .set("From", &format!("{aor};tag={}", unique()))
            .without("Contact");
        Self { peer, user, next }
    }

    /// Answers the challenge; the request that was answered last, and its answer.
    fn ask(&mut self, headers: &[(&str, &str)]) -> (Request, Message) {
        let with = |request: Request| {
            headers.iter().fold(request, |request, (name, value)| request.header(name, value))
        };
        let challenge = self.peer.ask(&with(self.next.clone()));
        assert_eq!(challenge.status(), 407, "{challenge:?}");
        let credentials = credentials_of((self.user, PASSWORD), &challenge, "REGISTER", DOMAIN, 1);
        let bare = self.next.clone().again(self.peer);
        let request = with(bare.clone()).header("Proxy-Authorization", &credentials);
        let answer = self.peer.ask(&request);
        self.next = bare.again(self.peer);
        (request, answer)
    }

    fn register(&mut self, headers: &[(&str, &str)]) -> Message {
        self.ask(headers).1
    }
}

fn contacts(answer: &Message) -> Vec<&str> {
    assert_eq!(answer.status(), 200, "{answer:?}");
    answer.all("Contact")
}

#[test]
fn all_bindings_are_listed_as_sent_with_the_time_they_have() {
    let phones = Phones::start();
    let peer = phones.world.udp();
    let mut alice = Phone::new(&peer, "alice");
    let home = "<sip:alice@192.168.7.9:5062;transport=udp>";
    let answer = alice.register(&[("Contact", home), ("User-Agent", "Wire/1")]);
    assert_eq!(contacts(&answer), [format!("{home};expires=3600")]);
    let both = alice.register(&[("Contact", "<sip:alice@10.1.1.1>;q=0.3;expires=700")]);
    assert_eq!(contacts(&both).len(), 2);
    assert!(contacts(&both).contains(&"<sip:alice@10.1.1.1>;q=0.3;expires=700"), "{both:?}");

    let rows = phones.list();
    let row = rows.iter().find(|row| row["user_agent"] == "Wire/1").expect("the first");
    assert_eq!(row["contact"], "sip:alice@192.168.7.9:5062;transport=udp");
    assert_eq!((&row["user"], &row["transport"]), (&"alice".into(), &"UDP".into()));
    let source = (row["source_ip"].as_str(), row["source_port"].as_u64());
    assert_eq!(source, (Some("127.0.0.1"), Some(peer.local.port().into())));

    assert_eq!(contacts(&alice.register(&[("Contact", home), ("Expires", "0")])).len(), 1);
    assert!(contacts(&alice.register(&[("Contact", "*"), ("Expires", "0")])).is_empty());
    assert!(phones.list().is_empty());
    assert_eq!(alice.register(&[("Contact", "*")]).status(), 400);
}

#[test]
fn a_short_time_is_too_brief_and_a_long_one_is_cut() {
    let phones = Phones::start();
    let peer = phones.world.udp();
    let mut alice = Phone::new(&peer, "alice");
    let contact = peer.contact();
    let brief = alice.register(&[("Contact", &contact), ("Expires", "599")]);
    assert_eq!(
        (brief.start.as_str(), brief.header("Min-Expires")),
        ("SIP/2.0 423 Interval Too Brief", "600")
    );
    let cut = alice.register(&[("Contact", &contact), ("Expires", "86400")]);
    assert_eq!(contacts(&cut), [format!("{contact};expires=3600")]);
    drop(phones);

    let setup = ["--register-expires-min=10", "--register-expires-max=30", "--register-expires-default=20s"];
    let phones = Phones::with(setup.into_iter().fold(Setup::default(), Setup::argument));
    let peer = phones.world.udp();
    let mut alice = Phone::new(&peer, "alice");
    let contact = peer.contact();
    for (expires, given) in [("10", 10), ("31", 30)] {
        let answer = alice.register(&[("Contact", &contact), ("Expires", expires)]);
        assert_eq!(contacts(&answer), [format!("{contact};expires={given}")]);
    }
    assert_eq!(contacts(&alice.register(&[("Contact", &contact)])), [format!("{contact};expires=20")]);
}

#[test]
fn nobody_registers_somebody_else() {
    let phones = Phones::start();
    let peer = phones.world.udp();
    let mut mallory = Phone::new(&peer, "alice");
    mallory.user = "bob";
    let answer = mallory.register(&[("Contact", &peer.contact())]);
    assert_eq!(answer.status(), 403);
    assert!(phones.world.notified(32106).contains("not the user of the To header"));

    let mut alice = Phone::new(&peer, "alice");
    let challenge = peer.ask(&alice.next);
    let wrong = credentials_of(("alice", "Wrong-Horse-7777"), &challenge, "REGISTER", DOMAIN, 1);
    let wrong = alice.next.clone().again(&peer).header("Proxy-Authorization", &wrong);
    assert_eq!(peer.ask(&wrong).status(), 403);
    assert!(phones.world.notified(32212).contains("Bad user credentials"));
    assert!(phones.list().is_empty());
    alice.next = wrong.without("Proxy-Authorization").again(&peer);
    assert_eq!(contacts(&alice.register(&[("Contact", &peer.contact())])).len(), 1);
}

#[test]
fn a_lost_answer_comes_again_byte_for_byte() {
    let phones = Phones::with(Setup::default().argument("--register-rate-per-aor=1"));
    let peer = phones.world.udp();
    let mut alice = Phone::new(&peer, "alice");
    let (request, answer) = alice.ask(&[("Contact", &peer.contact())]);
    for _ in 0..5 {
        let again = peer.ask(&request);
        assert_eq!(String::from_utf8_lossy(&again.bytes), String::from_utf8_lossy(&answer.bytes));
    }
}

#[test]
fn the_limits_of_a_user_are_the_operators() {
    let setup = Setup::default().argument("--registrations-per-aor=2");
    let phones = Phones::with(setup.variable("RINGWAY_REGISTER_RATE_PER_AOR", "3"));
    let peer = phones.world.udp();
    let mut alice = Phone::new(&peer, "alice");
    let three = "<sip:alice@10.1.1.1>, <sip:alice@10.1.1.2>, <sip:alice@10.1.1.3>";
    assert_eq!(alice.register(&[("Contact", three)]).status(), 403);
    assert!(phones.list().is_empty(), "all or nothing");
    assert!(phones.world.notified(32007).contains("Too many registrations"));

    // Faster than three in a second, however busy the machine: they are all sent before the first answer is read.
    let challenge = peer.ask(&alice.next);
    let mut sent = Vec::new();
    let mut request = alice.next.clone();
    for count in 1..=12 {
        let credentials = credentials_of(("alice", PASSWORD), &challenge, "REGISTER", DOMAIN, count);
        request = request.again(&peer);
        sent.push(request.clone().header("Proxy-Authorization", &credentials));
    }
    sent.iter().for_each(|request| peer.send(request));
    let answers: Vec<Message> = sent.iter().map(|request| peer.answer_to(request)).collect();
    let refused: Vec<&Message> = answers.iter().filter(|answer| answer.status() == 503).collect();
    assert!(refused.len() >= 6 && answers[0].status() == 200, "{answers:?}");
    assert!(refused.iter().all(|answer| answer.header("Retry-After") == "1"), "{refused:?}");
    assert!(phones.world.notified(32008).contains("more than 3 a second"));
    // Nobody else is kept waiting.
    assert_eq!(Phone::new(&peer, "bob").register(&[("Contact", &peer.contact())]).status(), 200);
}

#[test]
fn a_path_is_kept_for_phones_that_know_of_it() {
    let phones = Phones::start();
    let peer = phones.world.udp();
    let mut alice = Phone::new(&peer, "alice");
    let contact = peer.contact();
    let path = ("Path", "<sip:edge.example.com;lr>");
    let refused = alice.register(&[("Contact", &contact), path]);
    assert_eq!((refused.status(), refused.header("Unsupported")), (420, "path"));
    let taken = alice.register(&[("Contact", &contact), path, ("Supported", "path"), ("Require", "path")]);
    assert_eq!((taken.status(), taken.header("Path")), (200, path.1));
    assert_eq!(phones.list()[0]["path"][0], path.1);
}

#[test]
fn a_registration_over_a_stream_ends_with_it() {
    let phones = Phones::start();
    let peer = phones.world.tcp();
    assert_eq!(Phone::new(&peer, "alice").register(&[("Contact", &peer.contact())]).status(), 200);
    assert_eq!(phones.list()[0]["transport"], "TCP");
    drop(peer);
    wait_for("the end of the registration", LIMIT, || phones.list().is_empty().then_some(()));
}

#[test]
fn a_registration_can_be_removed_and_made_again() {
    let phones = Phones::start();
    let peer = phones.world.udp();
    let mut alice = Phone::new(&peer, "alice");
    alice.register(&[("Contact", &peer.contact())]);
    let row = phones.list().remove(0);
    let path = format!("/SIP/Domains/{}/Registrations/{}.json", sid(&phones.domain), sid(&row));
    assert_eq!(phones.world.ringway.fetch(&path)["user"], "alice");
    assert_eq!(phones.world.ringway.api("DELETE", &path, &[]).status, 204);
    assert_eq!(phones.world.ringway.api("DELETE", &path, &[]).status, 404);
    assert!(contacts(&alice.register(&[])).is_empty());
    assert_eq!(contacts(&alice.register(&[("Contact", &peer.contact())])).len(), 1);
}

#[test]
fn registrations_outlive_a_kill() {
    let data = Scratch::new("registrations");
    let mut phones = Phones::with(Setup::default().data_dir(data.path()));
    let peer = phones.world.udp();
    let contact = peer.contact();
    Phone::new(&peer, "alice").register(&[("Contact", &contact), ("User-Agent", "Survivor")]);
    let over_tcp = phones.world.tcp();
    Phone::new(&over_tcp, "bob").register(&[("Contact", &over_tcp.contact())]);
    let before = phones.list();
    assert_eq!(before.len(), 2);
    // A second is what may be lost.
    std::thread::sleep(std::time::Duration::from_millis(1200));
    phones.world.ringway.kill();

    let ringway = Setup::default().data_dir(data.path()).start();
    let page = ringway.fetch(&format!("/SIP/Domains/{}/Registrations.json", sid(&phones.domain)));
    let after = page["registrations"].as_array().expect("a list");
    assert_eq!(after.len(), 1, "a connection outlives no process: {page}");
    let alice = before.iter().find(|row| row["user"] == "alice").expect("alice");
    for field in ["sid", "user", "contact", "source_ip", "source_port", "user_agent", "date_created"] {
        assert_eq!(after[0][field], alice[field], "{field}");
    }
}
