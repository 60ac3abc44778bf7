//! Hosts that are not ours: bytes go to them and come back untouched, for as long as any do.

use std::collections::HashSet;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringway_rest::HOSTED;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How long a connection to another host may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// Of how many hosts it is remembered that they were logged.
const HOSTS_REMEMBERED_MAX: usize = 10_000;
/// How much is carried at once, in bytes.
const CHUNK: usize = 16 << 10;

/// What may be done with hosts that are not ours.
#[derive(Debug)]
pub(crate) struct Others {
    /// Whether they may be reached at all.
    allowed: bool,
    permits: Arc<Semaphore>,
    idle_limit: Duration,
    logged: Mutex<HashSet<String>>,
}

/// Why a host was not reached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TunnelError {
    /// Only the hosted names are served.
    #[error("Ringway answers for {hosted} here and does not connect to {0}", hosted = HOSTED.join(" and "))]
    Refused(String),
    /// The limit is reached.
    #[error("as many tunnels as --intercept-tunnels-max allows are open; {0} must wait")]
    Full(String),
    /// It took too long.
    #[error("{0} did not answer within {limit} s", limit = CONNECT_LIMIT.as_secs())]
    Slow(String),
    /// It could not be reached.
    #[error("{host}: {source}")]
    Unreachable {
        /// Which.
        host: String,
        /// Why.
        source: io::Error,
    },
}

/// A connection to a host that is not ours.
#[derive(Debug)]
pub(crate) struct Tunnel {
    stream: TcpStream,
    idle_limit: Duration,
    /// Counts, by being held.
    _permit: OwnedSemaphorePermit,
}

impl Others {
    /// At most `tunnels_max` at once, each closed after `idle_limit` without traffic; none unless `allowed`.
    pub(crate) fn new(allowed: bool, tunnels_max: usize, idle_limit: Duration) -> Self {
        let permits = Arc::new(Semaphore::new(tunnels_max.min(Semaphore::MAX_PERMITS)));
        Self { allowed, permits, idle_limit, logged: Mutex::default() }
    }

    /// Connects to a host.
    pub(crate) async fn open(&self, host: &str, port: u16) -> Result<Tunnel, TunnelError> {
        let shown = || host.to_owned();
        self.log_once(host);
        if !self.allowed {
            return Err(TunnelError::Refused(shown()));
        }
        let permit = self.permits.clone().try_acquire_owned().map_err(|_| TunnelError::Full(shown()))?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let connected = timeout(CONNECT_LIMIT, TcpStream::connect((bare, port))).await;
        let stream = connected.map_err(|_| TunnelError::Slow(shown()))?;
        let stream = stream.map_err(|source| TunnelError::Unreachable { host: shown(), source })?;
        stream.set_nodelay(true).map_err(|source| TunnelError::Unreachable { host: shown(), source })?;
        Ok(Tunnel { stream, idle_limit: self.idle_limit, _permit: permit })
    }

    fn log_once(&self, host: &str) {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.len() >= HOSTS_REMEMBERED_MAX || !logged.insert(host.to_ascii_lowercase()) {
            return;
        }
        match (self.allowed, host.ends_with(".twilio.com")) {
            (false, _) => tracing::info!(host, "not intercepted, and refused"),
            (true, true) => tracing::warn!(host, "not intercepted: requests go to the hosted service"),
            (true, false) => tracing::info!(host, "not intercepted: tunnelled untouched"),
        }
    }
}

impl Tunnel {
    /// Carries bytes both ways until both sides have ended, one fails, or nothing was carried for the idle limit
    /// (noticed at its next multiple).
    pub(crate) async fn carry(self, client: impl AsyncRead + AsyncWrite + Unpin) {
        carry(client, self.stream, self.idle_limit).await;
    }
}

async fn carry(
    client: impl AsyncRead + AsyncWrite + Unpin,
    host: impl AsyncRead + AsyncWrite + Unpin,
    idle_limit: Duration,
) {
    let carried = AtomicU64::new(0);
    let ((from_client, to_client), (from_host, to_host)) = (split(client), split(host));
    let both = async {
        tokio::try_join!(one_way(from_client, to_host, &carried), one_way(from_host, to_client, &carried))
    };
    tokio::select! {
        ended = both => if let Err(error) = ended {
            tracing::debug!(%error, "a tunnel ended early");
        },
        () = idle(&carried, idle_limit) => tracing::debug!("an idle tunnel was closed"),
    }
}

async fn one_way(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    carried: &AtomicU64,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = from.read(&mut chunk).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        to.write_all(&chunk[..length]).await?;
        carried.fetch_add(length as u64, Ordering::Relaxed);
    }
}

/// Completes when nothing was carried between two looks.
async fn idle(carried: &AtomicU64, limit: Duration) {
    let mut before = None;
    loop {
        let now = Some(carried.load(Ordering::Relaxed));
        if before == now {
            return;
        }
        before = now;
        tokio::time::sleep(limit).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;
    use tokio::time::Instant;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn bytes_pass_both_ways_and_ends_are_passed_on() {
        let ((mut client, inner), (mut host, outer)) = (duplex(64), duplex(64));
        let carried = tokio::spawn(carry(inner, outer, LIMIT));
        client.write_all(b"there").await.unwrap();
        client.shutdown().await.unwrap();
        let mut text = String::new();
        host.read_to_string(&mut text).await.unwrap();
        host.write_all(b"and back").await.unwrap();
        drop(host);
        client.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "thereand back");
        carried.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_tunnel_that_nothing_goes_through_is_closed() {
        let ((mut client, inner), (_host, outer)) = (duplex(64), duplex(64));
        let start = Instant::now();
        let carried = tokio::spawn(carry(inner, outer, LIMIT));
        tokio::time::sleep(LIMIT / 2).await;
        client.write_all(b"x").await.unwrap();
        carried.await.unwrap();
        assert_eq!(start.elapsed(), 2 * LIMIT);
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn only_so_many_are_open_at_once() {
        let listener = tokio::net::TcpListener::bind("[::1]:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let others = Others::new(true, 1, LIMIT);
        let open = others.open("[::1]", port).await.unwrap();
        assert!(matches!(others.open("[::1]", port).await, Err(TunnelError::Full(_))));
        drop(open);
        assert!(others.open("[::1]", port).await.is_ok());
    }

    #[tokio::test]
    async fn none_is_open_when_they_are_not_allowed() {
        let refused = Others::new(false, 1, LIMIT).open("example.com", 443).await.unwrap_err();
        assert!(matches!(refused, TunnelError::Refused(_)));
        assert!(refused.to_string().contains("api.twilio.com"), "{refused}");
    }
}
