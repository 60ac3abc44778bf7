//! What goes wrong, the code it has, and when it is tried again.

mod support;

use std::net::SocketAddr;

use ringway_webhook::{CallSession, Client, ClientConfig, Failure, Guard, MediaRequest, Names, Request};
use support::{Act, Server, TWIML, client, config, get, ok, post, status};
use tokio::net::{TcpListener, UdpSocket};

async fn failure(url: String) -> Failure {
    client().fetch(&CallSession::new(), post(url)).await.unwrap_err()
}

#[tokio::test]
async fn an_error_status_is_11200_and_keeps_the_answer() {
    let server = Server::start(|_| status(404, "X-Reason: none\r\n")).await;
    let failure = failure(server.url("/x?a=1")).await;
    let reply = failure.reply.unwrap();
    assert_eq!((failure.code, reply.status, &reply.body[..]), (11200, 404, &b"no"[..]));
    assert_eq!(reply.headers["x-reason"], "none");
    assert_eq!((failure.attempts.len(), failure.attempts[0].status), (1, Some(404)));
    assert_eq!(failure.url, None);
}

#[tokio::test]
async fn a_failure_says_where_redirects_led_without_our_parameters_and_logins() {
    let server = Server::start(|seen| match seen.target.starts_with("/away") {
        true => {
            let host = seen.header("host").unwrap_or_default();
            status(302, &format!("Location: http://user:secret@{host}/lost?x=1#rc=3\r\n"))
        }
        false => status(404, ""),
    })
    .await;
    for request in [get(server.url("/away?a=1")), post(server.url("/away?a=1"))] {
        let failure = client().fetch(&CallSession::new(), request).await.unwrap_err();
        assert_eq!(failure.url, Some(server.url("/lost?x=1")));
    }
    let failure = client().fetch(&CallSession::new(), get(server.url("/lost?a=1"))).await.unwrap_err();
    assert_eq!(failure.url, None);
}

#[tokio::test]
async fn statuses_are_retried_only_where_the_url_says_so_and_with_one_token() {
    let server = Server::start(|seen| if seen.nth < 2 { status(503, "") } else { ok(TWIML) }).await;
    assert_eq!(failure(server.url("/#rc=5")).await.attempts.len(), 1);
    let server = Server::start(|seen| if seen.nth < 2 { status(503, "") } else { ok(TWIML) }).await;
    let response = client().fetch(&CallSession::new(), post(server.url("/#rc=2&rp=5xx"))).await.unwrap();
    assert_eq!(response.attempts.len(), 3);
    assert!(server.received().iter().all(|seen| seen.header("i-twilio-idempotency-token") == Some("4f5a")));
    let server = Server::start(|_| status(404, "")).await;
    assert_eq!(failure(server.url("/#rc=3&rp=5xx,ct,rt")).await.attempts.len(), 1);
    assert_eq!(failure(server.url("/#rc=3&rp=4xx")).await.attempts.len(), 4);
}

#[tokio::test]
async fn nobody_listening_is_11202_and_tried_twice() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let failure = failure(format!("http://{address}/")).await;
    assert_eq!((failure.code, failure.attempts.len(), failure.outcome), (11202, 2, "connect"));
    assert!(failure.message.contains(&address.to_string()));
}

#[tokio::test]
async fn a_connection_that_never_comes_about_is_11201() {
    // The TLS handshake is part of connecting, and this server never takes part in one.
    let server = Server::start(|_| Act::Hang).await;
    let failure = failure(format!("https://{}/#ct=100&rc=2", server.address)).await;
    assert_eq!((failure.code, failure.attempts.len()), (11201, 3));
}

#[tokio::test]
async fn silence_is_11205_and_retried_only_for_rt() {
    let server = Server::start(|_| Act::Hang).await;
    let once = failure(server.url("/#rt=100")).await;
    assert_eq!((once.code, once.attempts.len(), once.outcome), (11205, 1, "timeout"));
    assert_eq!(failure(server.url("/#rt=100&rp=rt&rc=2")).await.attempts.len(), 3);
}

#[tokio::test]
async fn the_total_time_is_11203() {
    let server = Server::start(|_| Act::Hang).await;
    let failure = failure(server.url("/#tt=100&rp=all&rc=5")).await;
    assert_eq!((failure.code, failure.attempts.len()), (11203, 1));
    let loops =
        Server::start(|_| Act::SendAndHang("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".into())).await;
    assert_eq!(self::failure(loops.url("/#tt=100")).await.code, 11203);
}

#[tokio::test]
async fn nothing_is_retried_once_a_part_of_an_answer_came() {
    let half = || "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_owned();
    let hangs = Server::start(move |_| Act::SendAndHang(half())).await;
    let failure = failure(hangs.url("/#rt=100&rp=all&rc=5")).await;
    assert_eq!((failure.code, failure.attempts.len()), (11205, 1));
    let breaks = Server::start(move |_| Act::SendAndClose(half())).await;
    let failure = self::failure(breaks.url("/#rp=all&rc=5")).await;
    assert_eq!((failure.code, failure.attempts.len()), (11206, 1));
    let head = Server::start(|_| Act::SendAndClose("HTTP/1.1 200 OK\r\nContent-".into())).await;
    let failure = self::failure(head.url("/#rp=all&rc=5")).await;
    assert_eq!((failure.code, failure.attempts.len()), (11206, 1));
}

#[tokio::test]
async fn a_connection_closed_without_an_answer_is_11205() {
    let server = Server::start(|_| Act::Close).await;
    let failure = failure(server.url("/#rp=rt&rc=1")).await;
    assert_eq!((failure.code, failure.attempts.len(), failure.outcome), (11205, 2, "protocol"));
}

#[tokio::test]
async fn what_is_not_http_is_11251_and_what_is_bad_http_11206() {
    let ssh = Server::start(|_| Act::Send("SSH-2.0-OpenSSH_9.2 hello\r\n\r\n".into())).await;
    assert_eq!(failure(ssh.url("/")).await.code, 11251);
    let huge =
        Server::start(|_| Act::Send(format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(200_000)))).await;
    assert_eq!(failure(huge.url("/")).await.code, 11251);
    let bad = Server::start(|_| {
        Act::Send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".into())
    })
    .await;
    assert_eq!(failure(bad.url("/")).await.code, 11206);
}

#[tokio::test]
async fn a_document_of_64_kb_is_taken_and_a_byte_more_is_11750() {
    let server = Server::start(|seen| ok(&"x".repeat(seen.target[1..].parse().unwrap()))).await;
    let response = client().fetch(&CallSession::new(), post(server.url("/65536"))).await.unwrap();
    assert_eq!(response.body.len(), 65_536);
    for size in [65_537, 10_000_000] {
        assert_eq!(failure(server.url(&format!("/{size}"))).await.code, 11750);
    }
}

#[tokio::test]
async fn a_sound_that_answers_a_webhook_may_be_as_large_as_media() {
    let server = Server::start(|seen| {
        let (code, size) = seen.target[1..].split_once('/').unwrap();
        let body = "x".repeat(size.parse().unwrap());
        let kind = "Content-Type:  Audio/X-Wav; rate=8000";
        Act::Send(format!("HTTP/1.1 {code} Status\r\n{kind}\r\nContent-Length: {size}\r\n\r\n{body}"))
    })
    .await;
    let client = Client::new(ClientConfig { media_bytes_max: 100_000, ..config() }).unwrap();
    for request in [get(server.url("/200/100000")), post(server.url("/200/100000"))] {
        let request = Request { params: Vec::new(), ..request };
        assert_eq!(client.fetch(&CallSession::new(), request).await.unwrap().body.len(), 100_000);
    }
    for (path, code, kept) in [("/200/100001", 11750, 100_000), ("/404/100000", 11200, 65_536)] {
        let failure = client.fetch(&CallSession::new(), post(server.url(path))).await.unwrap_err();
        assert_eq!((failure.code, failure.reply.unwrap().body.len()), (code, kept), "{path}");
        assert!(code != 11750 || failure.message.contains("100000"), "{}", failure.message);
    }
}

#[tokio::test]
async fn a_body_without_end_stops_being_read() {
    let chunk = format!("8000\r\n{}\r\n", "x".repeat(0x8000));
    let endless = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}", chunk.repeat(4));
    let server = Server::start(move |_| Act::SendAndHang(endless.clone())).await;
    assert_eq!(failure(server.url("/")).await.code, 11750);
}

#[tokio::test]
async fn media_have_a_cap_of_their_own() {
    let server = Server::start(|seen| ok(&"x".repeat(seen.target[1..].parse().unwrap()))).await;
    let client = Client::new(ClientConfig { media_bytes_max: 100_000, ..config() }).unwrap();
    let media = |size: u32| MediaRequest {
        url: server.url(&format!("/{size}")),
        account_sid: "AC1".into(),
        signing_token: None,
        idempotency_token: "t".into(),
    };
    assert_eq!(client.fetch_media(&CallSession::new(), media(100_000)).await.unwrap().body.len(), 100_000);
    assert_eq!(client.fetch_media(&CallSession::new(), media(100_001)).await.unwrap_err().code, 11200);
}

#[tokio::test]
async fn an_empty_chunked_body_is_11770_and_an_empty_plain_one_is_an_answer() {
    let chunked =
        Server::start(|_| Act::Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into()))
            .await;
    assert_eq!(failure(chunked.url("/")).await.code, 11770);
    let plain = Server::start(|_| ok("")).await;
    assert!(client().fetch(&CallSession::new(), post(plain.url("/"))).await.unwrap().body.is_empty());
}

#[tokio::test]
async fn urls_and_fragments_fail_before_anything_is_sent() {
    let server = Server::start(|_| ok(TWIML)).await;
    for (url, code) in [
        ("http://my_app.example/".to_owned(), 11100),
        ("ftp://app.example/".to_owned(), 11100),
        (server.url("/#rp=nonsense"), 11243),
        (server.url("/#e=atlantis"), 11241),
        (server.url("/#e=,"), 11240),
        (server.url("/#e=dublin-ix"), 11242),
    ] {
        let failure = failure(url.clone()).await;
        assert_eq!((failure.code, failure.attempts.len()), (code, 0), "{url}");
    }
    assert!(client().fetch(&CallSession::new(), post(server.url("/#e=ashburn,dublin"))).await.is_ok());
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn redirects_that_lead_nowhere_are_11216() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/none" => status(302, ""),
        "/ftp" => status(302, "Location: ftp://h/\r\n"),
        _ => status(302, "Location: http://under_score.example/\r\n"),
    })
    .await;
    for path in ["/none", "/ftp", "/name"] {
        let failure = failure(server.url(path)).await;
        assert_eq!((failure.code, failure.reply.unwrap().status), (11216, 302), "{path}");
    }
}

#[tokio::test]
async fn a_redirect_to_a_forbidden_address_is_not_followed() {
    for (away, reason) in [
        ("http://169.254.169.254/latest/meta-data", "link-local"),
        ("http://10.0.0.1/", "private"),
        ("http://[::ffff:127.0.0.1]/", "IPv4 address written as IPv6"),
    ] {
        let server = Server::start(move |_| status(302, &format!("Location: {away}\r\n"))).await;
        let failure = failure(server.url("/#rp=all&rc=3")).await;
        assert!(failure.message.contains(reason), "{}", failure.message);
        assert_eq!((failure.code, failure.outcome, failure.attempts.len()), (11205, "guard", 2));
    }
}

#[tokio::test]
async fn the_services_own_listeners_and_loopback_are_out_of_reach() {
    let server = Server::start(|_| ok(TWIML)).await;
    let with = |guard| Client::new(ClientConfig { guard, ..config() }).unwrap();
    let own = with(Guard { loopback: true, own_listeners: vec![server.address], ..Guard::default() });
    let wildcard: SocketAddr = ([0, 0, 0, 0], server.address.port()).into();
    let everywhere = with(Guard { loopback: true, own_listeners: vec![wildcard], ..Guard::default() });
    for (client, reason) in
        [(own, "listener"), (everywhere, "listener"), (with(Guard::default()), "loopback")]
    {
        for url in [server.url("/"), server.named_url("127.1", "/")] {
            let failure = client.fetch(&CallSession::new(), post(url)).await.unwrap_err();
            assert_eq!((failure.code, failure.outcome), (11205, "guard"));
            assert!(
                failure.message.contains(reason) && failure.message.contains("127.0.0.1"),
                "{}",
                failure.message
            );
        }
    }
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn beyond_the_cap_of_a_host_the_fetch_fails_at_once() {
    let server = Server::start(|_| Act::Hang).await;
    let client = Client::new(ClientConfig { in_flight_per_host_max: 1, ..config() }).unwrap();
    let (first, second) = (CallSession::new(), CallSession::new());
    let busy = client.fetch(&first, post(server.url("/")));
    let refused = client.fetch(&second, post(server.url("/")));
    tokio::select! {
        biased;
        done = busy => panic!("the first did not wait: {done:?}"),
        done = refused => assert_eq!(done.unwrap_err().outcome, "busy"),
    }
    let free = Server::start(|_| ok(TWIML)).await;
    for _ in 0..3 {
        client.fetch(&first, post(free.url("/"))).await.unwrap();
    }
}

#[tokio::test]
async fn localhost_is_known_without_asking() {
    let server = Server::start(|_| ok(TWIML)).await;
    client().fetch(&CallSession::new(), get(server.named_url("localhost", "/"))).await.unwrap();
    let host = format!("localhost:{}", server.address.port());
    assert_eq!(server.received()[0].header("host"), Some(host.as_str()));
}

#[tokio::test]
async fn names_are_resolved_and_every_address_is_checked() {
    let server = Server::start(|_| ok(TWIML)).await;
    let names = Names::servers(&[name_server().await]).unwrap();
    let client = Client::new(ClientConfig { names: Some(names), ..config() }).unwrap();
    let fetch = |host: &'static str| {
        let (client, url) = (client.clone(), server.named_url(host, "/"));
        async move { client.fetch(&CallSession::new(), post(url)).await }
    };
    let response = fetch("app.example").await.unwrap();
    assert_eq!(response.attempts[0].address, Some(server.address));
    // One forbidden address and one good one: only the good one is connected to.
    assert_eq!(fetch("mixed.example").await.unwrap().attempts[0].address, Some(server.address));
    let inside = fetch("inside.example").await.unwrap_err();
    assert_eq!((inside.code, inside.outcome), (11205, "guard"));
    assert!(inside.message.contains("inside.example") && inside.message.contains("10.9.8.7"));
    let absent = fetch("absent.example").await.unwrap_err();
    assert_eq!((absent.code, absent.outcome), (11210, "dns"));
}

/// A name server that knows three names.
async fn name_server() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let _ = socket.send_to(&answer(&buffer[..length]), from).await;
        }
    });
    address
}

fn answer(query: &[u8]) -> Vec<u8> {
    let end = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
    let question = &query[12..end];
    let is_a = question[question.len() - 3] == 1;
    let addresses: &[[u8; 4]] = match &question[1..4] {
        b"app" => &[[127, 0, 0, 1]],
        b"mix" => &[[10, 9, 8, 7], [127, 0, 0, 1]],
        b"ins" => &[[10, 9, 8, 7]],
        _ => &[],
    };
    let exists = !addresses.is_empty();
    let addresses = if is_a { addresses } else { &[] };
    let mut reply = query[..2].to_vec();
    reply.extend([0x85, if exists { 0x80 } else { 0x83 }, 0, 1, 0, addresses.len() as u8, 0, 0, 0, 0]);
    reply.extend(question);
    for address in addresses {
        reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        reply.extend(address);
    }
    reply
}
