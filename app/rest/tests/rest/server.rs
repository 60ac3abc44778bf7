//! Over a real socket: what only a server can get wrong.

use std::time::Duration;

use ringway_rest::{ServeOptions, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::world::{ACCOUNT, TOKEN, World, basic};

struct Server {
    world: World,
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

async fn start(options: ServeOptions) -> Server {
    let world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let shutdown = async move { drop(stopped.await) };
    let task = tokio::spawn(serve(listener, world.api.router(), options, shutdown));
    Server { world, address, stop, task }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

fn head(method: &str, path: &str, more: &str) -> String {
    let authorization = basic(ACCOUNT, TOKEN);
    format!("{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n{more}\r\n")
}

fn domains() -> String {
    format!("/2010-04-01/Accounts/{ACCOUNT}/SIP/Domains.json")
}

/// Reads one response: its head, then as much body as it announces.
async fn response(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        text.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(text).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.unwrap();
    head + &String::from_utf8(body).unwrap()
}

async fn ended(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.is_ok() && rest.is_empty()
}

#[tokio::test]
async fn a_connection_serves_many_requests_and_says_when_it_closes() {
    let server = start(ServeOptions::default()).await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        stream.write_all(head("GET", &domains(), "").as_bytes()).await.unwrap();
        let reply = response(&mut stream).await;
        assert!(reply.starts_with("http/1.1 200 ok") && !reply.contains("connection: close"), "{reply}");
    }
    stream.write_all(head("GET", &domains(), "Connection: close\r\n").as_bytes()).await.unwrap();
    assert!(response(&mut stream).await.contains("connection: close"));
    assert!(ended(&mut stream).await);
}

#[tokio::test]
async fn head_has_the_length_of_get_and_no_body() {
    let server = start(ServeOptions::default()).await;
    let mut stream = server.connect().await;
    stream.write_all(head("HEAD", &domains(), "Connection: close\r\n").as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert!(reply.ends_with("\r\n\r\n") && reply.to_lowercase().contains("content-length: "), "{reply}");
    assert!(!reply.to_lowercase().contains("content-length: 0"), "{reply}");
}

#[tokio::test]
async fn a_deletion_has_an_empty_answer_and_the_connection_goes_on() {
    let server = start(ServeOptions::default()).await;
    let sid = server.world.made("/SIP/Domains.json", "DomainName=a.sip.twilio.com").await;
    let mut stream = server.connect().await;
    let path = format!("/2010-04-01/Accounts/{ACCOUNT}/SIP/Domains/{sid}.json");
    stream.write_all(head("DELETE", &path, "").as_bytes()).await.unwrap();
    assert!(response(&mut stream).await.starts_with("http/1.1 204"));
    stream.write_all(head("GET", &domains(), "").as_bytes()).await.unwrap();
    assert!(response(&mut stream).await.starts_with("http/1.1 200"));
}

#[tokio::test]
async fn a_large_form_is_answered_after_all_of_it_was_sent() {
    let server = start(ServeOptions::default()).await;
    let mut stream = server.connect().await;
    let body = vec![b'x'; 4 << 20];
    let length = format!("Content-Length: {}\r\n", body.len());
    stream.write_all(head("POST", &domains(), &length).as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    assert!(response(&mut stream).await.starts_with("http/1.1 413"));
    stream.write_all(head("GET", &domains(), "").as_bytes()).await.unwrap();
    assert!(response(&mut stream).await.starts_with("http/1.1 200"));
}

#[tokio::test]
async fn too_many_headers_and_too_large_ones_are_refused() {
    let server = start(ServeOptions::default()).await;
    let many = "X-A: 1\r\n".repeat(200);
    let large = format!("X-A: {}\r\n", "x".repeat(100_000));
    for headers in [many, large] {
        let mut stream = server.connect().await;
        let _ = stream.write_all(head("GET", &domains(), &headers).as_bytes()).await;
        let reply = response(&mut stream).await;
        assert!(reply.starts_with("http/1.1 431"), "{reply}");
    }
}

#[tokio::test]
async fn a_slow_head_ends_its_connection() {
    let options = ServeOptions { head_timeout: Duration::from_millis(50), ..ServeOptions::default() };
    let server = start(options).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost:").await.unwrap();
    assert!(ended(&mut stream).await);
}

#[tokio::test]
async fn beyond_the_most_connections_others_wait_their_turn() {
    let options = ServeOptions { connections_max: 1, ..ServeOptions::default() };
    let server = start(options).await;
    let mut first = server.connect().await;
    first.write_all(head("GET", &domains(), "").as_bytes()).await.unwrap();
    response(&mut first).await;
    let mut second = server.connect().await;
    second.write_all(head("GET", &domains(), "").as_bytes()).await.unwrap();
    drop(first);
    assert!(response(&mut second).await.starts_with("http/1.1 200"));
}

#[tokio::test]
async fn shutting_down_ends_idle_connections_and_refuses_new_ones() {
    let server = start(ServeOptions::default()).await;
    let mut stream = server.connect().await;
    stream.write_all(head("GET", &domains(), "").as_bytes()).await.unwrap();
    response(&mut stream).await;
    server.stop.send(()).unwrap();
    server.task.await.unwrap();
    assert!(ended(&mut stream).await);
    assert!(TcpStream::connect(server.address).await.is_err());
}
