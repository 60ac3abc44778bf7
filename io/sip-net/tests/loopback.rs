//! The driver on real sockets of the loopback network, with an endpoint that answers OPTIONS.

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, UdpSocket};
use std::time::{Duration, Instant};

use ringway_sip::endpoint::{Command, DialogId, Transport};
use ringway_sip_net::TcpLimits;
use support::{
    PATIENCE, invite, is_closed, options, rejected, responses, serve, target, tcp_client, udp_client,
};

#[test]
fn udp_is_answered_from_the_address_that_was_asked() {
    let world = serve(&["udp://0.0.0.0:0"], TcpLimits::default());
    let asked = SocketAddr::from(([127, 0, 0, 2], world.addresses[0].port()));
    let client = udp_client();
    client.send_to(options("UDP", 1).as_bytes(), asked).expect("sent");
    let mut buffer = [0; 2048];
    let (length, from) = client.recv_from(&mut buffer).expect("an answer");
    assert_eq!(from, asked);
    let text = String::from_utf8_lossy(&buffer[..length]);
    assert!(text.starts_with("SIP/2.0 200 "), "{text}");
    let port = client.local_addr().expect("bound").port();
    assert!(text.contains(&format!("rport={port}")) && text.contains("received=127.0.0.1"), "{text}");
}

#[test]
fn a_burst_of_datagrams_is_answered_whole() {
    let world = serve(&["udp://127.0.0.1:0"], TcpLimits::default());
    let client = udp_client();
    let mut buffer = [0; 2048];
    // More than a batch at once, and fewer than the client's own buffer holds.
    for burst in 0..4 {
        for number in 0..50 {
            let request = options("UDP", 50 * burst + number);
            client.send_to(request.as_bytes(), world.addresses[0]).expect("sent");
        }
        for _ in 0..50 {
            client.recv(&mut buffer).expect("an answer");
            assert!(buffer.starts_with(b"SIP/2.0 200 "));
        }
    }
    let deadline = Instant::now() + PATIENCE;
    while world.driver.handle().snapshot().endpoint.requests_received.get("OPTIONS") != Some(&200) {
        assert!(Instant::now() < deadline, "the counters are told within their interval");
        std::thread::yield_now();
    }
}

#[test]
fn garbage_and_keep_alives_on_udp_get_no_answer() {
    let world = serve(&["udp://127.0.0.1:0"], TcpLimits::default());
    let client = udp_client();
    for junk in [&b"\r\n\r\n"[..], b"", b"\0\0", b"INVITE", &[0xff; 1500], b"SIP/2.0 200 OK\r\n\r\n"] {
        client.send_to(junk, world.addresses[0]).expect("sent");
    }
    client.send_to(options("UDP", 77).as_bytes(), world.addresses[0]).expect("sent");
    let mut buffer = [0; 2048];
    let length = client.recv(&mut buffer).expect("an answer");
    assert!(String::from_utf8_lossy(&buffer[..length]).contains("Call-ID: 77@client"));
}

#[test]
fn messages_on_a_stream_may_come_split_and_merged() {
    let world = serve(&["tcp://127.0.0.1:0"], TcpLimits::default());
    let mut stream = tcp_client(world.addresses[0]);
    let three = options("TCP", 1) + &options("TCP", 2) + &options("TCP", 3);
    let (first, rest) = three.as_bytes().split_at(150);
    stream.write_all(first).expect("written");
    for piece in rest.chunks(97) {
        stream.write_all(piece).expect("written");
        stream.flush().expect("flushed");
    }
    let text = responses(&mut stream, 3);
    for number in 1..=3 {
        assert!(text.contains(&format!("Call-ID: {number}@client")), "{text}");
    }
}

#[test]
fn a_keep_alive_on_a_stream_is_answered() {
    let world = serve(&["tcp://127.0.0.1:0"], TcpLimits::default());
    let mut stream = tcp_client(world.addresses[0]);
    stream.write_all(b"\r\n\r\n").expect("written");
    let mut pong = [0; 2];
    stream.read_exact(&mut pong).expect("a pong");
    assert_eq!(&pong, b"\r\n");
    stream.write_all(options("TCP", 5).as_bytes()).expect("written");
    assert!(responses(&mut stream, 1).contains("Call-ID: 5@client"));
}

#[test]
fn a_stream_that_is_not_sip_is_closed() {
    let world = serve(&["tcp://127.0.0.1:0"], TcpLimits::default());
    let mut stream = tcp_client(world.addresses[0]);
    let junk = [b'x'; 300_000];
    // The other side may close while this is written.
    let _ = stream.write_all(&junk);
    assert!(is_closed(&mut stream));
}

#[test]
fn what_came_before_garbage_is_answered_before_the_end() {
    let world = serve(&["tcp://127.0.0.1:0"], TcpLimits::default());
    let mut stream = tcp_client(world.addresses[0]);
    let junk = "\0 this is not SIP".repeat(20_000);
    // The other side may close while this is written.
    let _ = stream.write_all((options("TCP", 1) + &options("TCP", 2) + &junk).as_bytes());
    let text = responses(&mut stream, 2);
    assert!(text.contains("Call-ID: 1@client") && text.contains("Call-ID: 2@client"), "{text}");
    assert!(is_closed(&mut stream));
}

#[test]
fn who_has_said_all_still_hears_the_answer() {
    let world = serve(&["tcp://127.0.0.1:0"], TcpLimits::default());
    let mut stream = tcp_client(world.addresses[0]);
    stream.write_all(options("TCP", 6).as_bytes()).expect("written");
    stream.shutdown(Shutdown::Write).expect("half closed");
    assert!(responses(&mut stream, 1).contains("Call-ID: 6@client"));
    assert!(is_closed(&mut stream));
}

#[test]
fn a_message_that_never_gets_whole_ends_its_connection() {
    let limits = TcpLimits { message: Duration::from_millis(1), ..TcpLimits::default() };
    let world = serve(&["tcp://127.0.0.1:0"], limits);
    let mut stream = tcp_client(world.addresses[0]);
    stream.write_all((options("TCP", 7) + "OPTIONS sip:half").as_bytes()).expect("written");
    responses(&mut stream, 1);
    assert!(is_closed(&mut stream));
}

#[test]
fn ipv6_is_answered_from_the_address_that_was_asked() {
    let world = serve(&["udp://[::]:0", "tcp://[::1]:0"], TcpLimits::default());
    let client = UdpSocket::bind("[::1]:0").expect("a port");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let asked = SocketAddr::new("::1".parse().expect("an address"), world.addresses[0].port());
    client.send_to(options("UDP", 1).as_bytes(), asked).expect("sent");
    let mut buffer = [0; 2048];
    let (length, from) = client.recv_from(&mut buffer).expect("an answer");
    assert_eq!(from, asked);
    assert!(String::from_utf8_lossy(&buffer[..length]).contains("received=::1"));
    let mut stream = tcp_client(world.addresses[1]);
    stream.write_all(options("TCP", 2).as_bytes()).expect("written");
    assert!(responses(&mut stream, 1).starts_with("SIP/2.0 200 "));
}

#[test]
fn rfc5626_stun_is_answered_on_the_port_of_sip() {
    let world = serve(&["udp://127.0.0.1:0"], TcpLimits::default());
    let client = udp_client();
    let mut request = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    request.extend([7; 12]);
    client.send_to(&request, world.addresses[0]).expect("sent");
    let mut buffer = [0; 128];
    let length = client.recv(&mut buffer).expect("an answer");
    let port = client.local_addr().expect("bound").port() ^ 0x2112;
    assert_eq!(buffer[..4], [1, 1, 0, 12]);
    assert_eq!(buffer[4..20], request[4..20]);
    assert_eq!(buffer[26..28], port.to_be_bytes());
    assert_eq!(buffer[28..length], [127 ^ 0x21, 0x12, 0xa4, 1 ^ 0x42]);
}

#[test]
fn one_address_gets_its_share_of_connections() {
    let limits = TcpLimits { connections_per_address_max: 2, ..TcpLimits::default() };
    let world = serve(&["tcp://127.0.0.1:0"], limits);
    let mut streams: Vec<_> = (0..3).map(|_| tcp_client(world.addresses[0])).collect();
    assert!(is_closed(&mut streams[2]));
    for stream in &mut streams[..2] {
        stream.write_all(options("TCP", 9).as_bytes()).expect("written");
        responses(stream, 1);
    }
}

#[test]
fn a_connection_without_a_message_is_closed() {
    let limits = TcpLimits { message: Duration::from_millis(1), ..TcpLimits::default() };
    let world = serve(&["tcp://127.0.0.1:0"], limits);
    let mut stream = tcp_client(world.addresses[0]);
    stream.write_all(b"OPTIONS sip:half").expect("written");
    assert!(is_closed(&mut stream));
}

#[test]
fn a_peer_that_does_not_read_is_closed() {
    let world = serve(&["tcp://127.0.0.1:0"], TcpLimits::default());
    let mut stream = tcp_client(world.addresses[0]);
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    let closed = (0..200_000).any(|number| stream.write_all(options("TCP", number).as_bytes()).is_err());
    assert!(closed);
}

#[test]
fn a_call_out_opens_a_connection_and_hears_the_answer_on_it() {
    let world = serve(&["tcp://127.0.0.1:0"], TcpLimits::default());
    let phone = TcpListener::bind("127.0.0.1:0").expect("a port");
    invite(&world, target(Transport::Tcp, phone.local_addr().expect("bound")));
    let (mut stream, _) = phone.accept().expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut buffer = [0; 4096];
    let length = stream.read(&mut buffer).expect("the INVITE");
    let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
    assert!(text.starts_with("INVITE sip:b@test.example SIP/2.0\r\n"), "{text}");
    let advertised = format!("127.0.0.1:{}", world.addresses[0].port());
    assert!(text.contains(&advertised), "Contact and Via name the listener: {text}");
    let kept: String = text
        .lines()
        .filter(|line| ["Via:", "From:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name)))
        .map(|line| format!("{line}\r\n"))
        .collect();
    let busy =
        format!("SIP/2.0 486 Busy Here\r\n{kept}To: <sip:b@test.example>;tag=9\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(busy.as_bytes()).expect("written");
    assert_eq!(rejected(&world), 486);
}

#[test]
fn a_call_out_to_a_closed_port_fails_at_once() {
    let world = serve(&["tcp://127.0.0.1:0"], TcpLimits::default());
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    invite(&world, target(Transport::Tcp, closed));
    assert_eq!(rejected(&world), 503);
}

#[test]
fn a_call_out_to_a_closed_datagram_port_fails_at_once() {
    for address in ["127.0.0.1", "[::1]"] {
        let world = serve(&[&format!("udp://{address}:0")], TcpLimits::default());
        let closed = UdpSocket::bind(format!("{address}:0")).and_then(|socket| socket.local_addr());
        let asked = Instant::now();
        invite(&world, target(Transport::Udp, closed.expect("a port")));
        assert_eq!(rejected(&world), 503);
        assert!(asked.elapsed() < PATIENCE, "and not after the 32 s of timer B");
    }
}

#[test]
fn a_call_out_without_a_socket_for_it_fails_at_once() {
    let world = serve(&["tcp://127.0.0.1:0"], TcpLimits::default());
    invite(&world, target(Transport::Udp, "127.0.0.1:9".parse().expect("an address")));
    assert_eq!(rejected(&world), 503);
}

#[test]
fn commands_after_a_shutdown_are_refused() {
    let world = serve(&["udp://127.0.0.1:0"], TcpLimits::default());
    let handle = world.driver.handle();
    world.driver.shutdown();
    let dialog = DialogId::chosen(0, 1);
    assert!(handle.send(Command::Hangup { dialog, reason: None, headers: Vec::new() }).is_err());
}
