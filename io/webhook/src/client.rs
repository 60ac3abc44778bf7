//! The client that every call shares.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, HeaderMap, HeaderName};

use crate::cache::{Cache, next_version};
use crate::connect::Connector;
use crate::guard::Guard;
use crate::idle::Pool;
use crate::resolve::Names;
use crate::run::run;
use crate::session::CallSession;
use crate::tls::{Roots, TlsConfigs};
use crate::types::{Failure, Media, MediaRequest, Method, Purpose, Request, Response};

/// The User-Agent that web applications know, with our own name behind it.
pub const USER_AGENT: &str = concat!("TwilioProxy/1.1 (Ringway/", env!("CARGO_PKG_VERSION"), ")");

/// How a client is set up.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// The User-Agent header.
    pub user_agent: String,
    /// Where it may connect.
    pub guard: Guard,
    /// Whose certificates it trusts.
    pub roots: Roots,
    /// Who resolves host names; `None` asks the system's servers.
    pub names: Option<Names>,
    /// Requests under way to one host; beyond it a fetch fails at once, so that the fallback can run.
    pub in_flight_per_host_max: usize,
    /// The largest document (contract, runtime.md 1.5: 64 kB).
    pub body_bytes_max: usize,
    /// The largest media file.
    pub media_bytes_max: usize,
    /// What all cached media together may take.
    pub media_cache_bytes_max: usize,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            user_agent: USER_AGENT.to_owned(),
            guard: Guard::default(),
            roots: Roots::System,
            names: None,
            in_flight_per_host_max: 512,
            body_bytes_max: 64 * 1024,
            media_bytes_max: 32 * 1024 * 1024,
            media_cache_bytes_max: 128 * 1024 * 1024,
        }
    }
}

/// Why a client could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The trusted certificates could not be taken in.
    #[error("the trusted certificates cannot be used: {0}")]
    Roots(#[from] rustls::Error),
    /// The system's resolver configuration could not be read.
    #[error("host names cannot be resolved: {0}")]
    Names(String),
}

/// Asks web applications. Clones share connections and the media cache.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) connector: Connector,
    pub(crate) pool: Arc<Pool>,
    pub(crate) user_agent: String,
    pub(crate) body_bytes_max: usize,
    pub(crate) media_bytes_max: usize,
    media: Mutex<Cache>,
}

impl Shared {
    /// The media cache; never held across an await.
    pub(crate) fn media(&self) -> MutexGuard<'_, Cache> {
        self.media.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// Sets a client up; opens no connection yet.
    pub fn new(config: ClientConfig) -> Result<Self, SetupError> {
        let names = match config.names {
            Some(names) => names,
            None => Names::system().map_err(SetupError::Names)?,
        };
        let connector = Connector { guard: config.guard, names, tls: TlsConfigs::new(&config.roots)? };
        Ok(Self(Arc::new(Shared {
            connector,
            pool: Pool::new(config.in_flight_per_host_max),
            user_agent: config.user_agent,
            body_bytes_max: config.body_bytes_max,
            media_bytes_max: config.media_bytes_max,
            media: Mutex::new(Cache::new(config.media_cache_bytes_max)),
        })))
    }

    /// Fetches a document: TwiML, or what else a voice URL answers (contract, runtime.md 1.4, 1.5). Dropping
    /// the
    /// future gives the request up.
    pub async fn fetch(&self, session: &CallSession, request: Request) -> Result<Response, Failure> {
        let outcome = run(&self.0, session, &request).await?;
        Ok(Response {
            status: outcome.answer.status,
            content_type: text(&outcome.answer.headers, CONTENT_TYPE).unwrap_or_default(),
            headers: outcome.answer.headers,
            body: outcome.answer.body,
            url: outcome.url,
            attempts: outcome.attempts,
        })
    }

    /// Fetches audio for Play: without the standard parameters, and out of the shared cache as far as ETag,
    /// Last-Modified and Cache-Control allow (contract, runtime.md 3.2 Play).
    pub async fn fetch_media(&self, session: &CallSession, request: MediaRequest) -> Result<Media, Failure> {
        let request = Request {
            url: request.url,
            method: Method::Get,
            params: Vec::new(),
            account_sid: request.account_sid,
            signing_token: request.signing_token,
            idempotency_token: request.idempotency_token,
            purpose: Purpose::Media,
        };
        let outcome = run(&self.0, session, &request).await?;
        Ok(Media {
            content_type: text(&outcome.answer.headers, CONTENT_TYPE).unwrap_or_default(),
            etag: text(&outcome.answer.headers, ETAG),
            body: outcome.answer.body,
            url: outcome.url,
            version: outcome.version.unwrap_or_else(next_version),
            attempts: outcome.attempts,
        })
    }

    /// Delivers a status callback, once; whoever calls repeats it later when it fails. What is answered does
    /// not
    /// matter, that it is a 2xx does: anything else is the warning 15003 (contract, runtime.md 2.2).
    pub async fn deliver(&self, request: Request) -> Result<Response, Failure> {
        let request = Request { purpose: Purpose::Callback, ..request };
        let response = self.fetch(&CallSession::new(), request).await?;
        Ok(Response { body: Bytes::new(), ..response })
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}
