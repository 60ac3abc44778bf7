//! One HTTP request at a time. Failures are values here: a server that is killed on purpose is no surprise.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(20);

/// A response.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Result<Value, String> {
        serde_json::from_str(&self.body).map_err(|error| format!("{error} in {}", self.body))
    }
}

/// Sends one request with a form on a connection of its own. `login` is user and password.
pub(crate) fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    login: Option<(&str, &str)>,
    form: &[(&str, &str)],
) -> Result<Reply, String> {
    let pairs: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    let body = pairs.join("&");
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    if let Some((user, password)) = login {
        text += &format!("Authorization: {}\r\n", basic(user, password));
    }
    if !form.is_empty() {
        text += "Content-Type: application/x-www-form-urlencoded\r\n";
    }
    text += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
    let bytes = exchange(address, &text).map_err(|error| format!("{method} {path}: {error}"))?;
    parse(&bytes).ok_or_else(|| format!("{method} {path}: the answer broke off"))
}

/// The value of an `Authorization` header.
pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn exchange(address: SocketAddr, request: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn parse(bytes: &[u8]) -> Option<Reply> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Reply { status, body: body.to_owned() })
}

fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
