//! One request and its answer on one connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Request as HttpRequest, Response as HttpResponse};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};

use crate::activity::Activity;
use crate::connect::{Connection, Connector};
use crate::fault::Fault;
use crate::idle::{Key, Pool};
use crate::overrides::Overrides;
use crate::target::Target;

/// What is sent, where, and how patiently.
pub(crate) struct Sending<'a> {
    pub(crate) target: &'a Target,
    pub(crate) request: HttpRequest<Full<Bytes>>,
    pub(crate) account: &'a str,
    pub(crate) overrides: Overrides,
    pub(crate) caps: BodyCaps,
}

/// How large a body may be, in bytes. Its kind is known only when the head is there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyCaps {
    pub(crate) sound: usize,
    pub(crate) other: usize,
}

impl BodyCaps {
    /// The cap of an answer with this head. What comes with an error is only shown, so it has no need to be
    /// large.
    pub(crate) fn of(self, status: u16, headers: &HeaderMap) -> usize {
        let kind = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes).trim_ascii_start();
        let is_sound = kind.get(..6).is_some_and(|kind| kind.eq_ignore_ascii_case(b"audio/"));
        if is_sound && (200..300).contains(&status) { self.sound } else { self.other }
    }
}

/// A whole answer; `cut` when its body was larger than the cap.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) cut: bool,
}

/// Sends on a connection at rest, else on a new one. One that turns out to be dead before anything was heard
/// is
/// replaced, as if it had never been there. Says the address through `address` as soon as there is one.
pub(crate) async fn exchange(
    connector: &Connector,
    pool: &Arc<Pool>,
    sending: Sending<'_>,
    address: &mut Option<SocketAddr>,
) -> Result<Answer, Fault> {
    let Sending { target, account, overrides, .. } = sending;
    let addresses = connector.addresses(target, overrides.connect_timeout).await?;
    let key = |address| Key::new(target, address, account, overrides.sni);
    loop {
        let resting = addresses.iter().find_map(|address| pool.take(&key(*address)));
        let reused = resting.is_some();
        let mut connection = match resting {
            Some(connection) => connection,
            None => connector.open(target, &addresses, overrides.sni, overrides.connect_timeout).await?,
        };
        *address = Some(connection.address);
        match send(&mut connection, sending.request.clone(), overrides.read_timeout).await {
            Err(Fault::Closed(_)) if reused => {}
            Err(fault) => return Err(fault),
            Ok(response) => {
                let bytes_max = sending.caps.of(response.status().as_u16(), response.headers());
                let answer = read(response, &connection.activity, overrides.read_timeout, bytes_max).await?;
                if !answer.cut {
                    pool.keep(key(connection.address), connection);
                }
                return Ok(answer);
            }
        }
    }
}

async fn send(
    connection: &mut Connection,
    request: HttpRequest<Full<Bytes>>,
    quiet: Duration,
) -> Result<HttpResponse<Incoming>, Fault> {
    connection.sender.ready().await.map_err(|error| Fault::Closed(error.to_string()))?;
    let before = connection.activity.bytes();
    let activity = Arc::clone(&connection.activity);
    let heard = || activity.bytes() > before;
    match activity.while_alive(quiet, connection.sender.send_request(request)).await {
        Some(Ok(response)) => Ok(response),
        Some(Err(error)) => Err(send_fault(&error, heard())),
        None => Err(Fault::ReadTimeout { limit_ms: quiet.as_millis(), partial: heard() }),
    }
}

fn send_fault(error: &hyper::Error, heard: bool) -> Fault {
    let detail = error.to_string();
    if error.is_parse_too_large() || detail.contains("HTTP version") {
        Fault::NotHttp(detail)
    } else if error.is_parse() || heard {
        Fault::Protocol { detail }
    } else {
        Fault::Closed(detail)
    }
}

async fn read(
    response: HttpResponse<Incoming>,
    activity: &Activity,
    quiet: Duration,
    bytes_max: usize,
) -> Result<Answer, Fault> {
    let (head, mut incoming) = response.into_parts();
    let mut body = BytesMut::new();
    let announced = usize::try_from(incoming.size_hint().lower()).unwrap_or(usize::MAX);
    // What is announced as far too large is not even begun.
    let mut cut = announced > bytes_max.saturating_mul(2);
    while !cut {
        match activity.while_alive(quiet, incoming.frame()).await {
            None => return Err(Fault::ReadTimeout { limit_ms: quiet.as_millis(), partial: true }),
            Some(None) => break,
            Some(Some(Err(error))) => return Err(Fault::Protocol { detail: error.to_string() }),
            Some(Some(Ok(frame))) => {
                let data = frame.into_data().unwrap_or_default();
                let room = bytes_max - body.len();
                cut = data.len() > room;
                body.extend_from_slice(data.get(..room).unwrap_or(&data));
            }
        }
    }
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: body.freeze(), cut })
}
