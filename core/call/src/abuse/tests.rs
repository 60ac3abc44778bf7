//! Who is banned, who is not, and for how long.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use bytes::Bytes;
use ringway_sip::message::Limits;

use super::*;

const HERE: &str = "192.0.2.7";
const ELSEWHERE: &str = "192.0.2.8";

struct Door {
    abuse: Abuse,
    seconds: u64,
}

impl Door {
    fn new() -> Self {
        Self::with(AbuseConfig::default())
    }

    fn with(config: AbuseConfig) -> Self {
        Self { abuse: Abuse::new(config, [3; 32]), seconds: 1000 }
    }

    fn now(&self) -> Now {
        let unix = UnixTime::from_secs(1_700_000_000 + i64::try_from(self.seconds).unwrap());
        Now { monotonic: Moment::from_start(Duration::from_secs(self.seconds)), unix }
    }

    fn is_banned(&mut self, ip: &str, user: &str) -> bool {
        let screened = self.abuse.screen(self.now(), ip.parse().unwrap(), &from(user), || Some(domain()));
        screened != Screened::Welcome
    }

    fn accept(&mut self, ip: &str, user: &str) {
        self.abuse.accepted(self.now(), ip.parse().unwrap(), domain(), &answer_of(user));
    }

    fn guess(&mut self, ip: &str, user: &str) -> Option<Box<Ban>> {
        begun(self.abuse.wrong_answer(self.now(), ip.parse().unwrap(), domain(), &answer_of(user)))
    }

    fn try_user(&mut self, ip: &str, user: &str) -> Option<Box<Ban>> {
        begun(self.abuse.refused(self.now(), ip.parse().unwrap(), &from(user)))
    }
}

fn begun(screened: Screened) -> Option<Box<Ban>> {
    match screened {
        Screened::Banned(ban) => ban,
        Screened::Welcome => None,
    }
}

fn domain() -> DomainSid {
    DomainSid::from_random([1; 16])
}

fn request(user: &str, further: &str) -> Message {
    let text = format!(
        "REGISTER sip:office.sip.twilio.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\n\
         From: <sip:{user}@office.sip.twilio.com>;tag=1\r\nTo: <sip:{user}@office.sip.twilio.com>\r\n\
         Call-ID: 1\r\nCSeq: 1 REGISTER\r\nMax-Forwards: 70\r\n{further}Content-Length: 0\r\n\r\n"
    );
    Message::parse(Bytes::from(text), &Limits::default()).unwrap_or_else(|_| panic!("not a message"))
}

fn from(user: &str) -> Message {
    request(user, "")
}

fn answer_of(user: &str) -> Message {
    let header = format!(
        "Proxy-Authorization: Digest username=\"{user}\",realm=\"r\",nonce=\"n\",uri=\"sip:x\",\
         response=\"00000000000000000000000000000000\",qop=auth,nc=00000001,cnonce=\"c\"\r\n"
    );
    request(user, &header)
}

#[test]
fn guessing_is_banned_and_the_ban_ends() {
    let mut door = Door::new();
    assert!((0..10).all(|_| door.guess(HERE, "alice").is_none()));
    let ban = door.guess(HERE, "alice").expect("the eleventh");
    assert_eq!(
        (ban.reason, ban.source.to_string().as_str(), ban.offences),
        (BanReason::WrongAnswers, "192.0.2.7/32", 1)
    );
    assert_eq!(ban.evidence, "11 wrong passwords within 60 s");
    assert_eq!(ban.until.as_millis() - ban.since.as_millis(), 300_000);
    assert!(
        door.is_banned(HERE, "alice") && door.is_banned(HERE, "bob") && !door.is_banned(ELSEWHERE, "alice")
    );
    door.seconds += 300;
    assert!(!door.is_banned(HERE, "alice"));
}

#[test]
fn each_ban_within_a_day_is_twice_as_long_up_to_a_limit() {
    let mut door = Door::new();
    let mut lengths = Vec::new();
    for _ in 0..12 {
        let ban = (0..=10).find_map(|_| door.guess(HERE, "alice")).expect("a ban");
        lengths.push((ban.until.as_millis() - ban.since.as_millis()) / 60_000);
        door.seconds += 1;
        door.abuse.bans.remove(ban.source);
    }
    assert_eq!(lengths[..4], [5, 10, 20, 40]);
    assert_eq!(lengths[11], 24 * 60);
}

#[test]
fn slow_mistakes_do_not_add_up() {
    let mut door = Door::new();
    for _ in 0..50 {
        assert_eq!(door.guess(HERE, "alice"), None);
        door.seconds += 7;
    }
}

#[test]
fn a_phone_beside_a_guesser_is_served_until_it_guesses_too() {
    let mut door = Door::new();
    door.accept(HERE, "phone");
    let ban = (0..50).find_map(|_| door.guess(HERE, "victim"));
    assert_eq!(ban.expect("a ban").reason, BanReason::WrongAnswers);
    assert!(!door.is_banned(HERE, "phone") && door.is_banned(HERE, "victim") && door.is_banned(HERE, "new"));
    assert!((0..20).all(|_| door.guess(HERE, "phone").is_none()), "its mistakes never ban its neighbours");
    assert!(door.is_banned(HERE, "phone"), "but it is no exception any more");
    door.seconds += 60;
    assert!(!door.is_banned(HERE, "phone"));
}

#[test]
fn many_phones_behind_one_address_are_never_banned() {
    let mut door = Door::new();
    for phone in 0..900 {
        door.accept(HERE, &format!("phone{phone}"));
    }
    for phone in 0..900 {
        assert_eq!(door.guess(HERE, &format!("phone{phone}")), None, "a changed password");
    }
    for stranger in 0..60 {
        assert_eq!(door.guess(HERE, &format!("new{stranger}")), None, "new phones, badly configured");
    }
    assert!(!door.is_banned(HERE, "phone1"));
}

#[test]
fn trying_one_user_after_another_is_banned_when_none_is_accepted() {
    let mut door = Door::new();
    let ban = (100..200).find_map(|user| door.try_user(HERE, &user.to_string())).expect("a ban");
    assert_eq!(ban.reason, BanReason::Sweep);
    assert!(ban.evidence.contains("users refused within 60 s, none accepted"), "{}", ban.evidence);
    let mut door = Door::new();
    assert!((0..500).all(|_| door.try_user(HERE, "misconfigured").is_none()), "one user is no sweep");
    door.accept(HERE, "phone");
    assert!((100..200).all(|user| door.try_user(HERE, &user.to_string()).is_none()), "somebody lives here");
}

#[test]
fn scanners_that_say_so_are_banned_at_once() {
    let mut door = Door::new();
    let scanner = request("100", "User-Agent: Friendly-Scanner/1.0\r\n");
    let screened = door.abuse.screen(door.now(), HERE.parse().unwrap(), &scanner, || None);
    let ban = begun(screened).expect("a ban");
    assert_eq!(
        (ban.reason, ban.evidence.as_str()),
        (BanReason::Scanner, "its User-Agent names friendly-scanner")
    );
    assert!(door.is_banned(HERE, "anyone"));
    let phone = request("100", "User-Agent: baresip v1.0.0 (x86_64/linux)\r\n");
    assert_eq!(door.abuse.screen(door.now(), ELSEWHERE.parse().unwrap(), &phone, || None), Screened::Welcome);
}

#[test]
fn floods_of_garbage_are_banned() {
    let mut door = Door::new();
    let ip = HERE.parse().unwrap();
    assert!((0..200).all(|_| door.abuse.malformed(door.now(), ip) == Screened::Welcome));
    let ban = begun(door.abuse.malformed(door.now(), ip)).expect("a ban");
    assert_eq!(ban.reason, BanReason::Malformed);
    assert_eq!(door.abuse.malformed(door.now(), ip), Screened::Banned(None), "banned, and not anew");
}

#[test]
fn a_guessed_user_is_locked_for_strangers_only() {
    let config = AbuseConfig { wrong_answers_max: 1000, ..AbuseConfig::default() };
    let mut door = Door::with(config);
    door.accept(HERE, "alice");
    let throttled = |door: &mut Door, ip: &str, user: &str| {
        door.abuse.is_throttled(door.now(), ip.parse().unwrap(), domain(), &answer_of(user))
    };
    for stranger in 1..=30 {
        assert!(!throttled(&mut door, ELSEWHERE, "alice"));
        door.guess(&format!("198.51.100.{stranger}"), "alice");
    }
    assert!(throttled(&mut door, ELSEWHERE, "alice"));
    assert!(!throttled(&mut door, HERE, "alice") && !throttled(&mut door, ELSEWHERE, "bob"));
    door.seconds += 60;
    assert!(!throttled(&mut door, ELSEWHERE, "alice"));
}

#[test]
fn a_lifted_ban_is_forgotten_and_some_are_never_banned() {
    let config = AbuseConfig { never: vec!["192.0.2.8/31".parse().unwrap()], ..AbuseConfig::default() };
    let mut door = Door::with(config);
    let ban = (0..20).find_map(|_| door.guess(HERE, "alice")).unwrap();
    door.abuse.lift(ban.source);
    assert!(!door.is_banned(HERE, "alice"));
    assert!((0..10).all(|_| door.guess(HERE, "alice").is_none()), "counting begins anew");
    assert_eq!(door.guess(HERE, "alice").unwrap().offences, 1);
    assert!((0..100).all(|_| door.guess(ELSEWHERE, "alice").is_none()));
}

#[test]
fn one_host_of_ipv6_is_its_whole_network() {
    let mut door = Door::new();
    let ban = (1..20).find_map(|host| door.guess(&format!("2001:db8::{host}"), "alice")).unwrap();
    assert_eq!(ban.source.to_string(), "2001:db8::/64");
    assert!(door.is_banned("2001:db8::ffff:1", "alice") && !door.is_banned("2001:db8:0:1::1", "alice"));
}

#[test]
fn memory_is_bounded_whatever_the_number_of_sources() {
    let config = AbuseConfig { remembered_max: 100, bans_max: 50, ..AbuseConfig::default() };
    let mut door = Door::with(config);
    door.accept("203.0.113.1", "phone");
    for number in 0..20_000u32 {
        let ip = std::net::Ipv4Addr::from(0x0a00_0000 + number).to_string();
        door.guess(&ip, &format!("user{number}"));
        if number % 20 == 0 {
            let scanner = request("100", "User-Agent: sipvicious\r\n");
            let _ = door.abuse.screen(door.now(), ip.parse().unwrap(), &scanner, || None);
        }
    }
    assert_eq!(format!("{:?}", door.abuse.bans), "Bans(50)");
    assert!(door.is_banned("10.0.78.12", "anyone"), "the newest ban stands");
}

#[test]
fn nothing_is_banned_when_the_operator_wants_none() {
    let mut door = Door::with(AbuseConfig { enabled: false, ..AbuseConfig::default() });
    assert!((0..100).all(|_| door.guess(HERE, "alice").is_none()));
    let scanner = request("100", "User-Agent: sipvicious\r\n");
    assert_eq!(door.abuse.screen(door.now(), HERE.parse().unwrap(), &scanner, || None), Screened::Welcome);
}
