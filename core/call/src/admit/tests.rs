//! Tables of who gets in and what the others are told.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use ringway_model::sid::{ByocTrunkSid, CredentialListSid};
use ringway_model::{Moment, Secret, UnixTime};
use ringway_sip::digest::{Algorithm, Challenge, Credentials, DigestHashes, Hash, Offered};
use ringway_sip::message::Limits;

use super::*;
use crate::directory::{ByocTrunk, VoiceUrls};

const REALM: &str = "sip.twilio.com";
const LIST: CredentialListSidSeed = CredentialListSidSeed(7);
const OTHER_LIST: CredentialListSidSeed = CredentialListSidSeed(8);

struct CredentialListSidSeed(u8);

impl CredentialListSidSeed {
    fn sid(&self) -> CredentialListSid {
        CredentialListSid::from_random([self.0; 16])
    }
}

#[derive(Default)]
struct Fake {
    domains: HashMap<String, Arc<DomainGate>>,
    users: HashMap<String, Arc<[(CredentialListSid, DigestHashes)]>>,
    sources: HashMap<IpAddr, Arc<DomainGate>>,
}

impl Directory for Fake {
    fn domain(&self, host: &str) -> Option<Arc<DomainGate>> {
        self.domains.get(host).cloned()
    }

    fn domain_of_source(&self, source: IpAddr) -> Option<Arc<DomainGate>> {
        self.sources.get(&source).cloned()
    }

    fn credentials(&self, _: &AccountSid, user: &str) -> Option<Arc<[(CredentialListSid, DigestHashes)]>> {
        self.users.get(user).cloned()
    }
}

struct Door {
    admission: Admission,
    directory: Fake,
    gate: DomainGate,
    source: Source,
    now: Now,
}

fn gate() -> DomainGate {
    DomainGate {
        sid: DomainSid::from_random([1; 16]),
        account_sid: AccountSid::from_random([2; 16]),
        account_active: true,
        name: "demo.sip.twilio.com".to_owned(),
        secure: false,
        sip_registration: false,
        emergency_calling: false,
        byoc_trunk: None,
        acl: None,
        call_lists: Vec::new(),
        registration_lists: Vec::new(),
        voice: VoiceUrls::default(),
    }
}

/// A domain that this address may call, and no password.
fn open_gate() -> DomainGate {
    DomainGate { acl: Some(vec!["198.51.100.0/24".parse().unwrap()]), ..gate() }
}

/// A domain that asks for a password.
fn locked_gate() -> DomainGate {
    DomainGate { call_lists: vec![LIST.sid()], ..gate() }
}

/// A domain that phones may register with, from anywhere, with a password for that and not for calls.
fn registering_gate() -> DomainGate {
    DomainGate {
        sip_registration: true,
        registration_lists: vec![LIST.sid()],
        acl: Some(Vec::new()),
        ..gate()
    }
}

impl Door {
    fn new(gate: DomainGate) -> Self {
        Self::with_default_domain(gate, None)
    }

    fn with_default_domain(gate: DomainGate, default_domain: Option<&str>) -> Self {
        let config = AdmissionConfig {
            realm: REALM.to_owned(),
            algorithms: Offered::default(),
            suffixes: Suffixes::new([REALM]),
            default_domain: default_domain.map(str::to_owned),
        };
        let hashes = DigestHashes::compute("alice", REALM, "Secret-password1");
        let other = DigestHashes::compute("bob", REALM, "Secret-password1");
        let mut directory = Fake::default();
        directory
            .users
            .insert("alice".to_owned(), Arc::new([(OTHER_LIST.sid(), other.clone()), (LIST.sid(), hashes)]));
        directory.users.insert("bob".to_owned(), Arc::new([(OTHER_LIST.sid(), other)]));
        let source = Source {
            transport: Transport::Udp,
            remote: "198.51.100.7:5062".parse().unwrap(),
            local: "192.0.2.1:5060".parse().unwrap(),
            flow: None,
            arrival: Moment::default(),
        };
        let now = Now { monotonic: Moment::default(), unix: UnixTime::from_secs(1_700_000_000) };
        let admission = Admission::new(config, Nonces::new([5; 32], 0), [0xab; 16]);
        Self { admission, directory, gate, source, now }
    }

    fn knock(&mut self, request: &Message) -> Decision {
        self.directory.domains.insert(self.gate.name.clone(), Arc::new(self.gate.clone()));
        self.admission.admit(self.now, &self.directory, request, &self.source)
    }

    fn refused(&mut self, request: &Message) -> (u16, u32, Refusal) {
        match self.knock(request) {
            Decision::Refuse { reply, refusal } => (reply.status, refusal.code, *refusal),
            other => panic!("{other:?}"),
        }
    }

    fn challenged(&mut self, request: &Message) -> Challenge {
        match self.knock(request) {
            Decision::Challenge(reply) => {
                assert_eq!((reply.status, reply.headers.len()), (407, 1));
                assert_eq!(reply.headers[0].0, "Proxy-Authenticate");
                Challenge::parse(&reply.headers[0].1).unwrap()
            }
            other => panic!("{other:?}"),
        }
    }

    fn accepted(&mut self, request: &Message) -> Admitted {
        match self.knock(request) {
            Decision::Accept(admitted) => *admitted,
            other => panic!("{other:?}"),
        }
    }
}

fn request(method: &str, uri: &str, headers: &str) -> Message {
    let text = format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bKa\r\nMax-Forwards: 70\r\n\
         From: \"Alice\" <sip:alice@demo.sip.dublin.twilio.com:5062;transport=udp>;tag=1\r\nTo: <{uri}>\r\n\
         Call-ID: call-1@phone\r\nCSeq: 1 {method}\r\nContact: <sip:alice@198.51.100.7:5062>\r\n{headers}Content-Length: 0\r\n\r\n"
    );
    Message::parse(Bytes::from(text), &Limits::default()).unwrap()
}

fn invite(uri: &str) -> Message {
    request("INVITE", uri, "")
}

const URI: &str = "sip:100@demo.sip.twilio.com";

fn answer_for(challenge: &Challenge, user: &str, password: &str, uri: &str, nc: u32) -> Message {
    let credentials = Credentials { username: user.to_owned(), password: Secret::new(password) };
    let answer = ringway_sip::digest::answer(challenge, &credentials, "INVITE", uri, nc, "0a4f113b");
    request("INVITE", URI, &format!("Proxy-Authorization: {answer}\r\n"))
}

fn answer(challenge: &Challenge, user: &str, password: &str) -> Message {
    answer_for(challenge, user, password, URI, 1)
}

#[test]
fn a_mapped_address_comes_in_and_the_application_sees_canonical_addresses() {
    let mut door = Door::new(open_gate());
    let headers = "X-One: 1\r\nx-one: 2\r\nUser-to-User: 3;encoding=hex\r\nSubject: s\r\n\
                   Diversion: <sip:+15550100@gw>;reason=busy\r\nDiversion: <sip:older@gw>\r\n";
    let admitted =
        door.accepted(&request("INVITE", "sip:100@Demo.sip.dublin.twilio.com:5060;transport=udp", headers));
    let leg = admitted.leg;
    assert_eq!(leg.to, "sip:100@demo.sip.twilio.com;transport=udp");
    assert_eq!(leg.from, "sip:alice@demo.sip.twilio.com;transport=udp");
    assert_eq!(leg.caller_name.as_deref(), Some("Alice"));
    assert_eq!(leg.forwarded_from.as_deref(), Some("+15550100"));
    assert_eq!((leg.sip_call_id.as_deref(), leg.username), (Some("call-1@phone"), None));
    assert_eq!(leg.source_ip, "198.51.100.7".parse::<IpAddr>().ok());
    let expected = [("X-One", "1, 2"), ("User-to-User", "3;encoding=hex")];
    assert_eq!(leg.headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn a_trunk_presents_numbers_and_drops_custom_headers() {
    let trunk = ByocTrunk { sid: ByocTrunkSid::from_random([4; 16]), voice: VoiceUrls::default() };
    let mut door = Door::new(DomainGate { byoc_trunk: Some(trunk), ..open_gate() });
    let leg = door.accepted(&request("INVITE", "sip:+15550100@demo.sip.twilio.com", "X-One: 1\r\n")).leg;
    assert_eq!(leg.to, "+15550100");
    assert_eq!(leg.from, "sip:alice@demo.sip.twilio.com;transport=udp");
    assert_eq!(leg.headers, []);
}

#[test]
fn who_is_not_let_in_is_told_a_code_and_the_developer_why() {
    let secure = DomainGate { secure: true, ..open_gate() };
    let inactive = DomainGate { account_active: false, ..open_gate() };
    let nobody = DomainGate { acl: Some(Vec::new()), ..gate() };
    let elsewhere = DomainGate { acl: Some(vec!["203.0.113.0/24".parse().unwrap()]), ..gate() };
    let both = DomainGate { call_lists: vec![LIST.sid()], ..elsewhere.clone() };
    let registers = DomainGate { sip_registration: true, ..locked_gate() };
    let unmapped = DomainGate { sip_registration: false, ..registering_gate() };
    for (gate, method, uri, expected, word) in [
        (gate(), "INVITE", URI, (403, 32200), "Neither"),
        (elsewhere, "INVITE", URI, (403, 32201), "198.51.100.7"),
        (both, "INVITE", URI, (403, 32201), "ACL"),
        (nobody, "INVITE", URI, (403, 32201), "ACL"),
        (inactive, "INVITE", URI, (403, 20005), "not active"),
        (secure.clone(), "INVITE", URI, (403, 32209), "TLS"),
        (secure, "REGISTER", "sip:demo.sip.twilio.com", (403, 32209), "TLS"),
        (locked_gate(), "REGISTER", "sip:demo.sip.twilio.com", (403, 32210), "not enabled"),
        (unmapped, "REGISTER", "sip:demo.sip.twilio.com", (403, 32210), "not enabled"),
        (registers, "REGISTER", "sip:demo.sip.twilio.com", (403, 32212), "No credential list"),
        (open_gate(), "INVITE", "sip:100@other.sip.twilio.com", (403, 32002), "no SIP domain"),
        (open_gate(), "INVITE", "sip:100@192.0.2.1", (403, 32002), "IP address"),
        (open_gate(), "INVITE", "sip:100@[2001:db8::1]", (403, 32002), "IP address"),
        (open_gate(), "INVITE", "sips:100@demo.sip.twilio.com", (416, 32110), "sip:"),
        (open_gate(), "INVITE", "tel:+15550100", (416, 32110), "sip:"),
    ] {
        let mut door = Door::new(gate);
        let (status, code, refusal) = door.refused(&request(method, uri, ""));
        assert_eq!((status, code), expected, "{method} {uri}");
        assert!(refusal.reason.contains(word), "{}", refusal.reason);
        assert_eq!((refusal.status, refusal.method, refusal.from_user.as_str()), (status, method, "alice"));
    }
}

#[test]
fn a_secure_domain_refuses_even_tls_until_srtp_is_built() {
    let mut door = Door::new(DomainGate { secure: true, ..open_gate() });
    door.source.transport = Transport::Tls;
    let (status, code, _) = door.refused(&invite(URI));
    assert_eq!((status, code), (488, 32208));
}

#[test]
fn an_address_means_the_default_domain_when_there_is_one() {
    let mut door = Door::with_default_domain(open_gate(), Some("demo.sip.twilio.com"));
    assert_eq!(door.accepted(&invite("sip:100@192.0.2.1:5060")).leg.to, URI);
    let mut door = Door::with_default_domain(open_gate(), Some("gone.sip.twilio.com"));
    assert_eq!(door.refused(&invite("sip:100@192.0.2.1")).1, 32002);
}

#[test]
fn an_address_means_the_domain_that_the_source_is_mapped_to() {
    let mut door = Door::with_default_domain(open_gate(), Some("gone.sip.twilio.com"));
    door.directory.sources.insert("198.51.100.7".parse().unwrap(), Arc::new(open_gate()));
    assert_eq!(door.accepted(&invite("sip:100@192.0.2.1:5060")).leg.to, URI);
    assert_eq!(door.refused(&invite("sip:100@other.sip.twilio.com")).1, 32002);
    door.source.remote = "198.51.100.8:5060".parse().unwrap();
    assert_eq!(door.refused(&invite("sip:100@192.0.2.1:5060")).1, 32002);
}

#[test]
fn options_are_answered_for_anybody() {
    let mut door = Door::new(gate());
    for uri in ["sip:demo.sip.twilio.com", "sip:192.0.2.1", "sip:nowhere.example"] {
        assert!(matches!(door.knock(&request("OPTIONS", uri, "")), Decision::Abilities));
    }
}

#[test]
fn options_for_an_unknown_kind_of_uri_are_refused() {
    let mut door = Door::new(gate());
    for uri in ["nobodyKnowsThisScheme:totallyopaquecontent", "soap.beep://192.0.2.103:3002"] {
        let decision = door.knock(&request("OPTIONS", uri, ""));
        let Decision::Refuse { reply, refusal } = decision else { panic!("{uri}: {decision:?}") };
        assert_eq!((reply.status, refusal.method), (416, "OPTIONS"));
    }
}

#[test]
fn a_mapped_v4_address_in_v6_clothes_is_the_same_address() {
    let mut door = Door::new(open_gate());
    door.source.remote = "[::ffff:198.51.100.7]:5062".parse().unwrap();
    assert_eq!(door.accepted(&invite(URI)).leg.source_ip, "198.51.100.7".parse::<IpAddr>().ok());
}

#[test]
fn the_challenge_looks_as_documented() {
    let mut door = Door::new(locked_gate());
    let Decision::Challenge(reply) = door.knock(&invite(URI)) else { panic!("no challenge") };
    let value = &reply.headers[0].1;
    let nonce = Challenge::parse(value).unwrap().nonce;
    let opaque = "ab".repeat(16);
    assert_eq!(
        *value,
        format!("Digest realm=\"{REALM}\",qop=\"auth\",nonce=\"{nonce}\",opaque=\"{opaque}\"")
    );
    assert_eq!(nonce.len(), 48);
}

#[test]
fn the_right_password_comes_in_once_for_each_count() {
    let mut door = Door::new(locked_gate());
    let challenge = door.challenged(&invite(URI));
    let right = answer(&challenge, "alice", "Secret-password1");
    assert_eq!(door.accepted(&right).leg.username.as_deref(), Some("alice"));
    assert!(door.challenged(&right).stale, "a replay");
    let next = answer_for(&challenge, "alice", "Secret-password1", URI, 2);
    assert_eq!(door.accepted(&next).leg.username.as_deref(), Some("alice"));
}

#[test]
fn wrong_and_unknown_are_told_the_same() {
    let mut door = Door::new(locked_gate());
    let challenge = door.challenged(&invite(URI));
    let mut answers = Vec::new();
    for (user, password) in
        [("alice", "wrong"), ("nobody", "wrong"), ("bob", "Secret-password1"), ("ALICE", "Secret-password1")]
    {
        let (status, code, refusal) = door.refused(&answer(&challenge, user, password));
        assert_eq!((status, code), (403, 32202), "{user}");
        answers.push(refusal.reason);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
}

#[test]
fn an_old_or_foreign_nonce_with_the_right_password_is_stale_and_with_a_wrong_one_is_wrong() {
    let mut door = Door::new(locked_gate());
    let challenge = door.challenged(&invite(URI));
    door.now.monotonic = door.now.monotonic + Duration::from_secs(3600);
    assert!(door.challenged(&answer(&challenge, "alice", "Secret-password1")).stale);
    assert_eq!(door.refused(&answer(&challenge, "alice", "wrong")).1, 32202);
    let foreign = Challenge { nonce: "x".repeat(48), ..challenge };
    assert!(door.challenged(&answer(&foreign, "alice", "Secret-password1")).stale);
}

#[test]
fn a_clock_that_is_set_moves_no_nonce() {
    let mut door = Door::new(locked_gate());
    for seconds in [86_400 * 365, 1_000, 4_000_000_000] {
        let challenge = door.challenged(&invite(URI));
        door.now.unix = UnixTime::from_secs(seconds);
        door.accepted(&answer_for(&challenge, "alice", "Secret-password1", URI, 1));
    }
}

#[test]
fn rfc8760_2_3_every_algorithm_is_challenged_and_no_other_answer_taken() {
    let mut door = Door::new(locked_gate());
    let md5 = door.challenged(&invite(URI));
    let sha =
        |challenge: &Challenge, name| Challenge { algorithm: Algorithm::parse(name), ..challenge.clone() };
    for name in ["SHA-256", "SHA-512-256", "MD5-sess"] {
        door.challenged(&answer(&sha(&md5, name), "alice", "Secret-password1"));
    }
    door.admission.config.algorithms = Offered::new(&[Hash::Sha256, Hash::Sha512_256]);
    let Decision::Challenge(reply) = door.knock(&invite(URI)) else { panic!("no challenge") };
    let challenges: Vec<_> =
        reply.headers.iter().map(|(_, value)| Challenge::parse(value).unwrap()).collect();
    let names: Vec<_> = challenges.iter().map(|challenge| challenge.algorithm.unwrap().as_str()).collect();
    assert_eq!(names, ["SHA-512-256", "SHA-256"]);
    let weaker = door.knock(&answer(&sha(&challenges[0], "MD5"), "alice", "Secret-password1"));
    assert!(matches!(weaker, Decision::Challenge(_)), "{weaker:?}");
    door.accepted(&answer(&challenges[0], "alice", "Secret-password1"));
    door.accepted(&answer_for(&challenges[1], "alice", "Secret-password1", URI, 2));
    assert_eq!(door.refused(&answer(&challenges[1], "alice", "wrong")).1, 32202);
}

#[test]
fn a_nonce_is_bound_to_its_address_and_not_to_its_port() {
    let mut door = Door::new(locked_gate());
    let challenge = door.challenged(&invite(URI));
    door.source.remote = "198.51.100.7:40000".parse().unwrap();
    door.accepted(&answer(&challenge, "alice", "Secret-password1"));
    door.source.remote = "198.51.100.8:5062".parse().unwrap();
    let again = answer_for(&challenge, "alice", "Secret-password1", URI, 2);
    assert!(door.challenged(&again).stale);
}

#[test]
fn what_the_credentials_sign_need_not_be_the_request_uri() {
    let mut door = Door::new(locked_gate());
    for uri in
        ["sip:100@DEMO.sip.twilio.com:5060;transport=udp", "sip:198.51.100.1:5060", "198.51.100.1:5060"]
    {
        let challenge = door.challenged(&invite(URI));
        let decision = door.knock(&answer_for(&challenge, "alice", "Secret-password1", uri, 1));
        assert!(matches!(decision, Decision::Accept(_)), "{uri}: {decision:?}");
    }
}

#[test]
fn credentials_for_another_realm_are_not_ours_and_broken_ones_are_refused() {
    let mut door = Door::new(locked_gate());
    let challenge = Challenge { realm: "proxy.example".to_owned(), ..door.challenged(&invite(URI)) };
    assert!(!door.challenged(&answer(&challenge, "alice", "Secret-password1")).stale);
    let basic = request("INVITE", URI, "Proxy-Authorization: Basic YTpi\r\n");
    door.challenged(&basic);
    let broken = request("INVITE", URI, "Proxy-Authorization: Digest username=\r\n");
    assert_eq!(door.refused(&broken).1, 32202);
}

#[test]
fn address_and_password_are_both_demanded_when_both_are_mapped() {
    let mut door = Door::new(DomainGate { call_lists: vec![LIST.sid()], ..open_gate() });
    let challenge = door.challenged(&invite(URI));
    door.accepted(&answer(&challenge, "alice", "Secret-password1"));
    door.source.remote = "203.0.113.1:5060".parse().unwrap();
    assert_eq!(door.refused(&invite(URI)).1, 32201);
}

#[test]
fn emergency_numbers_are_refused_loudly_where_enabled_and_are_users_elsewhere() {
    for user in ["911", "933", "112", "999", "+112", "%39%31%31", "9-1-1", "911;phone-context=us"] {
        let uri = format!("sip:{user}@demo.sip.twilio.com");
        let mut door = Door::new(DomainGate { emergency_calling: true, ..open_gate() });
        let (status, _, refusal) = door.refused(&invite(&uri));
        assert_eq!((status, refusal.level), (503, Level::Error), "{user}");
        assert!(refusal.reason.contains("emergency"));
        Door::new(open_gate()).accepted(&invite(&uri));
    }
    let mut door = Door::new(DomainGate { emergency_calling: true, ..open_gate() });
    door.accepted(&invite(URI));
}

#[test]
fn refusals_are_bounded() {
    let mut door = Door::new(open_gate());
    let uri = format!("sip:{}@other.sip.twilio.com", "a".repeat(2000));
    assert_eq!(door.refused(&invite(&uri)).2.to_user.len(), SHOWN_CHARACTERS_MAX);
}

const DOMAIN: &str = "sip:demo.sip.twilio.com";

/// A REGISTER of this To.
fn register(to: &str, headers: &str) -> Message {
    let text = format!(
        "REGISTER {DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bKa\r\nMax-Forwards: 70\r\n\
         From: <sip:secretary@demo.sip.twilio.com>;tag=1\r\nTo: <{to}>\r\nCall-ID: call-1@phone\r\nCSeq: 1 REGISTER\r\n\
         Contact: <sip:alice@198.51.100.7:5062>\r\n{headers}Content-Length: 0\r\n\r\n"
    );
    Message::parse(Bytes::from(text), &Limits::default()).unwrap()
}

/// The same with the answer to a challenge.
fn register_as(door: &mut Door, to: &str, user: &str, password: &str) -> Decision {
    let challenge = door.challenged(&register(to, ""));
    let credentials = Credentials { username: user.to_owned(), password: Secret::new(password) };
    let answer = ringway_sip::digest::answer(&challenge, &credentials, "REGISTER", DOMAIN, 1, "0a4f113b");
    door.knock(&register(to, &format!("Proxy-Authorization: {answer}\r\n")))
}

#[test]
fn a_user_registers_itself_whoever_sends_it() {
    for to in [
        "sip:alice@demo.sip.twilio.com",
        "sip:%61lice@Demo.SIP.twilio.com:5060;transport=tcp",
        "sip:alice@demo.sip.dublin.twilio.com",
        "sip:alice@192.0.2.1",
    ] {
        let mut door = Door::new(registering_gate());
        let decision = register_as(&mut door, to, "alice", "Secret-password1");
        let Decision::Register(gate) = decision else { panic!("{to}: {decision:?}") };
        assert_eq!(gate.name, "demo.sip.twilio.com");
        assert_eq!(registered_user(&register(to, "")).as_deref(), Some("alice"));
    }
}

#[test]
fn nobody_registers_for_somebody_else_or_with_a_wrong_password() {
    for (to, user, password, expected) in [
        ("sip:bob@demo.sip.twilio.com", "alice", "Secret-password1", (403, 32106)),
        ("sip:Alice@demo.sip.twilio.com", "alice", "Secret-password1", (403, 32106)),
        ("sip:alice@demo.sip.twilio.com", "alice", "wrong", (403, 32212)),
        ("sip:nobody@demo.sip.twilio.com", "nobody", "wrong", (403, 32212)),
        ("sip:bob@demo.sip.twilio.com", "bob", "Secret-password1", (403, 32212)),
    ] {
        let mut door = Door::new(registering_gate());
        let decision = register_as(&mut door, to, user, password);
        let Decision::Refuse { reply, refusal } = decision else { panic!("{to}: {decision:?}") };
        assert_eq!((reply.status, refusal.code), expected, "{to} {user}");
        assert_eq!(refusal.method, "REGISTER");
    }
}

#[test]
fn to_must_name_somebody_of_the_domain() {
    let mut door = Door::new(registering_gate());
    for to in ["sip:alice@other.sip.twilio.com", "sip:demo.sip.twilio.com", "tel:+15550100"] {
        assert_eq!(door.refused(&register(to, "")).0, 404, "{to}");
    }
}

#[test]
fn a_list_for_calls_opens_no_registration_and_the_other_way_round() {
    let gate = DomainGate { call_lists: vec![OTHER_LIST.sid()], acl: None, ..registering_gate() };
    let mut door = Door::new(gate);
    let decision = register_as(&mut door, "sip:bob@demo.sip.twilio.com", "bob", "Secret-password1");
    assert!(matches!(decision, Decision::Refuse { .. }), "{decision:?}");
    let challenge = door.challenged(&invite(URI));
    door.accepted(&answer(&challenge, "bob", "Secret-password1"));
}

#[test]
fn what_the_registrar_refuses_is_told_with_its_headers() {
    use ringway_sip::registrar::Refused;
    let request = register("sip:alice@demo.sip.twilio.com", "");
    let door = Door::new(registering_gate());
    let told = |refused| {
        let (reply, refusal) = refused_registration(refused, &request, &door.source, &door.gate);
        assert_eq!(refusal.status, reply.status);
        let headers: Vec<String> =
            reply.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        (reply.status, refusal.code, headers.join("|"))
    };
    let expected = |status, code, headers: &str| (status, code, headers.to_owned());
    assert_eq!(told(Refused::TooBrief { expires_min_s: 600 }), expected(423, 32212, "Min-Expires: 600"));
    assert_eq!(told(Refused::TooOften { requests_per_aor_s: 5 }), expected(503, 32008, "Retry-After: 1"));
    assert_eq!(told(Refused::Path), expected(420, 32212, "Unsupported: path"));
    assert_eq!(told(Refused::Full), expected(503, 32212, "Retry-After: 60"));
    assert_eq!(told(Refused::Wildcard).0, 400);
    assert_eq!(told(Refused::OutOfOrder).0, 500);
    let (status, code, warning) = told(Refused::TooMany { bindings_per_aor: 10 });
    assert_eq!((status, code, warning.starts_with("Warning: ")), (403, 32007, true));
}
