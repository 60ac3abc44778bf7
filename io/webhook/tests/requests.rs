//! What a web application sees: requests, logins, cookies, caches, redirects.

mod support;

use ringway_model::Secret;
use ringway_sip::digest::{Authorization, DigestHashes, verify};
use ringway_webhook::{CallSession, Client, ClientConfig, MediaRequest, Method, Request, USER_AGENT, sign};
use support::{Act, Received, Server, TOKEN, TWIML, client, config, get, ok, ok_with, post, status};
use url::Url;

fn media(url: String) -> MediaRequest {
    MediaRequest {
        url,
        account_sid: "AC1".into(),
        signing_token: Some(Secret::new(TOKEN)),
        idempotency_token: "4f5a".into(),
    }
}

#[tokio::test]
async fn a_post_has_every_header_and_a_signature_that_an_application_can_check() {
    let server = Server::start(|_| ok(TWIML)).await;
    let url = server.url("/voice?a=1");
    let response = client().fetch(&CallSession::new(), post(format!("{url}#rc=0"))).await.unwrap();
    assert_eq!((response.status, response.content_type.as_str()), (200, "text/xml"));
    assert_eq!((&response.body[..], response.url.as_str()), (TWIML.as_bytes(), url.as_str()));
    assert_eq!(response.attempts.len(), 1);
    assert_eq!(response.attempts[0].address, Some(server.address));

    let seen = &server.received()[0];
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/voice?a=1"));
    assert_eq!(seen.body, "To=sip%3Aa+b%40h&From=%2B1");
    let signature = sign(&Secret::new(TOKEN), &Url::parse(&url).unwrap(), &post("").params);
    for (name, value) in [
        ("Host", server.address.to_string().as_str()),
        ("User-Agent", USER_AGENT),
        ("Accept", "text/xml, application/xml, text/html"),
        ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),
        ("Cache-Control", "max-age=259200"),
        ("I-Twilio-Idempotency-Token", "4f5a"),
        ("X-Twilio-Signature", &signature),
    ] {
        assert!(seen.headers.contains(&(name.into(), value.into())), "{name}: {:?}", seen.headers);
    }
    assert_eq!((seen.header("authorization"), seen.header("accept-encoding")), (None, None));
    assert!(USER_AGENT.starts_with("TwilioProxy/1.1"));
}

#[tokio::test]
async fn a_get_has_its_parameters_in_the_query_and_signs_only_the_url() {
    let server = Server::start(|_| ok(TWIML)).await;
    client().fetch(&CallSession::new(), get(server.url("/voice?a=1"))).await.unwrap();
    let seen = &server.received()[0];
    assert_eq!(seen.target, "/voice?a=1&To=sip%3Aa+b%40h&From=%2B1");
    assert_eq!((seen.body.as_str(), seen.header("content-type")), ("", None));
    let url = Url::parse(&server.url(&seen.target)).unwrap();
    assert_eq!(seen.header("x-twilio-signature"), Some(sign(&Secret::new(TOKEN), &url, &[]).as_str()));
}

#[tokio::test]
async fn other_methods_and_no_token_work_too() {
    let server = Server::start(|_| ok("")).await;
    for method in [Method::Put, Method::Patch, Method::Delete] {
        let request = Request { method, signing_token: None, ..post(server.url("/")) };
        client().fetch(&CallSession::new(), request).await.unwrap();
    }
    let head =
        Server::start(|_| Act::Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".into())).await;
    let request = Request { method: Method::Head, ..post(head.url("/")) };
    client().fetch(&CallSession::new(), request).await.unwrap();
    let methods: Vec<String> = server.received().iter().map(|seen| seen.method.clone()).collect();
    assert_eq!(methods, ["PUT", "PATCH", "DELETE"]);
    assert!(server.received().iter().all(|seen| seen.header("x-twilio-signature").is_none()));
}

#[tokio::test]
async fn one_connection_serves_many_requests_of_one_account() {
    let server = Server::start(|_| ok(TWIML)).await;
    let client = client();
    for _ in 0..3 {
        client.fetch(&CallSession::new(), post(server.url("/"))).await.unwrap();
    }
    let other = Request { account_sid: "AC2".into(), ..post(server.url("/")) };
    client.fetch(&CallSession::new(), other).await.unwrap();
    let connections: Vec<usize> = server.received().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 0, 0, 1]);
}

#[tokio::test]
async fn a_connection_that_died_at_rest_is_replaced_without_spending_a_retry() {
    let dies = |seen: &Received| if seen.nth == 1 { Act::Close } else { ok(TWIML) };
    let server = Server::start(dies).await;
    let client = client();
    for _ in 0..2 {
        let response = client.fetch(&CallSession::new(), post(server.url("/#rc=0"))).await.unwrap();
        assert_eq!(response.attempts.len(), 1);
    }
    let on: Vec<(usize, usize)> = server.received().iter().map(|seen| (seen.connection, seen.nth)).collect();
    assert_eq!(on, [(0, 0), (0, 1), (1, 0)]);
    let tokens: Vec<_> = server
        .received()
        .iter()
        .map(|seen| seen.header("i-twilio-idempotency-token").map(str::to_owned))
        .collect();
    assert!(tokens.iter().all(|token| token.as_deref() == Some("4f5a")));
}

#[tokio::test]
async fn cookies_live_as_long_as_the_call() {
    let server = Server::start(|_| {
        ok_with("Set-Cookie: session=abc; Path=/\r\nSet-Cookie: n=1; Path=/voice\r\n", TWIML)
    })
    .await;
    let (client, call) = (client(), CallSession::new());
    client.fetch(&call, post(server.url("/voice/a"))).await.unwrap();
    client.fetch(&call, post(server.url("/voice/b"))).await.unwrap();
    client.fetch(&call, post(server.url("/other"))).await.unwrap();
    client.fetch(&CallSession::new(), post(server.url("/voice/c"))).await.unwrap();
    let sent: Vec<_> =
        server.received().iter().map(|seen| seen.header("cookie").map(str::to_owned)).collect();
    assert_eq!(sent, [None, Some("n=1; session=abc".into()), Some("session=abc".into()), None]);
}

#[tokio::test]
async fn a_get_document_is_revalidated_and_a_post_never_is() {
    let server = Server::start(|seen| match seen.header("if-none-match") {
        Some("\"v1\"") => Act::Send("HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\n\r\n".into()),
        _ => ok_with("ETag: \"v1\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n", TWIML),
    })
    .await;
    let (client, call) = (client(), CallSession::new());
    for request in [get(server.url("/")), get(server.url("/")), post(server.url("/")), post(server.url("/"))]
    {
        let response = client.fetch(&call, request).await.unwrap();
        assert_eq!((response.status, &response.body[..]), (200, TWIML.as_bytes()));
        assert_eq!(response.content_type, "text/xml");
    }
    let seen = server.received();
    assert_eq!(seen[1].header("if-modified-since"), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    let conditional: Vec<bool> = seen.iter().map(|seen| seen.header("if-none-match").is_some()).collect();
    assert_eq!(conditional, [false, true, false, false]);
    client.fetch(&CallSession::new(), get(server.url("/"))).await.unwrap();
    assert_eq!(server.received()[4].header("if-none-match"), None);
}

#[tokio::test]
async fn media_is_cached_for_all_calls_of_an_account() {
    let server = Server::start(|seen| match (seen.target.as_str(), seen.header("if-none-match")) {
        ("/etag", Some(_)) => Act::Send("HTTP/1.1 304 Not Modified\r\n\r\n".into()),
        ("/etag", None) => ok_with("ETag: \"v1\"\r\n", "sound"),
        ("/fresh", _) => ok_with("Cache-Control: max-age=600\r\n", "sound"),
        _ => ok("sound"),
    })
    .await;
    let client = client();
    for (path, requests, same) in [("/etag", 2, true), ("/fresh", 1, true), ("/plain", 2, false)] {
        let before = server.received().len();
        let first = client.fetch_media(&CallSession::new(), media(server.url(path))).await.unwrap();
        let again = client.fetch_media(&CallSession::new(), media(server.url(path))).await.unwrap();
        assert_eq!((&first.body[..], &again.body[..]), (&b"sound"[..], &b"sound"[..]));
        assert_eq!(first.version == again.version, same, "{path}");
        assert_eq!(server.received().len() - before, requests, "{path}");
    }
    let other = MediaRequest { account_sid: "AC2".into(), ..media(server.url("/etag")) };
    client.fetch_media(&CallSession::new(), other).await.unwrap();
    let last = server.received().pop().unwrap();
    assert_eq!((last.header("if-none-match"), last.target.as_str(), last.body.as_str()), (None, "/etag", ""));
}

#[tokio::test]
async fn basic_logs_in_once_and_stays_logged_in_for_the_call() {
    let server = Server::start(|seen| match seen.header("authorization") {
        Some("Basic dXNlcjpwQHNz") => ok(TWIML),
        _ => status(401, "WWW-Authenticate: Basic realm=\"x\"\r\n"),
    })
    .await;
    let (client, call) = (client(), CallSession::new());
    let with_user = server.url("/a").replace("://", "://user:p%40ss@");
    let response = client.fetch(&call, post(format!("{with_user}#rc=0"))).await.unwrap();
    assert_eq!((response.url, response.attempts.len()), (server.url("/a"), 2));
    client.fetch(&call, post(server.url("/b"))).await.unwrap();
    let seen = server.received();
    assert_eq!(seen.len(), 3);
    assert_eq!((seen[0].header("authorization"), seen[0].header("host")), (None, seen[1].header("host")));
    let signature = sign(&Secret::new(TOKEN), &Url::parse(&server.url("/a")).unwrap(), &post("").params);
    assert!(seen[..2].iter().all(|seen| seen.header("x-twilio-signature") == Some(&signature)));
}

#[tokio::test]
async fn digest_is_answered_and_its_nonce_used_again() {
    let server = Server::start(|seen| {
        let hashes = DigestHashes::compute("user", "app", "secret");
        match seen.header("authorization").map(Authorization::parse) {
            Some(Ok(given)) if given.uri == seen.target && verify(&given, &hashes, "POST", b"") => {
                ok_with(&format!("X-Count: {}\r\n", given.nc.unwrap_or_default()), TWIML)
            }
            _ => status(
                401,
                "WWW-Authenticate: Basic realm=\"app\", Digest realm=\"app\", nonce=\"n1\", qop=\"auth\"\r\n",
            ),
        }
    })
    .await;
    let (client, call) = (client(), CallSession::new());
    let url = server.url("/a?b=c").replace("://", "://user:secret@");
    for (count, attempts) in [("1", 2), ("2", 1)] {
        let response = client.fetch(&call, post(&url)).await.unwrap();
        assert_eq!(
            (response.headers["x-count"].to_str().unwrap(), response.attempts.len()),
            (count, attempts)
        );
    }
}

#[tokio::test]
async fn a_wrong_password_ends_in_the_401() {
    let server =
        Server::start(|_| status(401, "WWW-Authenticate: Digest realm=\"a\", nonce=\"n\"\r\n")).await;
    let url = server.url("/").replace("://", "://user:wrong@");
    let failure = client().fetch(&CallSession::new(), post(url)).await.unwrap_err();
    assert_eq!((failure.code, failure.reply.unwrap().status, failure.attempts.len()), (11200, 401, 2));
}

#[tokio::test]
async fn redirects_are_followed_and_signed_anew() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/302" => status(302, "Location: /seen?x=1\r\n"),
        "/307" => status(307, "Location: /repeated\r\n"),
        _ => ok(TWIML),
    })
    .await;
    let response = client().fetch(&CallSession::new(), post(server.url("/302"))).await.unwrap();
    let followed = "/seen?x=1&To=sip%3Aa+b%40h&From=%2B1";
    assert_eq!((response.url, response.attempts.len()), (server.url("/seen?x=1"), 2));
    client().fetch(&CallSession::new(), post(server.url("/307"))).await.unwrap();
    let seen = server.received();
    assert_eq!((seen[1].method.as_str(), seen[1].target.as_str()), ("GET", followed));
    let url = Url::parse(&server.url(followed)).unwrap();
    assert_eq!(seen[1].header("x-twilio-signature"), Some(sign(&Secret::new(TOKEN), &url, &[]).as_str()));
    assert_eq!((seen[3].method.as_str(), seen[3].body.as_str()), ("POST", "To=sip%3Aa+b%40h&From=%2B1"));
    let url = Url::parse(&server.url("/repeated")).unwrap();
    let signature = sign(&Secret::new(TOKEN), &url, &post("").params);
    assert_eq!(seen[3].header("x-twilio-signature"), Some(signature.as_str()));
}

#[tokio::test]
async fn ten_redirects_are_followed_and_the_eleventh_is_not() {
    let server = Server::start(|seen| {
        let left: u32 = seen.target[1..].split('?').next().unwrap().parse().unwrap();
        if left == 0 { ok(TWIML) } else { status(307, &format!("Location: /{}\r\n", left - 1)) }
    })
    .await;
    assert!(client().fetch(&CallSession::new(), post(server.url("/10"))).await.is_ok());
    let failure = client().fetch(&CallSession::new(), post(server.url("/11"))).await.unwrap_err();
    assert_eq!((failure.code, failure.attempts.len()), (11215, 11));
}

#[tokio::test]
async fn a_login_is_not_carried_to_another_place() {
    let elsewhere = Server::start(|_| ok(TWIML)).await;
    let away = elsewhere.url("/");
    let server = Server::start(move |seen| match seen.header("authorization") {
        Some(_) => status(307, &format!("Location: {away}\r\n")),
        None => status(401, "WWW-Authenticate: Basic realm=\"x\"\r\n"),
    })
    .await;
    let url = server.url("/").replace("://", "://user:pass@");
    client().fetch(&CallSession::new(), post(url)).await.unwrap();
    assert_eq!(elsewhere.received()[0].header("authorization"), None);
}

#[tokio::test]
async fn what_is_reported_has_the_query_that_was_written_and_not_our_parameters() {
    let server = Server::start(|seen| match seen.target.split('?').next() {
        Some("/away") => status(302, "Location: /found?y=%20z\r\n"),
        // Takes the whole query along, as servers that move everything do.
        Some("/moved") => {
            let query = seen.target.trim_start_matches("/moved");
            status(301, &format!("Location: /found{query}\r\n"))
        }
        _ => ok(TWIML),
    })
    .await;
    for (asked, reported) in [
        ("/voice", "/voice"),
        ("/voice?x=%20y&From=me#rc=0", "/voice?x=%20y&From=me"),
        ("/away?x=1", "/found?y=%20z"),
        ("/moved", "/found"),
        ("/moved?x=%20y", "/found?x=%20y"),
    ] {
        for request in [get(server.url(asked)), post(server.url(asked))] {
            let method = request.method;
            let response = client().fetch(&CallSession::new(), request).await.unwrap();
            assert_eq!(response.url, server.url(reported), "{method} {asked}");
            let last = server.received().pop().unwrap();
            let all = format!("{}&{}", last.target, last.body);
            assert_eq!(all.matches("From=%2B1").count(), 1, "{method} {asked}: {all}");
        }
    }
}

#[tokio::test]
async fn a_login_is_kept_for_its_origin_before_anybody_asks_for_it() {
    let private = |seen: &Received| match (seen.target.as_str(), seen.header("authorization")) {
        ("/private", None) => status(401, "WWW-Authenticate: Basic realm=\"x\"\r\n"),
        ("/wrong", _) => status(401, "WWW-Authenticate: Basic realm=\"y\"\r\n"),
        _ => ok(TWIML),
    };
    let (server, elsewhere) = (Server::start(private).await, Server::start(private).await);
    let (client, call) = (client(), CallSession::new());
    let open = client.fetch(&call, post(server.url("/open").replace("://", "://user:pass@"))).await.unwrap();
    assert_eq!(open.url, server.url("/open"));
    assert!(client.fetch(&call, post(server.url("/wrong"))).await.is_err());
    let relative = Url::parse(&open.url).unwrap().join("/private").unwrap();
    assert!(client.fetch(&call, post(relative.clone())).await.is_ok(), "a refusal elsewhere changes nothing");
    let seen = server.received();
    assert_eq!(seen.last().unwrap().header("authorization"), Some("Basic dXNlcjpwYXNz"));
    assert_eq!(seen[0].header("authorization"), None, "not before somebody asks");
    let signature = sign(&Secret::new(TOKEN), &relative, &post("").params);
    assert_eq!(seen.last().unwrap().header("x-twilio-signature"), Some(signature.as_str()));

    assert_eq!(client.fetch(&call, post(elsewhere.url("/private"))).await.unwrap_err().code, 11200);
    assert!(client.fetch(&CallSession::new(), post(relative)).await.is_err(), "another call");
    assert!(elsewhere.received().iter().all(|seen| seen.header("authorization").is_none()));
}

#[tokio::test]
async fn a_callback_needs_only_a_2xx() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/long" => ok(&"x".repeat(100_000)),
        "/empty" => Act::Send("HTTP/1.1 204 No Content\r\n\r\n".into()),
        _ => status(500, ""),
    })
    .await;
    for path in ["/long", "/empty"] {
        assert!(client().deliver(post(server.url(path))).await.unwrap().body.is_empty());
    }
    let failure = client().deliver(post(server.url("/broken"))).await.unwrap_err();
    assert_eq!((failure.code, failure.reply.unwrap().status), (15003, 500));
}

#[tokio::test]
async fn the_user_agent_can_be_changed() {
    let server = Server::start(|_| ok(TWIML)).await;
    let client = Client::new(ClientConfig { user_agent: "Mine/1".into(), ..config() }).unwrap();
    client.fetch(&CallSession::new(), get(server.url("/"))).await.unwrap();
    assert_eq!(server.received()[0].header("user-agent"), Some("Mine/1"));
}
