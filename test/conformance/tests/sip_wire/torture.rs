//! The messages of RFC 4475 and RFC 5118 as they are, sent to the running service over UDP and TCP.

use std::path::Path;

use ringway_testkit::Setup;
use ringway_testkit::ringway::sid;
use ringway_testkit::tools::shared;

use crate::peer::Peer;
use crate::world::World;

/// What comes of a message.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Outcome {
    /// This final answer.
    Status(u16),
    /// No answer, and what comes next is served.
    Silence,
    /// The stream is closed, for nobody knows where its next message begins.
    Closed,
    /// The stream waits for the rest of the message.
    Waiting,
}
use Outcome::{Closed, Silence, Status, Waiting};

/// A message, its section, and what comes of it over UDP and over TCP.
type Case = (&'static str, &'static str, Outcome, Outcome);

/// What comes of each message over UDP and over TCP. Where RFC 4475 leaves the choice, malformed messages are
/// refused. What is served gets the 404 of the application.
const CASES: &[Case] = &[
    ("valid/wsinv", "3.1.1.1: within no dialog of ours", Status(481), Status(481)),
    ("valid/intmeth", "3.1.1.2: a method that nobody knows", Status(405), Status(405)),
    ("valid/esc01", "3.1.1.3", Status(404), Status(404)),
    ("valid/escnull", "3.1.1.4: REGISTER", Status(403), Status(403)),
    ("valid/esc02", "3.1.1.5: escapes mean nothing in a method", Status(405), Status(405)),
    ("valid/lwsdisp", "3.1.1.6: OPTIONS", Status(200), Status(200)),
    ("valid/longreq", "3.1.1.7", Status(404), Status(404)),
    ("valid/dblreq", "3.1.1.8: REGISTER; in a stream, five bytes too many", Status(403), Status(403)),
    ("valid/semiuri", "3.1.1.9: OPTIONS", Status(200), Status(200)),
    ("valid/transports", "3.1.1.10: OPTIONS", Status(200), Status(200)),
    ("valid/mpart01", "3.1.1.11: MESSAGE", Status(405), Status(405)),
    ("valid/unreason", "3.1.1.12: a response to nothing", Silence, Silence),
    ("valid/noreason", "3.1.1.13: a response to nothing", Silence, Silence),
    ("invalid/badinv01", "3.1.2.1: no Via that could be answered", Silence, Silence),
    ("invalid/clerr", "3.1.2.2: a stream waits for the rest", Status(400), Waiting),
    ("invalid/ncl", "3.1.2.3: nobody knows where it ends", Status(400), Closed),
    ("invalid/scalar02", "3.1.2.4", Status(400), Status(400)),
    ("invalid/scalarlg", "3.1.2.5: a response", Silence, Silence),
    ("invalid/quotbal", "3.1.2.6", Status(400), Status(400)),
    ("invalid/ltgtruri", "3.1.2.7", Status(400), Status(400)),
    ("invalid/lwsruri", "3.1.2.8", Status(400), Status(400)),
    ("invalid/lwsstart", "3.1.2.9", Status(400), Status(400)),
    ("invalid/trws", "3.1.2.10", Status(400), Status(400)),
    ("invalid/escruri", "3.1.2.11", Status(400), Status(400)),
    ("invalid/baddate", "3.1.2.12", Status(400), Status(400)),
    ("invalid/regbadct", "3.1.2.13", Status(400), Status(400)),
    ("invalid/badaspec", "3.1.2.14", Status(400), Status(400)),
    ("invalid/baddn", "3.1.2.15: this file lacks its blank line", Status(400), Waiting),
    ("invalid/badvers", "3.1.2.16", Status(505), Status(505)),
    ("invalid/mismatch01", "3.1.2.17", Status(400), Status(400)),
    ("invalid/mismatch02", "3.1.2.18", Status(400), Status(400)),
    ("invalid/bigcode", "3.1.2.19: a response", Silence, Silence),
    ("semantic/badbranch", "3.2.1: OPTIONS", Status(200), Status(200)),
    ("semantic/insuf", "3.3.1", Status(400), Status(400)),
    ("semantic/unkscm", "3.3.2: OPTIONS", Status(416), Status(416)),
    ("semantic/novelsc", "3.3.3: OPTIONS", Status(416), Status(416)),
    ("semantic/unksm2", "3.3.4: REGISTER", Status(403), Status(403)),
    ("semantic/bext01", "3.3.5", Status(420), Status(420)),
    ("semantic/invut", "3.3.6", Status(415), Status(415)),
    ("semantic/regaut01", "3.3.7: REGISTER", Status(403), Status(403)),
    ("semantic/multi01", "3.3.8", Status(400), Status(400)),
    ("semantic/mcl01", "3.3.9: nobody knows where it ends", Status(400), Closed),
    ("semantic/bcast", "3.3.10: a response to nothing", Silence, Silence),
    ("semantic/zeromf", "3.3.11: OPTIONS", Status(200), Status(200)),
    ("semantic/cparam01", "3.3.12: REGISTER", Status(403), Status(403)),
    ("semantic/cparam02", "3.3.13: REGISTER", Status(403), Status(403)),
    ("semantic/regescrt", "3.3.14: REGISTER", Status(403), Status(403)),
    ("semantic/sdp01", "3.3.15", Status(404), Status(404)),
    ("semantic/inv2543", "3.4.1: a Contact is demanded", Status(400), Closed),
];

/// Where we go another way than RFC 4475 would like, what that would be, and why. An entry that has become untrue
/// fails: it is to be taken out then.
const DEVIATIONS: &[(&str, Outcome, &str)] = &[
    ("invalid/badinv01", Status(400), "its Via cannot be read, so nobody knows where an answer belongs"),
    ("semantic/inv2543", Status(404), "without a Contact the call could not be ended from here"),
];

/// The messages of RFC 5118, by section; their outcomes are the same over both transports.
const IPV6_CASES: &[(&str, &str, Outcome)] = &[
    ("ipv6-good", "4.1: REGISTER with an address", Status(403)),
    ("ipv6-bad", "4.2", Status(400)),
    ("port-ambiguous", "4.3: REGISTER with an address", Status(403)),
    ("port-unambiguous", "4.4: REGISTER with an address", Status(403)),
    ("via-received-param-with-delim", "4.5: BYE within no dialog of ours", Status(481)),
    ("via-received-param-no-delim", "4.5: OPTIONS", Status(200)),
    ("ipv6-in-sdp", "4.6: an address in place of a domain", Status(403)),
    ("mult-ip-in-header", "4.7: BYE within no dialog of ours", Status(481)),
    ("mult-ip-in-sdp", "4.8: an address in place of a domain", Status(403)),
    ("ipv4-mapped-ipv6", "4.9: no codec of ours", Status(488)),
    ("ipv6-bug-abnf-3-colons", "4.10: listed by the parser's tests as a deviation", Status(400)),
    ("ipv6-correct-abnf-2-colons", "4.10: OPTIONS", Status(200)),
];

/// The hosts of the messages, as domains that take calls from here.
fn world() -> World {
    let world = World::with(Setup::default().argument("--domain-suffix=sip.twilio.com,com,net"));
    let voice = world.application.url("/voice");
    world.says("<Reject/>");
    for name in ["example.com", "example.net"] {
        let list = world.ringway.create("/SIP/IpAccessControlLists.json", &[("FriendlyName", name)]);
        let entry = [("FriendlyName", "here"), ("IpAddress", "127.0.0.1")];
        world.ringway.create(&format!("/SIP/IpAccessControlLists/{}/IpAddresses.json", sid(&list)), &entry);
        let domain = world.ringway.create("/SIP/Domains.json", &[("DomainName", name), ("VoiceUrl", &voice)]);
        let mappings = format!("/SIP/Domains/{}/IpAccessControlListMappings.json", sid(&domain));
        world.ringway.create(&mappings, &[("IpAccessControlListSid", sid(&list))]);
    }
    world
}

#[test]
fn every_message_of_rfc_4475_is_survived_and_answered_as_it_should_be_over_udp() {
    sweep(World::udp, |(name, section, outcome, _)| (name, section, *outcome));
}

#[test]
fn every_message_of_rfc_4475_is_survived_and_answered_as_it_should_be_over_tcp() {
    sweep(World::tcp, |(name, section, _, outcome)| (name, section, *outcome));
}

#[test]
fn every_message_of_rfc_5118_is_survived_and_answered_as_it_should_be() {
    for connect in [World::udp, World::tcp] {
        let world = world();
        for (name, section, outcome) in IPV6_CASES {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../core/sip/tests/rfc5118");
            let text = std::fs::read_to_string(folder.join(format!("{name}.sip"))).expect("it is kept there");
            let bytes = text.replace('\n', "\r\n").into_bytes();
            check(&format!("{name} (RFC 5118 {section})"), &connect(&world), &bytes, *outcome);
        }
    }
}

#[test]
fn every_deviation_from_rfc_4475_is_still_one() {
    for (name, wanted, reason) in DEVIATIONS {
        let case = CASES
            .iter()
            .find(|(known, ..)| known == name)
            .unwrap_or_else(|| panic!("{name}: no such message"));
        assert_ne!(case.2, *wanted, "{name} is as the RFC wants it, and no deviation: {reason}");
    }
}

/// Each transport meets a service of its own: a copy by another way would be answered where the first came from.
fn sweep(connect: fn(&World) -> Peer, choose: fn(&Case) -> (&str, &str, Outcome)) {
    let Some(root) = shared("torture") else { return };
    let world = world();
    for case in CASES {
        let (name, section, outcome) = choose(case);
        check(&format!("{name} (RFC 4475 {section})"), &connect(&world), &read(&root, name), outcome);
        // Whoever else is there is served.
        connect(&world).everything();
    }
    assert!(world.calls().iter().all(|call| call["status"] != "in-progress"), "{:#?}", world.calls());
}

fn check(what: &str, peer: &Peer, bytes: &[u8], expected: Outcome) {
    peer.send_bytes(bytes);
    let outcome = match expected {
        Status(_) => Status(peer.take(what, |message| message.status() >= 200).status()),
        Silence => match peer.everything().first() {
            Some(answer) => Status(answer.status()),
            None => Silence,
        },
        Closed if peer.closed() => Closed,
        Closed | Waiting => Waiting,
    };
    assert_eq!(outcome, expected, "{what}");
}

#[test]
fn every_message_is_in_the_table() {
    let Some(root) = shared("torture") else { return };
    for folder in ["valid", "invalid", "semantic"] {
        for entry in root.join(folder).read_dir().expect("a folder") {
            let file = entry.expect("a file").file_name().into_string().expect("a name");
            let name = format!("{folder}/{}", file.trim_end_matches(".dat"));
            assert!(CASES.iter().any(|(known, ..)| *known == name), "{name} has no expectation");
        }
    }
}

fn read(root: &Path, name: &str) -> Vec<u8> {
    let path = root.join(format!("{name}.dat"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
