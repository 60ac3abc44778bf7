//! UDP from the address that was asked, TCP as a stream.

use std::net::SocketAddr;

use ringway_testkit::Setup;

use crate::message::Request;
use crate::peer::{Call, Peer, rtp_address};
use crate::world::{URI, World, offer};

#[test]
fn answers_leave_from_the_address_that_was_asked() {
    let setup = Setup::default().argument("--sip=udp://0.0.0.0:0").argument("--sip=tcp://0.0.0.0:0");
    let world = World::with(setup.argument("--webhook-allow=127.0.0.0/8"));
    let listening = |transport: &str| -> SocketAddr {
        let line = world.ringway.screen.iter().find(|line| line.contains(&format!("{transport}://0.0.0.0")));
        let line = line.unwrap_or_else(|| panic!("no {transport} in {:#?}", world.ringway.screen));
        line.rsplit("//").next().and_then(|address| address.trim().parse().ok()).expect("an address")
    };
    for ip in ["127.0.0.5", "127.0.0.1"] {
        let peers = [
            Peer::udp(SocketAddr::new(ip.parse().expect("an address"), listening("udp").port())),
            Peer::tcp(SocketAddr::new(ip.parse().expect("an address"), listening("tcp").port())),
        ];
        for peer in peers {
            // The socket is connected: it hears nobody else.
            let mut call = Call::answered(&peer, URI, &offer(4000));
            let contact = call.answer.contact_uri();
            assert!(contact.starts_with(&format!("sip:{}", peer.server())), "{contact}");
            assert_eq!(rtp_address(&call.answer).ip(), peer.server().ip(), "media, too");
            call.bye();
        }
    }
}

#[test]
fn a_stream_is_cut_by_content_length_however_it_is_written() {
    let world = World::start();
    let peer = world.tcp();
    let requests: Vec<Request> = (0..3)
        .map(|number| {
            let options = Request::new("OPTIONS", URI, &peer);
            if number == 1 { options.body("text/plain", "a body\r\n\r\nOPTIONS not SIP") } else { options }
        })
        .collect();
    // All in one write.
    let together: Vec<u8> = requests.iter().flat_map(Request::bytes).collect();
    peer.send_bytes(&together);
    for request in &requests {
        assert_eq!(peer.answer_to(request).status(), 200);
    }
    // One in many writes, with the start of the next at the end of the last.
    let requests: Vec<Request> = requests.into_iter().map(|request| request.again(&peer)).collect();
    let together: Vec<u8> = requests.iter().flat_map(Request::bytes).collect();
    for piece in together.chunks(97) {
        peer.send_bytes(piece);
        std::thread::yield_now();
    }
    for request in &requests {
        assert_eq!(peer.answer_to(request).status(), 200);
    }
}

#[test]
fn keep_alives_are_answered_between_messages() {
    let world = World::start();
    let peer = world.tcp();
    peer.send_bytes(b"\r\n\r\n");
    assert_eq!(peer.raw(2), b"\r\n");
    let options = Request::new("OPTIONS", URI, &peer);
    assert_eq!(peer.ask(&options).status(), 200);
    peer.send_bytes(b"\r\n");
    peer.send_bytes(b"\r\n\r\n");
    assert_eq!(peer.raw(2), b"\r\n");
    assert_eq!(peer.ask(&Request::new("OPTIONS", URI, &peer)).status(), 200);
}

#[test]
fn each_connection_hears_of_its_own_calls() {
    let world = World::start();
    let (first, second) = (world.tcp(), world.tcp());
    let mut one = Call::answered(&first, URI, &offer(4000));
    let other = Call::answered(&second, URI, &offer(4002));
    assert_ne!(one.answer.header("To"), other.answer.header("To"));
    one.bye();
    // The other one is ended from here, on the connection that it came by.
    world.complete(&other.invite);
    let bye = second.request("BYE");
    assert!(bye.header("Via").starts_with("SIP/2.0/TCP "), "{bye:?}");
    second.reply(&bye, "200 OK");
    assert_eq!(world.ended_calls(2), ["completed", "completed"]);
    assert!(first.everything().iter().all(|message| message.method().is_empty()), "nothing for the other");
}

#[test]
fn a_stream_that_is_not_sip_is_closed_and_nobody_else_notices() {
    let world = World::start();
    let good = world.tcp();
    let cases: [&[u8]; 3] = [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: many\r\n\r\n",
    ];
    for bytes in cases {
        let bad = world.tcp();
        bad.send_bytes(bytes);
        assert!(bad.closed(), "{:?}", String::from_utf8_lossy(bytes));
    }
    let half = world.tcp();
    half.send_bytes(b"INVITE sip:a@b");
    drop(half);
    assert_eq!(good.ask(&Request::new("OPTIONS", URI, &good)).status(), 200);
}

#[test]
fn a_message_as_large_as_a_datagram_is_read_and_a_larger_one_ends_its_stream() {
    let world = World::start();
    let peer = world.udp();
    let large = Request::new("OPTIONS", URI, &peer).header("X-Long", &"x".repeat(7000));
    assert_eq!(peer.ask(&large).status(), 200);
    let stream = world.tcp();
    let huge = format!("OPTIONS {URI} SIP/2.0\r\nContent-Length: 100000000\r\n\r\n");
    stream.send_bytes(huge.as_bytes());
    assert!(stream.closed());
}
