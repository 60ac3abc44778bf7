//! Offers and what they are answered with, as a table; then what later exchanges keep.
#![allow(clippy::unwrap_used)]

use ringway_media::sdp::Payload;
use ringway_media::{
    Answer, Codec, LocalMedia, MediaDirection, Negotiated, Negotiation, SdpError, SessionDescription,
};

const HEAD: &str = "v=0\r\no=phone 7 7 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n";

fn local() -> LocalMedia {
    LocalMedia::new([198, 51, 100, 1].into(), 10_000, 10_001, 42)
}

fn description(text: &str) -> SessionDescription {
    SessionDescription::parse(text.replace('|', "\r\n").as_bytes()).unwrap()
}

fn answer(offer: &str) -> Result<Answer, SdpError> {
    Negotiation::new(local()).answer(&SessionDescription::parse(offer.replace('|', "\r\n").as_bytes())?)
}

fn body(answer: &Answer) -> String {
    String::from_utf8(answer.sdp.clone()).unwrap()
}

/// An offer behind the usual head, and lines that its answer has, in this order.
struct Case {
    name: &'static str,
    offer: &'static str,
    answer: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        name: "both laws and keys: the offerer's first",
        offer: "m=audio 4000 RTP/AVP 8 0 101|a=rtpmap:8 PCMA/8000|a=rtpmap:0 PCMU/8000\
                |a=rtpmap:101 telephone-event/8000|a=fmtp:101 0-16|a=sendrecv|",
        answer: &[
            "m=audio 10000 RTP/AVP 8 101",
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:101 telephone-event/8000",
            "a=fmtp:101 0-16",
            "a=ptime:20",
            "a=maxptime:20",
            "a=sendrecv",
        ],
    },
    Case {
        name: "static types without rtpmap",
        offer: "m=audio 4000 RTP/AVP 0 8|",
        answer: &["m=audio 10000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=sendrecv"],
    },
    Case {
        name: "dynamic types by rtpmap, keys of any type",
        offer: "m=audio 4000 RTP/AVP 111 97 126 96|a=rtpmap:111 opus/48000/2|a=rtpmap:97 pcma/8000/1\
                |a=rtpmap:126 telephone-event/48000|a=rtpmap:96 telephone-event/8000|",
        answer: &["m=audio 10000 RTP/AVP 97 96", "a=rtpmap:97 PCMA/8000", "a=fmtp:96 0-15"],
    },
    Case {
        name: "a static number that rtpmap gives to something else is not G.711",
        offer: "m=audio 4000 RTP/AVP 0 8|a=rtpmap:0 PCMU/16000|",
        answer: &["m=audio 10000 RTP/AVP 8", "a=rtpmap:8 PCMA/8000"],
    },
    Case {
        name: "only the events that both know",
        offer: "m=audio 4000 RTP/AVP 0 101|a=rtpmap:101 telephone-event/8000|a=fmtp:101 0-9,11, 16, 32-36|",
        answer: &["a=fmtp:101 0-9,11,16"],
    },
    Case {
        name: "comfort noise",
        offer: "m=audio 4000 RTP/AVP 0 13|",
        answer: &["m=audio 10000 RTP/AVP 0 13", "a=rtpmap:13 CN/8000"],
    },
    Case {
        name: "packet time 30",
        offer: "m=audio 4000 RTP/AVP 0|a=ptime:30|",
        answer: &["a=ptime:30", "a=maxptime:30"],
    },
    Case { name: "packet time 60", offer: "m=audio 4000 RTP/AVP 0|a=ptime:60|", answer: &["a=ptime:60"] },
    Case { name: "packet time 10", offer: "m=audio 4000 RTP/AVP 0|a=ptime:10|", answer: &["a=ptime:10"] },
    Case { name: "packet time 90", offer: "m=audio 4000 RTP/AVP 0|a=ptime:90|", answer: &["a=ptime:20"] },
    Case { name: "packet time 0", offer: "m=audio 4000 RTP/AVP 0|a=ptime:0|", answer: &["a=ptime:20"] },
    Case {
        name: "packet time beyond maxptime",
        offer: "m=audio 4000 RTP/AVP 0|a=ptime:40|a=maxptime:30|",
        answer: &["a=ptime:30"],
    },
    Case {
        name: "video is refused in its place",
        offer: "m=video 5000 RTP/AVP 96 97|a=rtpmap:96 H264/90000|m=audio 4000 RTP/AVP 0|",
        answer: &["m=video 0 RTP/AVP 96", "m=audio 10000 RTP/AVP 0"],
    },
    Case {
        name: "the first audio that fits, the other off; unknown media too",
        offer: "m=audio 4000 RTP/AVP 18|m=audio 4002 RTP/AVP 0|m=audio 4004 RTP/AVP 0\
                |m=application 9 UDP/BFCP *|",
        answer: &[
            "m=audio 0 RTP/AVP 18",
            "m=audio 10000 RTP/AVP 0",
            "m=audio 0 RTP/AVP 0",
            "m=application 0 UDP/BFCP *",
        ],
    },
    Case {
        name: "early feedback profile, ICE tolerated",
        offer: "m=audio 4000 RTP/AVPF 0|a=rtcp-fb:* trr-int 5000|a=ice-ufrag:abcd\
                |a=candidate:1 1 UDP 2130706431 192.0.2.9 4000 typ host|",
        answer: &["m=audio 10000 RTP/AVPF 0"],
    },
    Case {
        name: "secure and plain offered: the plain one",
        offer: "m=audio 4000 RTP/SAVP 0|a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x|m=audio 4002 RTP/AVP 0|",
        answer: &["m=audio 0 RTP/SAVP 0", "m=audio 10000 RTP/AVP 0"],
    },
    Case {
        name: "opportunistic encryption is declined by saying nothing of it",
        offer: "m=audio 4000 RTP/AVP 0|a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x|",
        answer: &["m=audio 10000 RTP/AVP 0"],
    },
    Case {
        name: "one port for both",
        offer: "m=audio 4000 RTP/AVP 0|a=rtcp-mux|",
        answer: &["a=rtcp-mux", "a=sendrecv"],
    },
    Case { name: "sendonly", offer: "m=audio 4000 RTP/AVP 0|a=sendonly|", answer: &["a=recvonly"] },
    Case { name: "recvonly", offer: "m=audio 4000 RTP/AVP 0|a=recvonly|", answer: &["a=sendonly"] },
    Case { name: "inactive", offer: "m=audio 4000 RTP/AVP 0|a=inactive|", answer: &["a=inactive"] },
    Case {
        name: "direction of the session",
        offer: "a=sendonly|m=audio 4000 RTP/AVP 0|",
        answer: &["a=recvonly"],
    },
    Case {
        name: "direction of the media wins",
        offer: "a=sendonly|m=audio 4000 RTP/AVP 0|a=sendrecv|",
        answer: &["a=sendrecv"],
    },
    Case {
        name: "hold by zeros",
        offer: "m=audio 4000 RTP/AVP 0|c=IN IP4 0.0.0.0|",
        answer: &["a=recvonly"],
    },
    Case {
        name: "hold by zeros and inactive",
        offer: "m=audio 4000 RTP/AVP 0|c=IN IP4 0.0.0.0|a=inactive|",
        answer: &["a=inactive"],
    },
    Case {
        name: "hold by zeros and sendonly",
        offer: "m=audio 4000 RTP/AVP 0|c=IN IP4 0.0.0.0|a=sendonly|",
        answer: &["a=recvonly"],
    },
];

#[test]
fn offers_are_answered_as_the_table_says() {
    for case in CASES {
        let offer = format!("{HEAD}{}", case.offer);
        let text = body(&answer(&offer).unwrap_or_else(|error| panic!("{}: {error}", case.name)));
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(lines[..3], ["v=0", "o=- 42 1 IN IP4 198.51.100.1", "s=-"], "{}", case.name);
        assert_eq!(lines[3..5], ["c=IN IP4 198.51.100.1", "t=0 0"], "{}", case.name);
        let mut rest = lines.iter();
        for wanted in case.answer {
            assert!(rest.any(|line| line == wanted), "{}: no {wanted} in its place in\n{text}", case.name);
        }
        let offered = case.offer.matches("m=").count();
        assert_eq!(lines.iter().filter(|line| line.starts_with("m=")).count(), offered, "{}", case.name);
        assert!(SessionDescription::parse(text.as_bytes()).is_ok(), "{}", case.name);
    }
}

#[test]
fn offers_that_cannot_be_answered_say_why() {
    let secure = SdpError::SecureMedia;
    let cases = [
        ("no audio", "m=video 4000 RTP/AVP 96|", SdpError::NoAudio),
        ("audio off", "m=audio 0 RTP/AVP 0|", SdpError::NoAudio),
        ("no media at all", "", SdpError::NoAudio),
        ("a profile that nobody knows", "m=audio 4000 TCP/MRCPv2 1|", SdpError::NoAudio),
        ("SDES", "m=audio 4000 RTP/SAVP 0|", secure),
        ("SDES with feedback", "m=audio 4000 RTP/SAVPF 0|", secure),
        ("DTLS", "m=audio 4000 UDP/TLS/RTP/SAVPF 0|", secure),
        (
            "no codec of ours",
            "m=audio 4000 RTP/AVP 18 111|a=rtpmap:111 opus/48000/2|",
            SdpError::NoCommonCodec,
        ),
        ("only keys", "m=audio 4000 RTP/AVP 101|a=rtpmap:101 telephone-event/8000|", SdpError::NoCommonCodec),
        (
            "secure, and plain without a codec",
            "m=audio 4000 RTP/SAVP 0|m=audio 4002 RTP/AVP 18|",
            SdpError::NoCommonCodec,
        ),
        ("multicast", "m=audio 4000 RTP/AVP 0|c=IN IP4 224.2.1.1/127|", SdpError::UnusableAddress),
        ("broadcast", "m=audio 4000 RTP/AVP 0|c=IN IP4 255.255.255.255|", SdpError::UnusableAddress),
        ("the other family", "m=audio 4000 RTP/AVP 0|c=IN IP6 2001:db8::1|", SdpError::UnusableAddress),
    ];
    for (name, offer, error) in cases {
        assert_eq!(answer(&format!("{HEAD}{offer}")).unwrap_err(), error, "{name}");
    }
    let malformed = answer("v=0|m=audio|").unwrap_err();
    assert!(matches!(malformed, SdpError::Malformed { .. }));
    assert_eq!((malformed.code(), secure.code()), (32102, 32207));
}

fn negotiated(offer: &str) -> Negotiated {
    answer(&format!("{HEAD}{offer}")).unwrap().negotiated
}

#[test]
fn what_follows_for_the_session() {
    let agreed = negotiated(
        "m=audio 4000 RTP/AVP 97 13 96|a=rtpmap:97 PCMA/8000|a=rtpmap:96 telephone-event/8000|a=ptime:40|",
    );
    assert_eq!((agreed.codec, agreed.payload_type), (Codec::Pcma, 97));
    assert_eq!((agreed.telephone_event, agreed.comfort_noise, agreed.ptime_ms), (Some(96), Some(13), 40));
    assert_eq!(agreed.remote, "192.0.2.9:4000".parse().unwrap());
    assert_eq!(agreed.remote_rtcp, "192.0.2.9:4001".parse().unwrap());
    assert_eq!(agreed.accept.payload(97), Some(Payload::Audio(Codec::Pcma)));
    assert_eq!(agreed.accept.payload(96), Some(Payload::TelephoneEvent));
    assert_eq!(agreed.accept.payload(13), Some(Payload::ComfortNoise));
    assert_eq!(agreed.accept.payload(0), None);
}

#[test]
fn where_reports_go() {
    let mux = negotiated("m=audio 4000 RTP/AVP 0|a=rtcp-mux|a=rtcp:9999|");
    assert!(mux.rtcp_mux);
    assert_eq!(mux.remote_rtcp, mux.remote);
    let other_port = negotiated("m=audio 4000 RTP/AVP 0|a=rtcp:5005|");
    assert_eq!(other_port.remote_rtcp, "192.0.2.9:5005".parse().unwrap());
    let other_host = negotiated("m=audio 4000 RTP/AVP 0|a=rtcp:5005 IN IP4 192.0.2.77|");
    assert_eq!(other_host.remote_rtcp, "192.0.2.77:5005".parse().unwrap());
}

#[test]
fn our_own_reports_port_is_named_when_it_is_not_the_next_one() {
    let mut local = local();
    local.rtcp_port = 20_000;
    let offer = description(&format!("{HEAD}m=audio 4000 RTP/AVP 0|"));
    assert!(body(&Negotiation::new(local).answer(&offer).unwrap()).contains("a=rtcp:20000\r\n"));
    assert!(!body(&answer(&format!("{HEAD}m=audio 4000 RTP/AVP 0|")).unwrap()).contains("a=rtcp"));
}

#[test]
fn ipv6_on_both_sides() {
    let local = LocalMedia::new("2001:db8::1".parse().unwrap(), 10_000, 10_001, 42);
    let offer =
        description("v=0|o=- 1 1 IN IP6 2001:db8::9|s=-|c=IN IP6 2001:db8::9|t=3 4|m=audio 4000 RTP/AVP 0|");
    let answer = Negotiation::new(local).answer(&offer).unwrap();
    let text = body(&answer);
    assert!(
        text.contains("o=- 42 1 IN IP6 2001:db8::1\r\n")
            && text.contains("c=IN IP6 2001:db8::1\r\nt=3 4\r\n")
    );
    assert_eq!(answer.negotiated.remote, "[2001:db8::9]:4000".parse().unwrap());
}

#[test]
fn a_host_name_leaves_the_place_open() {
    let agreed = negotiated("m=audio 4000 RTP/AVP 0|c=IN IP4 phone.example.com|");
    assert!(agreed.remote.ip().is_unspecified());
    assert_eq!(agreed.direction, MediaDirection::SendRecv);
}

#[test]
fn the_version_grows_only_with_a_change() {
    let mut negotiation = Negotiation::new(local());
    let offer = format!("{HEAD}m=audio 4000 RTP/AVP 0|");
    let mut version = |offer: &str| {
        let answer = negotiation.answer(&description(offer)).unwrap();
        body(&answer).split("\r\n").nth(1).unwrap().to_owned()
    };
    assert_eq!(version(&offer), "o=- 42 1 IN IP4 198.51.100.1");
    assert_eq!(version(&offer), "o=- 42 1 IN IP4 198.51.100.1");
    assert_eq!(version(&format!("{offer}a=sendonly|")), "o=- 42 2 IN IP4 198.51.100.1");
    assert_eq!(version(&format!("{offer}a=sendonly|")), "o=- 42 2 IN IP4 198.51.100.1");
    assert_eq!(version(&offer), "o=- 42 3 IN IP4 198.51.100.1");
}

#[test]
fn a_refused_offer_changes_nothing() {
    let mut negotiation = Negotiation::new(local());
    let offer = description(&format!("{HEAD}m=audio 4000 RTP/AVP 0|"));
    let before = negotiation.answer(&offer).unwrap();
    let unusable = description(&format!("{HEAD}m=audio 4000 RTP/AVP 18|"));
    assert!(negotiation.answer(&unusable).is_err());
    assert_eq!(negotiation.answer(&offer).unwrap(), before);
}

#[test]
fn our_offer_and_its_answer() {
    let mut negotiation = Negotiation::new(local());
    let offer = String::from_utf8(negotiation.offer()).unwrap();
    for line in ["m=audio 10000 RTP/AVP 0 8 101", "a=fmtp:101 0-16", "a=ptime:20", "a=rtcp-mux", "a=sendrecv"]
    {
        assert!(offer.contains(&format!("{line}\r\n")), "{line} in\n{offer}");
    }
    let answer = description(&format!(
        "{HEAD}m=audio 4000 RTP/AVP 8 97|a=rtpmap:97 telephone-event/8000|a=ptime:30|a=sendonly|"
    ));
    let agreed = negotiation.apply_answer(&answer).unwrap();
    assert_eq!((agreed.codec, agreed.payload_type, agreed.ptime_ms), (Codec::Pcma, 8, 30));
    assert_eq!(agreed.telephone_event, Some(97));
    assert_eq!(agreed.direction, MediaDirection::RecvOnly);
    assert!(!agreed.rtcp_mux);
    for keys in [97, 101] {
        assert_eq!(agreed.accept.payload(keys), Some(Payload::TelephoneEvent));
    }
    assert_eq!(agreed.accept.payload(0), None);
}

#[test]
fn a_later_offer_of_ours_keeps_streams_types_and_version() {
    let mut negotiation = Negotiation::new(local());
    let first = description(&format!(
        "{HEAD}m=video 5000 RTP/AVP 96|m=audio 4000 RTP/AVPF 97 98|a=rtpmap:97 PCMU/8000\
         |a=rtpmap:98 telephone-event/8000|"
    ));
    negotiation.answer(&first).unwrap();
    let again = String::from_utf8(negotiation.offer()).unwrap();
    assert!(
        again.contains("o=- 42 1 ")
            && again.contains("m=video 0 RTP/AVP 96\r\nm=audio 10000 RTP/AVPF 97 98\r\n")
    );
    negotiation.set_direction(MediaDirection::SendOnly);
    let hold = String::from_utf8(negotiation.offer()).unwrap();
    assert!(hold.contains("o=- 42 2 ") && hold.contains("a=sendonly\r\n"), "{hold}");
    let answer = description(&format!(
        "{HEAD}m=video 0 RTP/AVP 96|m=audio 4000 RTP/AVPF 97|a=rtpmap:97 PCMU/8000|a=recvonly|"
    ));
    assert_eq!(negotiation.apply_answer(&answer).unwrap().direction, MediaDirection::SendOnly);
}

#[test]
fn an_offer_for_a_bridge_asks_first_for_what_the_other_leg_has() {
    let caller = negotiated("m=audio 4000 RTP/AVP 8 0|a=ptime:30|");
    let offer = Negotiation::new(local().to_match(&caller)).offer();
    let offer = String::from_utf8(offer).unwrap();
    assert!(
        offer.contains("m=audio 10000 RTP/AVP 8 0 101\r\n") && offer.contains("a=ptime:30\r\n"),
        "{offer}"
    );
}

#[test]
fn a_call_of_ours_is_held_and_resumed_by_either_side() {
    let mut negotiation = Negotiation::new(local());
    negotiation.offer();
    // Early media in a 183, then the same answer in the 200.
    let answer = description(&format!(
        "{HEAD}m=audio 4000 RTP/AVP 8 96|a=rtpmap:8 PCMA/8000|a=rtpmap:96 telephone-event/8000|"
    ));
    let early = negotiation.apply_answer(&answer).unwrap();
    assert_eq!(negotiation.apply_answer(&answer).unwrap(), early);
    // The callee holds, with its own payload types.
    let hold =
        description(&format!("{HEAD}m=audio 4000 RTP/AVP 8 96|a=rtpmap:96 telephone-event/8000|a=sendonly|"));
    let held = negotiation.answer(&hold).unwrap();
    assert!(body(&held).contains("m=audio 10000 RTP/AVP 8 96\r\n") && body(&held).contains("a=recvonly\r\n"));
    assert_eq!(held.negotiated.direction, MediaDirection::RecvOnly);
    assert!(body(&held).contains("o=- 42 2 "));
    // An offer of ours meanwhile asks for both ways again, with what was agreed on last.
    let offer = String::from_utf8(negotiation.offer()).unwrap();
    assert!(offer.contains("m=audio 10000 RTP/AVP 8 96\r\n") && offer.contains("a=sendrecv\r\n"), "{offer}");
    let resumed = description(&format!("{HEAD}m=audio 4002 RTP/AVP 8 96|a=rtpmap:96 telephone-event/8000|"));
    let agreed = negotiation.apply_answer(&resumed).unwrap();
    assert_eq!((agreed.direction, agreed.remote.port()), (MediaDirection::SendRecv, 4002));
    assert_eq!(agreed.telephone_event, Some(96));
}

#[test]
fn each_branch_of_a_fork_has_its_own_answer() {
    let mut offered = Negotiation::new(local());
    offered.offer();
    let (mut first, mut second) = (offered.clone(), offered);
    let in_law = |number| description(&format!("{HEAD}m=audio 4000 RTP/AVP {number}|"));
    assert_eq!(first.apply_answer(&in_law(0)).unwrap().codec, Codec::Pcmu);
    assert_eq!(second.apply_answer(&in_law(8)).unwrap().codec, Codec::Pcma);
    assert!(String::from_utf8(first.offer()).unwrap().contains("RTP/AVP 0\r\n"));
}

#[test]
fn answers_that_do_not_fit() {
    let mut negotiation = Negotiation::new(local());
    let good = description(&format!("{HEAD}m=audio 4000 RTP/AVP 0|"));
    assert!(matches!(negotiation.apply_answer(&good), Err(SdpError::NotAnAnswer { .. })));
    negotiation.offer();
    for bad in [
        "m=audio 0 RTP/AVP 0|",
        "m=video 4000 RTP/AVP 0|",
        "m=audio 4000 RTP/SAVP 0|",
        "m=audio 4000 RTP/AVP 0|m=audio 4002 RTP/AVP 0|",
    ] {
        let answer = description(&format!("{HEAD}{bad}"));
        assert!(matches!(negotiation.apply_answer(&answer), Err(SdpError::NotAnAnswer { .. })), "{bad}");
    }
    let foreign = description(&format!("{HEAD}m=audio 4000 RTP/AVP 18|"));
    assert_eq!(negotiation.apply_answer(&foreign), Err(SdpError::NoCommonCodec));
    assert!(negotiation.apply_answer(&good).is_ok());
}
