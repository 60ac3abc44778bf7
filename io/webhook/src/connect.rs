//! Opening connections: resolve, check every address, connect to one that passed, TLS where the URL says so.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{IpAddr as TlsAddress, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use url::Host;

use crate::activity::{Activity, Watched};
use crate::fault::Fault;
use crate::guard::Guard;
use crate::resolve::Names;
use crate::target::Target;
use crate::tls::{TlsConfigs, handshake_fault};

/// Enough for the head of any honest answer.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// A connection that one request at a time may use.
pub(crate) struct Connection {
    pub(crate) sender: http1::SendRequest<Full<Bytes>>,
    pub(crate) activity: Arc<Activity>,
    pub(crate) address: SocketAddr,
}

pub(crate) struct Connector {
    pub(crate) guard: Guard,
    pub(crate) names: Names,
    pub(crate) tls: TlsConfigs,
}

impl Connector {
    /// The addresses of the target that may be connected to; a fault when there is none.
    pub(crate) async fn addresses(
        &self,
        target: &Target,
        within: Duration,
    ) -> Result<Vec<SocketAddr>, Fault> {
        let name = || target.origin().host;
        let host = target.url.host().ok_or_else(|| Fault::Url("it has no host".to_owned()))?;
        let found = match timeout(within, self.names.addresses(&host)).await {
            Ok(Ok(found)) => found,
            Ok(Err(detail)) => return Err(Fault::Name { host: name(), detail }),
            Err(_) => return Err(Fault::Name { host: name(), detail: "no answer in time".to_owned() }),
        };
        let port = target.origin().port;
        let mut refused = None;
        let mut allowed = Vec::with_capacity(found.len());
        for ip in found {
            match self.guard.check(SocketAddr::new(ip, port)) {
                Ok(()) => allowed.push(SocketAddr::new(ip, port)),
                Err(refusal) => {
                    refused = refused.or(Some(Fault::Forbidden { host: name(), address: ip, refusal }))
                }
            }
        }
        if allowed.is_empty() {
            let nothing = Fault::Name { host: name(), detail: "the name has no addresses".to_owned() };
            return Err(refused.unwrap_or(nothing));
        }
        Ok(allowed)
    }

    /// Connects to the first of these addresses that lets it, TLS included.
    pub(crate) async fn open(
        &self,
        target: &Target,
        addresses: &[SocketAddr],
        sni: bool,
        within: Duration,
    ) -> Result<Connection, Fault> {
        let deadline = Instant::now() + within;
        let mut last = Fault::Url("no address".to_owned());
        for (tried, address) in addresses.iter().enumerate() {
            // Each address gets its share of what is left, so that one that swallows packets hides no other.
            let others = u32::try_from(addresses.len() - tried).unwrap_or(1);
            let share = deadline.saturating_duration_since(Instant::now()) / others.max(1);
            match tcp(*address, share, within).await {
                Ok(stream) => return self.establish(target, stream, *address, sni, deadline, within).await,
                Err(fault) => last = fault,
            }
        }
        Err(last)
    }

    async fn establish(
        &self,
        target: &Target,
        stream: TcpStream,
        address: SocketAddr,
        sni: bool,
        deadline: Instant,
        within: Duration,
    ) -> Result<Connection, Fault> {
        if !target.origin().tls {
            return handshake(stream, address).await;
        }
        let connector = TlsConnector::from(self.tls.with_sni(sni));
        let connecting = connector.connect(server_name(target)?, stream);
        match timeout_at(deadline, connecting).await {
            Ok(Ok(stream)) => handshake(stream, address).await,
            Ok(Err(error)) => Err(handshake_fault(&error)),
            Err(_) => Err(Fault::ConnectTimeout { address, limit_ms: within.as_millis() }),
        }
    }
}

async fn tcp(address: SocketAddr, share: Duration, within: Duration) -> Result<TcpStream, Fault> {
    match timeout(share, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => {
            // Requests are written whole; waiting for more to send only delays them.
            let _ = stream.set_nodelay(true);
            Ok(stream)
        }
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            Err(Fault::ConnectRefused { address })
        }
        Ok(Err(error)) => Err(Fault::Connect { address, detail: error.to_string() }),
        Err(_) => Err(Fault::ConnectTimeout { address, limit_ms: within.as_millis() }),
    }
}

async fn handshake<S>(stream: S, address: SocketAddr) -> Result<Connection, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = Activity::new();
    let io = TokioIo::new(Watched::new(stream, Arc::clone(&activity)));
    let (sender, connection) = http1::Builder::new()
        // Some applications look for X-Twilio-Signature in exactly this spelling.
        .title_case_headers(true)
        .max_buf_size(HEAD_BYTES_MAX)
        .handshake(io)
        .await
        .map_err(|error| Fault::Connect { address, detail: error.to_string() })?;
    // Ends when the other side closes, or when the sender is dropped. Its error reaches whoever waits for an
    // answer.
    tokio::spawn(connection);
    Ok(Connection { sender, activity, address })
}

fn server_name(target: &Target) -> Result<ServerName<'static>, Fault> {
    match target.url.host() {
        Some(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(name).to_owned();
            ServerName::try_from(name).map_err(|error| Fault::Url(error.to_string()))
        }
        Some(Host::Ipv4(ip)) => Ok(ServerName::IpAddress(TlsAddress::from(std::net::IpAddr::V4(ip)))),
        Some(Host::Ipv6(ip)) => Ok(ServerName::IpAddress(TlsAddress::from(std::net::IpAddr::V6(ip)))),
        None => Err(Fault::Url("it has no host".to_owned())),
    }
}
