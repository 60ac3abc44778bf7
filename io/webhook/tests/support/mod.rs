//! A hand-written HTTP server that does exactly what a test says, and writes down what it was asked.
#![allow(dead_code, unreachable_pub, missing_docs)]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use ringway_model::Secret;
use ringway_webhook::{Client, ClientConfig, Guard, Method, Purpose, Request, Roots};
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

pub const TOKEN: &str = "12345";
pub const TWIML: &str = "<Response/>";

#[derive(Debug, Clone, Default)]
pub struct Received {
    /// Which connection, and which request on it, from 0.
    pub connection: usize,
    pub nth: usize,
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub sni: Option<String>,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// What the server does about a request.
pub enum Act {
    Send(String),
    SendAndClose(String),
    SendAndHang(String),
    Close,
    Hang,
}

pub fn ok(body: &str) -> Act {
    ok_with("", body)
}

pub fn ok_with(headers: &str, body: &str) -> Act {
    Act::Send(format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

pub fn status(code: u16, headers: &str) -> Act {
    Act::Send(format!("HTTP/1.1 {code} Status\r\n{headers}Content-Length: 2\r\n\r\nno"))
}

type Handler = dyn Fn(&Received) -> Act + Send + Sync;

pub struct Server {
    pub address: SocketAddr,
    scheme: &'static str,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Server {
    pub async fn start(handler: impl Fn(&Received) -> Act + Send + Sync + 'static) -> Self {
        Self::listen(None, Arc::new(handler)).await
    }

    pub async fn start_tls(
        acceptor: TlsAcceptor,
        handler: impl Fn(&Received) -> Act + Send + Sync + 'static,
    ) -> Self {
        Self::listen(Some(acceptor), Arc::new(handler)).await
    }

    async fn listen(tls: Option<TlsAcceptor>, handler: Arc<Handler>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let scheme = if tls.is_some() { "https" } else { "http" };
        let log = Arc::clone(&received);
        tokio::spawn(async move {
            for connection in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (handler, log, tls) = (Arc::clone(&handler), Arc::clone(&log), tls.clone());
                tokio::spawn(async move {
                    let template = Received { connection, ..Received::default() };
                    match tls {
                        None => serve(stream, template, &*handler, &log).await,
                        Some(tls) => {
                            let Ok(stream) = tls.accept(stream).await else { return };
                            let sni = stream.get_ref().1.server_name().map(str::to_owned);
                            serve(stream, Received { sni, ..template }, &*handler, &log).await;
                        }
                    }
                });
            }
        });
        Self { address, scheme, received }
    }

    /// A URL on this server, by its address.
    pub fn url(&self, rest: &str) -> String {
        format!("{}://{}{rest}", self.scheme, self.address)
    }

    /// A URL on this server, by a name.
    pub fn named_url(&self, host: &str, rest: &str) -> String {
        format!("{}://{host}:{}{rest}", self.scheme, self.address.port())
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

async fn serve<S>(mut stream: S, template: Received, handler: &Handler, log: &Mutex<Vec<Received>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    for nth in 0.. {
        let Some(request) = read(&mut stream, Received { nth, ..template.clone() }).await else { return };
        log.lock().unwrap().push(request.clone());
        let (bytes, after) = match handler(&request) {
            Act::Send(bytes) => (bytes, None),
            Act::SendAndClose(bytes) => (bytes, Some(false)),
            Act::SendAndHang(bytes) => (bytes, Some(true)),
            Act::Close => (String::new(), Some(false)),
            Act::Hang => (String::new(), Some(true)),
        };
        if stream.write_all(bytes.as_bytes()).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        match after {
            None => {}
            Some(false) => {
                let _ = stream.shutdown().await;
                return;
            }
            Some(true) => std::future::pending::<()>().await,
        }
    }
}

async fn read<S: AsyncRead + Unpin>(stream: &mut S, mut request: Received) -> Option<Received> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.trim_end().split("\r\n");
    let mut first = lines.next()?.split(' ');
    request.method = first.next()?.to_owned();
    request.target = first.next()?.to_owned();
    request.headers =
        lines.filter_map(|line| line.split_once(": ")).map(|(k, v)| (k.into(), v.into())).collect();
    let length = request.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    request.body = String::from_utf8(body).unwrap();
    Some(request)
}

pub fn config() -> ClientConfig {
    let guard = Guard { loopback: true, ..Guard::default() };
    ClientConfig { guard, roots: Roots::Only(Vec::new()), ..ClientConfig::default() }
}

pub fn client() -> Client {
    Client::new(config()).unwrap()
}

pub fn trusting(root: CertificateDer<'static>) -> Client {
    Client::new(ClientConfig { roots: Roots::Only(vec![root]), ..config() }).unwrap()
}

pub fn post(url: impl Into<String>) -> Request {
    Request {
        url: url.into(),
        method: Method::Post,
        params: vec![("To".into(), "sip:a b@h".into()), ("From".into(), "+1".into())],
        account_sid: "AC1".into(),
        signing_token: Some(Secret::new(TOKEN)),
        idempotency_token: "4f5a".into(),
        purpose: Purpose::Document,
    }
}

pub fn get(url: impl Into<String>) -> Request {
    Request { method: Method::Get, ..post(url) }
}
