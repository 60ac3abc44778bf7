//! How a server's connections learn that it closes, and how it learns that they have ended.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use tokio::sync::{mpsc, watch};

/// What every connection of a server holds while it lives.
#[derive(Debug, Clone)]
pub struct Closing {
    told: watch::Receiver<()>,
    /// Counts, by being held.
    _alive: mpsc::Sender<()>,
}

impl Closing {
    /// The two ends.
    pub fn new() -> (Closer, Self) {
        let (tell, told) = watch::channel(());
        let (alive, ended) = mpsc::channel(1);
        (Closer { tell, ended }, Self { told, _alive: alive })
    }

    /// Completes when the server closes.
    pub async fn begun(&mut self) {
        // Nothing is ever sent: the other end is dropped.
        while self.told.changed().await.is_ok() {}
    }
}

/// The server's end.
#[derive(Debug)]
pub struct Closer {
    tell: watch::Sender<()>,
    ended: mpsc::Receiver<()>,
}

impl Closer {
    /// Tells the connections, and waits until they have ended, at most `drain`; whether they have. The caller
    /// has dropped its own [`Closing`].
    pub async fn close(mut self, drain: Duration) -> bool {
        drop(self.tell);
        tokio::time::timeout(drain, self.ended.recv()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_server_waits_for_its_connections_but_not_for_ever() {
        let (closer, mut closing) = Closing::new();
        let connection = tokio::spawn(async move { closing.begun().await });
        assert!(closer.close(Duration::from_secs(5)).await);
        assert!(connection.is_finished());

        let (closer, _held) = Closing::new();
        assert!(!closer.close(Duration::from_secs(5)).await);
    }
}
