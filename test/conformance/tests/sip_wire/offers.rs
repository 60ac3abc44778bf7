//! Session descriptions: what is answered to offers of every kind, first ones and later ones.

use std::net::UdpSocket;

use ringway_testkit::Setup;

use crate::admission::{PASSWORD, credentials};
use crate::message::{Message, Request};
use crate::peer::{Call, LIMIT, Peer, Rtp, rtp_address};
use crate::world::{URI, World, offer, sdp};

/// The payload type of an RTP packet.
fn payload_type(packet: &[u8]) -> u8 {
    packet[1] & 0x7f
}

/// Answers with an offer of audio that sounds, and hangs up.
fn answer_to(peer: &Peer, sdp: &str) -> Message {
    let mut call = Call::answered(peer, URI, sdp);
    call.bye();
    call.answer
}

#[test]
fn the_answer_has_the_streams_of_the_offer_in_their_order() {
    let world = World::start();
    let peer = world.udp();
    let rtp = Rtp::new();
    let head = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n";
    let audio = format!("m=audio {} RTP/AVP 8 0\r\n", rtp.port);
    let video = "m=video 5000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n";
    let answer = answer_to(&peer, &format!("{head}{video}{audio}m=application 9 UDP/BFCP *\r\n"));
    assert_eq!(answer.header("Content-Type"), "application/sdp");
    let streams: Vec<String> = answer.sdp('m').iter().map(|line| mask_port(line)).collect();
    assert_eq!(streams, ["video 0 RTP/AVP 96", "audio PORT RTP/AVP 8", "application 0 UDP/BFCP *"]);
    assert_eq!(answer.sdp('t'), ["0 0"]);
    assert_eq!(answer.direction(), "sendrecv");

    let secure = format!("m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:a\r\n{audio}");
    let answer = answer_to(&peer, &format!("{head}{secure}"));
    let streams: Vec<String> = answer.sdp('m').iter().map(|line| mask_port(line)).collect();
    assert_eq!(streams, ["audio 0 RTP/SAVP 0", "audio PORT RTP/AVP 8"], "plain beside secure");
}

/// `audio PORT RTP/AVP 8` of a stream that is on.
fn mask_port(line: &str) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    if words[1] != "0" {
        words[1] = "PORT";
    }
    words.join(" ")
}

#[test]
fn offers_of_browsers_and_gateways_are_answered() {
    let world = World::start();
    let peer = world.udp();
    let ice = "a=ice-ufrag:F7gI\r\na=ice-pwd:x9cml/YzichV2+XlhiMu8g\r\na=candidate:1 1 UDP 1 127.0.0.1 4000 typ host\r\n\
               a=rtcp-fb:* nack\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=mid:0\r\na=setup:actpass\r\n";
    let answer = answer_to(&peer, &sdp(4000, "RTP/AVPF 0", ice));
    assert!(answer.sdp('m')[0].contains(" RTP/AVPF 0"), "{}", answer.body);
    // IPv6 addresses where they do not matter, and where there is no other.
    let mixed = offer(4000).replace("IN IP4 127.0.0.1\r\ns=", "IN IP6 ::1\r\ns=");
    assert_eq!(answer_to(&peer, &mixed).status(), 200);
    let v6 = offer(4000).replace("IN IP4 127.0.0.1", "IN IP6 ::1");
    assert_eq!(peer.ask(&Request::invite(URI, &peer, &v6)).status(), 488);
    // Lines that end in LF alone.
    assert_eq!(answer_to(&peer, &offer(4000).replace("\r\n", "\n")).status(), 200);
    // Inside another body.
    let part = offer(4000);
    let body = format!(
        "--xx\r\nContent-Type: application/isup\r\n\r\n\x01\x02\r\n--xx\r\nContent-Type: application/sdp\r\n\r\n\
         {part}\r\n--xx--\r\n"
    );
    let invite = Request::new("INVITE", URI, &peer).body("multipart/mixed; boundary=xx", &body);
    Call::of(&peer, invite).bye();
}

#[test]
fn sound_is_sent_with_the_payload_types_and_packet_times_of_the_offer() {
    let world = World::start();
    let peer = world.udp();
    let cases = [
        ("RTP/AVP 0", "a=ptime:30\r\n", 0, 240),
        ("RTP/AVP 8", "a=ptime:60\r\n", 8, 480),
        ("RTP/AVP 8", "a=maxptime:10\r\n", 8, 80),
        ("RTP/AVP 97 98", "a=rtpmap:97 opus/48000/2\r\na=rtpmap:98 PCMA/8000\r\n", 98, 160),
    ];
    for (formats, attributes, number, length) in cases {
        let rtp = Rtp::new();
        let mut call = Call::answered(&peer, URI, &sdp(rtp.port, formats, attributes));
        for _ in 0..3 {
            let packet = rtp.receive();
            assert_eq!(
                (payload_type(&packet), packet.len() - 12),
                (number, length),
                "{formats} {attributes}"
            );
        }
        call.bye();
    }
    let keys = "a=rtpmap:110 telephone-event/8000\r\na=fmtp:110 0-15\r\n";
    let answer = answer_to(&peer, &sdp(4000, "RTP/AVP 0 110", keys));
    assert!(answer.sdp('m')[0].ends_with(" RTP/AVP 0 110"), "{}", answer.body);
    assert!(
        answer.body.contains("a=rtpmap:110 telephone-event/8000\r\na=fmtp:110 0-15\r\n"),
        "{}",
        answer.body
    );
}

#[test]
fn rtcp_shares_the_port_where_that_is_offered() {
    let world = World::start();
    let peer = world.udp();
    let rtp = Rtp::new();
    let mut call = Call::answered(&peer, URI, &sdp(rtp.port, "RTP/AVP 0", "a=rtcp-mux\r\n"));
    assert!(call.answer.sdp('a').contains(&"rtcp-mux"), "{}", call.answer.body);
    // Sound and reports come to one port (RFC 5761): 200 is a sender report.
    let (mut sound, mut report) = (false, false);
    while !(sound && report) {
        let packet = rtp.receive();
        match packet[1] {
            200 => report = true,
            0 | 0x80 => sound = true,
            other => panic!("payload type {other}"),
        }
    }
    call.bye();
    let answer = answer_to(&peer, &offer(4000));
    assert!(!answer.sdp('a').contains(&"rtcp-mux"), "{}", answer.body);
}

#[test]
fn hold_and_resume_are_answered_with_the_reversed_direction() {
    let world = World::start();
    for peer in [world.udp(), world.tcp()] {
        let rtp = Rtp::new();
        let plain = offer(rtp.port);
        let mut call = Call::answered(&peer, URI, &plain);
        let (session, mut version) = call.answer.session();
        rtp.receive();
        let held_as_of_old = plain.replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0");
        let steps = [
            ("unchanged", plain.clone(), "sendrecv"),
            ("hold", format!("{plain}a=sendonly\r\n"), "recvonly"),
            ("hold again", format!("{plain}a=sendonly\r\n"), "recvonly"),
            ("inactive", format!("{plain}a=inactive\r\n"), "inactive"),
            ("resume", format!("{plain}a=sendrecv\r\n"), "sendrecv"),
            ("hold by address", held_as_of_old, "recvonly"),
            ("resume by listening", format!("{plain}a=recvonly\r\n"), "sendonly"),
        ];
        let mut before = "sendrecv";
        for (what, sdp, direction) in steps {
            let answer = call.reinvite(&sdp);
            assert_eq!((answer.status(), answer.direction()), (200, direction), "{what}");
            version += u64::from(direction != before);
            before = direction;
            assert_eq!(answer.session(), (session.clone(), version), "{what}");
            match direction {
                "sendrecv" | "sendonly" => drop(rtp.receive()),
                _ => rtp.wait_for_silence(),
            }
        }
        // UPDATE does the same, and without an offer it changes nothing.
        let update = call.next("UPDATE").body("application/sdp", &format!("{plain}a=sendonly\r\n"));
        let answer = peer.ask(&update);
        assert_eq!((answer.status(), answer.direction()), (200, "recvonly"));
        assert_eq!(answer.session(), (session, version + 1));
        rtp.wait_for_silence();
        let refresh = call.next("UPDATE");
        let answer = peer.ask(&refresh);
        assert_eq!((answer.status(), answer.body.as_str()), (200, ""));
        call.bye();
    }
    assert_eq!(world.ended_calls(2), ["completed", "completed"]);
}

#[test]
fn an_offer_that_fails_leaves_the_media_as_they_were() {
    let world = World::start();
    let peer = world.udp();
    let rtp = Rtp::new();
    let mut call = Call::answered(&peer, URI, &offer(rtp.port));
    rtp.receive();
    let (session, version) = call.answer.session();
    for (sdp, status) in [(sdp(4000, "RTP/AVP 18", ""), 488), ("v=0\r\n".to_owned(), 488)] {
        assert_eq!(call.reinvite(&sdp).status(), status);
        let update = call.next("UPDATE").body("application/sdp", &sdp);
        assert_eq!(peer.ask(&update).status(), status);
    }
    let text = call.next("INVITE").body("text/plain", "hello");
    let refusal = peer.ask(&text);
    peer.send(&text.ack_of(&refusal));
    assert_eq!((refusal.status(), refusal.header("Accept")), (415, "application/sdp"));
    let demanding = call.next("INVITE").body("application/sdp", &offer(4000)).header("Require", "bar");
    let refusal = peer.ask(&demanding);
    peer.send(&demanding.ack_of(&refusal));
    assert_eq!((refusal.status(), refusal.header("Unsupported")), (420, "bar"));
    // What waited in the socket is older than the last refusal.
    (0..200).for_each(|_| drop(rtp.receive()));
    let answer = call.reinvite(&offer(rtp.port));
    assert_eq!(answer.session(), (session, version));
    call.bye();
}

#[test]
fn a_later_offer_may_move_the_media_or_come_from_us() {
    let world = World::start();
    let peer = world.udp();
    let (first, second) = (Rtp::new(), Rtp::new());
    let mut call = Call::answered(&peer, URI, &offer(first.port));
    first.receive();
    let ours = rtp_address(&call.answer);
    assert_eq!(call.reinvite(&offer(second.port)).status(), 200);
    second.receive();
    first.wait_for_silence();
    // A re-INVITE without an offer is answered with one, which the ACK answers.
    let empty = call.next("INVITE");
    let answer = peer.ask(&empty);
    assert_eq!((answer.status(), answer.direction()), (200, "sendrecv"));
    assert_eq!(rtp_address(&answer), ours, "the ports stay");
    peer.send(&call.ack().body("application/sdp", &sdp(second.port, "RTP/AVP 0", "")));
    second.receive();
    call.bye();
}

#[test]
fn a_call_without_an_offer_gets_one_where_that_is_allowed() {
    let world = World::with(Setup::default().argument("--late-offer=accept"));
    world.says(
        r#"<Gather numDigits="1" timeout="60" action="/voice"><Play loop="0">/tone.wav</Play></Gather>"#,
    );
    let peer = world.udp();
    let rtp = Rtp::new();
    let invite = Request::new("INVITE", URI, &peer);
    let offered = peer.ask(&invite);
    assert_eq!(offered.status(), 200);
    assert!(offered.sdp('m')[0].ends_with(" RTP/AVP 0 8 101"), "{}", offered.body);
    let ack = Call::ack_for(&peer, &invite, &offered);
    let answer = sdp(rtp.port, "RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000\r\n");
    peer.send(&ack.body("application/sdp", &answer));
    assert_eq!(payload_type(&rtp.receive()), 8);
    // And back: a key is heard.
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    for (sequence, end, duration) in [(1, 0, 160_u16), (2, 0, 320), (3, 0x80, 480), (4, 0x80, 480)] {
        let mut packet = vec![0x80, 101, 0, sequence, 0, 0, 1, 0, 1, 2, 3, 4, 5, end | 10];
        packet.extend(duration.to_be_bytes());
        socket.send_to(&packet, rtp_address(&offered)).expect("it is sent");
    }
    assert_eq!(world.application.wait("/voice", 2, LIMIT).param("Digits"), "5");

    // An ACK without an answer ends the call.
    let invite = Request::new("INVITE", URI, &peer);
    let offered = peer.ask(&invite);
    peer.send(&Call::ack_for(&peer, &invite, &offered));
    let bye = peer.take("BYE", |message| {
        message.method() == "BYE" && message.header("Call-ID") == invite.value("Call-ID")
    });
    peer.reply(&bye, "200 OK");
}

#[test]
#[allow(clippy::print_stdout)] // says why it did nothing
fn a_call_over_ipv6_has_its_media_there() {
    let Ok(rtp) = UdpSocket::bind("[::1]:0") else {
        println!("this machine has no IPv6");
        return;
    };
    let world = World::with(Setup::default().argument("--sip=udp://[::1]:0"));
    let voice = world.application.url("/voice");
    world.ringway.domain_with_user("six", &[("VoiceUrl", &voice)], "alice", PASSWORD);
    let line = world.ringway.screen.iter().find(|line| line.contains("udp://[::1]")).expect("it listens");
    let server =
        line.rsplit("//").next().and_then(|address| address.trim().parse().ok()).expect("an address");
    let peer = Peer::udp_from("::1", server);
    let port = rtp.local_addr().expect("an address").port();
    let offer = offer(port).replace("IN IP4 127.0.0.1", "IN IP6 ::1");
    let uri = "sip:100@six.sip.twilio.com";
    let open = Request::invite(uri, &peer, &offer);
    let challenge = peer.ask(&open);
    peer.send(&open.ack_of(&challenge));
    let known = credentials(&challenge, PASSWORD, uri, 1);
    let mut call = Call::of(&peer, open.again(&peer).header("Proxy-Authorization", &known));
    assert_eq!(call.answer.sdp('c'), ["IN IP6 ::1"]);
    assert_eq!(call.answer.contact_uri(), format!("sip:{server}"));
    rtp.set_read_timeout(Some(LIMIT)).expect("a timeout");
    assert!(rtp.recv(&mut [0; 2048]).expect("RTP") > 12);
    call.bye();
    assert_eq!(world.application.wait("/voice", 1, LIMIT).param("SipSourceIp"), "::1");
}
