//! A connection that is kept: one request after the other, until the server is gone.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::http::Login;

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(30);

/// A kept connection with a login.
pub struct Connection {
    stream: BufReader<TcpStream>,
    /// What follows the first line of every request.
    head: String,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body; null when there is none.
    pub body: Value,
}

impl Connection {
    /// Connects; `None` when nobody listens.
    pub fn open(http: SocketAddr, Login { user, password }: &Login) -> Option<Self> {
        let stream = TcpStream::connect(http).ok()?;
        stream.set_read_timeout(Some(LIMIT)).ok()?;
        stream.set_nodelay(true).ok()?;
        let login = STANDARD.encode(format!("{user}:{password}"));
        let head = format!(
            "Host: {http}\r\nAuthorization: Basic {login}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        );
        Some(Self { stream: BufReader::new(stream), head })
    }

    /// Sends a request with an encoded form; `None` when no whole answer came.
    pub fn ask(&mut self, method: &str, path: &str, form: &str) -> Option<Answer> {
        let head = &self.head;
        let request =
            format!("{method} {path} HTTP/1.1\r\n{head}Content-Length: {}\r\n\r\n{form}", form.len());
        self.stream.get_mut().write_all(request.as_bytes()).ok()?;
        let status = self.line()?.split(' ').nth(1)?.parse().ok()?;
        let mut length = 0;
        loop {
            let line = self.line()?.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).ok()?;
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).ok()? };
        Some(Answer { status, body })
    }

    /// A line without its end; `None` when the connection ended before it.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line).ok()?;
        line.strip_suffix("\r\n").map(str::to_owned)
    }
}
