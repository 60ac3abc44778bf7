//! Tables of what a REGISTER does (RFC 3261 10.3, RFC 3327, contract, runtime.md 4.3).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use bytes::Bytes;
use ringway_model::{Moment, UnixTime};

use super::bindings::PARTS;
use super::*;
use crate::endpoint::{Target, Transport};
use crate::message::Limits;

const HOME: &str = "Contact: <sip:alice@10.0.0.1:5062>\r\n";
const WORK: &str = "Contact: <sip:alice@10.0.0.2:5062>\r\n";

/// A registrar, a phone of alice's before it, and a clock.
struct Desk {
    registrar: Registrar,
    bindings: Arc<Bindings>,
    now: Now,
    source: Source,
    call_id: &'static str,
    cseq: u32,
}

impl Desk {
    fn new(limits: RegistrarLimits) -> Self {
        let bindings = Arc::new(Bindings::new([1; 32]));
        Self {
            registrar: Registrar::new(limits, Arc::clone(&bindings), [2; 32]),
            bindings,
            now: Now {
                monotonic: Moment::from_start(Duration::from_secs(1000)),
                unix: UnixTime::from_secs(1_700_000_000),
            },
            source: Source {
                transport: Transport::Udp,
                remote: "203.0.113.7:40000".parse().unwrap(),
                local: "192.0.2.1:5060".parse().unwrap(),
                flow: None,
                arrival: Moment::default(),
            },
            call_id: "one",
            cseq: 0,
        }
    }

    fn plain() -> Self {
        Self::new(RegistrarLimits::default())
    }

    /// A later second, so that the rate plays no part unless a test wants it to.
    fn later(&mut self, seconds: u64) {
        self.now.monotonic = self.now.monotonic + Duration::from_secs(seconds);
        self.now.unix = self.now.unix + Duration::from_secs(seconds);
    }

    fn request(&self, headers: &str) -> Message {
        let Self { call_id, cseq, .. } = self;
        let text = format!(
            "REGISTER sip:demo.sip.twilio.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bK{cseq}\r\n\
             From: <sip:alice@demo.sip.twilio.com>;tag=1\r\nTo: <sip:alice@demo.sip.twilio.com>\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} REGISTER\r\nProxy-Authorization: Digest response=\"{call_id}{cseq}\"\r\n{headers}Content-Length: 0\r\n\r\n"
        );
        Message::parse(Bytes::from(text), &Limits::default()).unwrap()
    }

    fn register_at_once(&mut self, headers: &str) -> Result<Vec<String>, Refused> {
        self.cseq += 1;
        self.register_again(headers)
    }

    /// With the CSeq of the last request.
    fn register_again(&mut self, headers: &str) -> Result<Vec<String>, Refused> {
        let request = self.request(headers);
        let registration = Registration {
            transaction: TransactionKey::from_number(u128::from(self.cseq)),
            domain: &domain(),
            user: "alice",
            request: &request,
            source: &self.source,
        };
        self.registrar.register(self.now, &registration).map(|reply| contacts(&reply))
    }

    fn register(&mut self, headers: &str) -> Result<Vec<String>, Refused> {
        self.later(1);
        self.register_at_once(headers)
    }

    fn bound(&self) -> Vec<Binding> {
        self.bindings.of(self.now, &domain(), "alice")
    }
}

fn domain() -> DomainSid {
    DomainSid::from_random([7; 16])
}

fn contacts(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200);
    let contacts = reply.headers.iter().filter(|(name, _)| name == "Contact");
    contacts.map(|(_, value)| value.clone()).collect()
}

#[test]
fn the_time_asked_for_is_given_within_the_limits() {
    let given = |seconds: u32| Ok(vec![format!("<sip:alice@10.0.0.1:5062>;expires={seconds}")]);
    let brief = Err(Refused::TooBrief { expires_min_s: 600 });
    for (headers, expected) in [
        (HOME.to_owned(), given(3600)),
        (format!("{HOME}Expires: 600\r\n"), given(600)),
        (format!("{HOME}Expires: 599\r\n"), brief.clone()),
        (format!("{HOME}Expires: 1\r\n"), brief.clone()),
        (format!("{HOME}Expires: 3601\r\n"), given(3600)),
        (format!("{HOME}Expires: 99999999999\r\n"), given(3600)),
        (format!("{HOME}Expires: soon\r\n"), given(3600)),
        (format!("{HOME}Expires: 0\r\n"), Ok(vec![])),
        ("Contact: <sip:alice@10.0.0.1:5062>;expires=700\r\nExpires: 900\r\n".to_owned(), given(700)),
        ("Contact: <sip:alice@10.0.0.1:5062>;expires=60\r\nExpires: 900\r\n".to_owned(), brief),
        ("Contact: <sip:alice@10.0.0.1:5062>;expires=x\r\nExpires: 900\r\n".to_owned(), given(3600)),
        ("Expires: 60\r\n".to_owned(), Ok(vec![])),
    ] {
        assert_eq!(Desk::plain().register(&headers), expected, "{headers}");
    }
}

#[test]
fn the_limits_of_time_are_the_operators() {
    let limits =
        RegistrarLimits { expires_min_s: 10, expires_max_s: 30, expires_default_s: 20, ..Default::default() };
    let mut desk = Desk::new(limits);
    for (expires, given) in [("", 20), ("Expires: 10\r\n", 10), ("Expires: 3600\r\n", 30)] {
        let listed = desk.register(&format!("{HOME}{expires}")).unwrap();
        assert_eq!(listed, [format!("<sip:alice@10.0.0.1:5062>;expires={given}")]);
    }
    assert_eq!(desk.register(&format!("{HOME}Expires: 9\r\n")), Err(Refused::TooBrief { expires_min_s: 10 }));
}

#[test]
fn all_that_is_bound_is_listed_as_it_was_sent_with_the_time_that_is_left() {
    let mut desk = Desk::plain();
    let odd = "Contact: \"A, B\" <sip:alice@192.168.1.9;transport=udp>;q=0.5;expires=700;+sip.instance=\"<urn:uuid:1>\"\r\n";
    desk.register(odd).unwrap();
    desk.later(99);
    let listed = desk.register(&format!("{HOME}Expires: 800\r\n")).unwrap();
    let odd =
        "\"A, B\" <sip:alice@192.168.1.9;transport=udp>;q=0.5;+sip.instance=\"<urn:uuid:1>\";expires=600";
    assert_eq!(listed, [odd, "<sip:alice@10.0.0.1:5062>;expires=800"]);
    assert_eq!(desk.register("").unwrap().len(), 2, "without a Contact it is a question");
    let bound = desk.bound();
    let shown: Vec<_> =
        bound.iter().map(|binding| (binding.q_thousandths, binding.contact.as_str())).collect();
    assert_eq!(shown, [(1000, "sip:alice@10.0.0.1:5062"), (500, "sip:alice@192.168.1.9;transport=udp")]);
}

#[test]
fn what_is_not_refreshed_ends() {
    let mut desk = Desk::plain();
    desk.register(&format!("{HOME}Expires: 600\r\n")).unwrap();
    desk.later(599);
    assert_eq!(desk.bound().len(), 1);
    desk.later(1);
    assert_eq!((desk.bound(), desk.bindings.len()), (vec![], 1));
    (0..PARTS).for_each(|turn| desk.bindings.sweep(desk.now, turn));
    assert_eq!(desk.bindings.len(), 0);
    assert_eq!(desk.register("").unwrap(), [""; 0]);
}

#[test]
fn a_refresh_keeps_the_binding_and_follows_the_phone() {
    let mut desk = Desk::plain();
    desk.register(HOME).unwrap();
    let before = desk.bound();
    desk.later(100);
    desk.source.remote = "203.0.113.7:50000".parse().unwrap();
    desk.register("Contact: <sip:alice@10.0.0.1:5062>\r\nUser-Agent: Phone 2\r\n").unwrap();
    let after = desk.bound();
    assert_eq!(after.len(), 1);
    assert_eq!((after[0].sid, after[0].registered), (before[0].sid, before[0].registered));
    assert_eq!(after[0].target.remote, desk.source.remote, "where it is behind its NAT now");
    assert_eq!(after[0].user_agent.as_deref(), Some("Phone 2"));
    assert_eq!((after[0].seen, after[0].cseq), (desk.now.unix, 2));
}

#[test]
fn equal_contacts_are_one_binding() {
    let mut desk = Desk::plain();
    for contact in
        ["sip:alice@Phone.example.com", "sip:%61lice@phone.EXAMPLE.com", "sip:alice@phone.example.com"]
    {
        assert_eq!(desk.register(&format!("Contact: <{contact}>\r\n")).unwrap().len(), 1, "{contact}");
    }
    assert_eq!(desk.register("Contact: <sip:Alice@phone.example.com>\r\n").unwrap().len(), 2);
}

#[test]
fn a_star_removes_all_and_only_with_expires_0_and_alone() {
    let mut desk = Desk::plain();
    desk.register(&format!("{HOME}{WORK}")).unwrap();
    for headers in ["Contact: *\r\n", "Contact: *\r\nExpires: 600\r\n"] {
        assert_eq!(desk.register(headers), Err(Refused::Wildcard), "{headers}");
    }
    assert_eq!(desk.bound().len(), 2);
    assert_eq!(desk.register("Contact: *\r\nExpires: 0\r\n").unwrap(), [""; 0]);
    assert_eq!(desk.bound(), []);
}

#[test]
fn one_is_removed_and_another_bound_in_one_request() {
    let mut desk = Desk::plain();
    desk.register(HOME).unwrap();
    let listed = desk.register("Contact: <sip:alice@10.0.0.1:5062>;expires=0, <sip:alice@10.0.0.2:5062>\r\n");
    assert_eq!(listed.unwrap(), ["<sip:alice@10.0.0.2:5062>;expires=3600"]);
}

#[test]
fn what_comes_late_changes_nothing() {
    let mut desk = Desk::plain();
    desk.cseq = 9;
    desk.register(HOME).unwrap();
    desk.later(1);
    for cseq in [10, 9] {
        desk.cseq = cseq;
        for headers in
            [HOME.to_owned(), format!("{HOME}Expires: 0\r\n"), "Contact: *\r\nExpires: 0\r\n".to_owned()]
        {
            desk.later(1);
            assert_eq!(desk.register_again(&headers), Err(Refused::OutOfOrder), "{cseq} {headers}");
        }
    }
    assert_eq!(desk.bound().len(), 1);
    desk.call_id = "after-a-restart";
    desk.later(1);
    assert_eq!(desk.register_again(&format!("{HOME}Expires: 0\r\n")).unwrap(), [""; 0]);
}

#[test]
fn an_eleventh_binding_is_refused_and_nothing_else_of_the_request_is_done() {
    let mut desk = Desk::plain();
    let contact = |number: u32| format!("Contact: <sip:alice@10.0.1.{number}>\r\n");
    for number in 1..=9 {
        desk.register(&contact(number)).unwrap();
    }
    let two_more = format!("{}{}", contact(10), contact(11));
    assert_eq!(desk.register(&two_more), Err(Refused::TooMany { bindings_per_aor: 10 }));
    assert_eq!(desk.bound().len(), 9);
    let same_twice = format!("{}{}", contact(10), contact(10));
    assert_eq!(desk.register(&same_twice).unwrap().len(), 10);
    assert_eq!(desk.register(&contact(11)), Err(Refused::TooMany { bindings_per_aor: 10 }));
    assert_eq!(desk.register(&contact(3)).unwrap().len(), 10, "a refresh takes no room");
    let exchange = format!("Contact: <sip:alice@10.0.1.3>;expires=0\r\n{}", contact(11));
    assert_eq!(desk.register(&exchange).unwrap().len(), 10);
}

#[test]
fn there_is_a_limit_to_all_bindings() {
    let mut desk = Desk::new(RegistrarLimits { bindings_max: 1, ..Default::default() });
    desk.register(HOME).unwrap();
    assert_eq!(desk.register(WORK), Err(Refused::Full));
    desk.register(HOME).unwrap();
    desk.register(&format!("{HOME}Expires: 0\r\n")).unwrap();
    desk.register(WORK).unwrap();
}

#[test]
fn a_sixth_request_within_a_second_is_one_too_many() {
    let mut desk = Desk::plain();
    desk.later(1);
    for _ in 0..5 {
        desk.register_at_once(HOME).unwrap();
    }
    assert_eq!(desk.register_at_once(HOME), Err(Refused::TooOften { requests_per_aor_s: 5 }));
    desk.register(HOME).unwrap();
}

#[test]
fn a_repetition_gets_the_same_answer_and_costs_nothing() {
    let mut desk = Desk::plain();
    desk.later(1);
    for _ in 0..5 {
        desk.register_at_once(HOME).unwrap();
    }
    let (request, transaction) = (desk.request(HOME), TransactionKey::from_number(5));
    let first = ["<sip:alice@10.0.0.1:5062>;expires=3600"];
    for _ in 0..3 {
        desk.later(10);
        let (now, source) = (desk.now, desk.source);
        let again = desk.registrar.repeated(now, transaction, &request, &source).unwrap();
        assert_eq!(contacts(&again), first, "as of when it was answered");
    }
    desk.later(2);
    let (now, source) = (desk.now, desk.source);
    assert_eq!(desk.registrar.repeated(now, transaction, &request, &source), None, "nobody repeats so late");
}

#[test]
fn who_does_not_know_the_credentials_cannot_make_an_answer_come_again() {
    let mut desk = Desk::plain();
    desk.register(HOME).unwrap();
    let mut other = Desk::plain();
    (other.cseq, other.call_id) = (desk.cseq, "two");
    let (now, source) = (desk.now, desk.source);
    let transaction = TransactionKey::from_number(u128::from(desk.cseq));
    assert_eq!(desk.registrar.repeated(now, transaction, &other.request(HOME), &source), None);
    let original = desk.request(HOME);
    assert!(desk.registrar.repeated(now, transaction, &original, &source).is_some());
    assert_eq!(desk.registrar.repeated(now, TransactionKey::from_number(99), &original, &source), None);
}

#[test]
fn a_contact_must_be_a_sip_uri_of_some_length() {
    let mut desk = Desk::plain();
    for contact in ["<tel:+15550100>", "<mailto:alice@example.com>", "<http://10.0.0.1/>"] {
        assert_eq!(desk.register(&format!("Contact: {contact}\r\n")), Err(Refused::Contact), "{contact}");
    }
    let long = format!("Contact: <sip:{}@10.0.0.1>\r\n", "a".repeat(2048));
    assert_eq!(desk.register(&long), Err(Refused::TooLong));
    assert_eq!(desk.bindings.len(), 0);
}

#[test]
fn rfc3327_a_path_is_kept_and_told_but_only_to_phones_that_know_of_it() {
    let mut desk = Desk::plain();
    let path = "Path: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>\r\nPath: <sip:p3.example.com;lr>\r\n";
    assert_eq!(desk.register(&format!("{HOME}{path}")), Err(Refused::Path));
    desk.register(&format!("{HOME}{path}Supported: gruu, path\r\n")).unwrap();
    let expected = ["<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>", "<sip:p3.example.com;lr>"];
    assert_eq!(desk.bound()[0].path, expected);
    let request = desk.request(&format!("{HOME}{path}Supported: path\r\n"));
    let (now, source) = (desk.now, desk.source);
    let again = desk.registrar.repeated(now, TransactionKey::from_number(2), &request, &source);
    assert_eq!(again.unwrap().headers.iter().filter(|(name, _)| name == "Path").count(), 3);
    assert_eq!(
        desk.register(&format!("{HOME}{path}Expires: 0\r\n")).unwrap(),
        [""; 0],
        "to leave needs no path"
    );
}

#[test]
fn a_binding_ends_with_its_connection() {
    let mut desk = Desk::plain();
    desk.source = Source { transport: Transport::Tcp, flow: Some(FlowId(7)), ..desk.source };
    desk.register(HOME).unwrap();
    desk.source.flow = Some(FlowId(8));
    desk.register(&format!("{HOME}{WORK}")).unwrap();
    desk.registrar.flow_closed(FlowId(7));
    assert_eq!(desk.bound().len(), 2, "it came again over another");
    desk.registrar.flow_closed(FlowId(8));
    assert_eq!((desk.bound(), desk.bindings.len()), (vec![], 0));
}

#[test]
fn what_changed_is_handed_out_once_and_comes_back() {
    let mut desk = Desk::plain();
    desk.register(HOME).unwrap();
    desk.register(WORK).unwrap();
    let changed = |desk: &Desk| {
        let mut changed = Vec::new();
        desk.bindings.changed(desk.now, |registered| changed.push(registered));
        changed
    };
    let taken = changed(&desk);
    assert_eq!((taken.len(), taken[0].bindings.len()), (1, 2));
    assert_eq!(changed(&desk), []);
    desk.register("").unwrap();
    assert_eq!(changed(&desk), [], "a question changes nothing");

    let mut next = Desk::plain();
    (next.now, next.cseq) = (desk.now, desk.cseq);
    next.later(100);
    next.bindings.restore(next.now, taken[0].clone());
    let (before, after) = (desk.bound(), next.bound());
    assert_eq!(before, after);
    assert_eq!(next.bindings.len(), 2);
    let listed = next.register(&format!("{HOME}Expires: 700\r\n")).unwrap();
    assert!(listed.contains(&"<sip:alice@10.0.0.1:5062>;expires=700".to_owned()), "{listed:?}");
    assert_eq!(listed.len(), 2);
    assert_eq!(changed(&next).len(), 1);
}

#[test]
fn what_has_ended_or_hung_on_a_connection_does_not_come_back() {
    let mut desk = Desk::plain();
    desk.register(HOME).unwrap();
    let mut bindings = desk.bound();
    bindings.push(Binding {
        target: Target { flow: Some(FlowId(1)), ..bindings[0].target },
        ..bindings[0].clone()
    });
    let aor = AddressOfRecord { domain: domain(), user: "alice".to_owned() };
    let registered = Registered { aor, bindings };
    let next = Desk::plain();
    next.bindings.restore(desk.now, registered.clone());
    assert_eq!(next.bindings.len(), 1);
    let next = Desk::plain();
    desk.later(3600);
    next.bindings.restore(desk.now, registered);
    assert_eq!(next.bindings.len(), 0);
}

#[test]
fn a_binding_is_found_and_removed_by_its_sid() {
    let mut desk = Desk::plain();
    desk.register(HOME).unwrap();
    desk.register(WORK).unwrap();
    let of_domain = desk.bindings.of_domain(desk.now, &domain());
    assert_eq!(of_domain.len(), 2);
    let (user, first) = &desk.bindings.get(desk.now, &of_domain[0]).unwrap();
    assert_eq!((user.as_str(), first.contact.as_str()), ("alice", "sip:alice@10.0.0.2:5062"));
    assert_eq!(desk.bindings.find(desk.now, &domain(), &first.sid), Some((user.clone(), first.clone())));
    let other = DomainSid::from_random([8; 16]);
    assert!(!desk.bindings.remove(desk.now, &other, &first.sid));
    assert!(desk.bindings.remove(desk.now, &domain(), &first.sid));
    assert!(!desk.bindings.remove(desk.now, &domain(), &first.sid));
    assert_eq!((desk.bound().len(), desk.bindings.len()), (1, 1));
}

#[test]
fn later_sids_are_greater() {
    let mut desk = Desk::plain();
    desk.register(HOME).unwrap();
    desk.register(WORK).unwrap();
    let mut bound = desk.bound();
    bound.sort_by_key(|binding| binding.sid);
    assert_eq!(bound[0].contact, "sip:alice@10.0.0.1:5062");
}

/// How much a registered phone costs: 1,200 bytes at most, all in.
#[test]
fn a_binding_is_small() {
    let bytes = std::mem::size_of::<Stored>() + std::mem::size_of::<Entry>() + 64;
    assert!(bytes <= 512, "{bytes}");
}
