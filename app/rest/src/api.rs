//! The front door: what happens to every request before and after its resource.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use axum::body::Body;
use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use ipnet::IpNet;
use ringway_engine::calls::CallControl;
use ringway_engine::registrations::Registrations;
use ringway_model::Random;
use ringway_model::sid::{AccountSid, RequestSid};
use ringway_store::Store;

use crate::auth::Caller;
use crate::body::{self, BodyLimits};
use crate::error::{Code, Fault};
use crate::form::Form;
use crate::headers;
use crate::kept::Kept;
use crate::meters;
use crate::origin::Origin;
use crate::reply::{Reply, empty};
use crate::representation::Extension;
use crate::request::Verb;
use crate::throttle::{InFlight, RequestLimits, Throttle};
use crate::{accounts_v1, v2010, voice_v1};

/// What the operator may choose about replies and requests.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What the number of an error is appended to in `more_info`.
    pub more_info: String,
    /// The proxies whose word counts for what host and scheme the client has.
    pub trusted_proxies: Vec<IpNet>,
    /// How much of a request is read.
    pub body: BodyLimits,
    /// How much one account may ask.
    pub requests: RequestLimits,
    /// Whether access control lists may hold IPv6 addresses, which the hosted service does not have.
    pub ipv6_lists: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            more_info: "https://www.twilio.com/docs/errors/".to_owned(),
            trusted_proxies: Vec::new(),
            body: BodyLimits::default(),
            requests: RequestLimits::default(),
            ipv6_lists: false,
        }
    }
}

/// The REST API, over a store and the live calls of this process. Cheap to clone.
pub struct Api<C>(Arc<App<C>>);

impl<C> Clone for Api<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// What requests share.
pub(crate) struct App<C> {
    pub(crate) store: Store,
    pub(crate) control: C,
    pub(crate) registrations: Registrations,
    pub(crate) more_info: Arc<str>,
    pub(crate) ipv6_lists: bool,
    trusted_proxies: Vec<IpNet>,
    limits: BodyLimits,
    throttle: Throttle,
    kept: Kept,
}

impl<C: CallControl> Api<C> {
    /// The API over `store`; updates of live calls go through `control`, and `registrations` is where the
    /// phones are.
    pub fn new(store: Store, control: C, registrations: Registrations, settings: Settings) -> Self {
        Self(Arc::new(App {
            store,
            control,
            registrations,
            more_info: settings.more_info.into(),
            ipv6_lists: settings.ipv6_lists,
            trusted_proxies: settings.trusted_proxies,
            limits: settings.body,
            throttle: Throttle::new(settings.requests),
            kept: Kept::default(),
        }))
    }

    /// The API as a router that answers every path, for routes of other things to be merged into.
    pub fn router(&self) -> axum::Router {
        let api = self.clone();
        axum::Router::new().fallback(move |request: http::Request<Body>| {
            let api = api.clone();
            async move { api.handle(request).await }
        })
    }

    /// Answers one request. Never fails: what goes wrong is an error reply.
    pub async fn handle(&self, request: http::Request<Body>) -> Response<Body> {
        let started = Instant::now();
        let id = request_sid();
        let mut in_flight = None;
        let (head, body) = request.into_parts();
        let origin = Origin::of(&head, &self.0.trusted_proxies);
        let mut response = self.answer(&head, &origin, body, &mut in_flight).await;
        let concurrent = in_flight.as_ref().map_or(1, |in_flight| in_flight.count);
        headers::add(response.headers_mut(), &id, started.elapsed(), concurrent, origin.secure);
        report(&head, &id, response.status(), started);
        response
    }

    /// `in_flight` is set once it is known whose request it is.
    async fn answer(
        &self,
        head: &Parts,
        origin: &Origin,
        body: Body,
        in_flight: &mut Option<InFlight>,
    ) -> Response<Body> {
        let path = head.uri.path();
        if path == "/healthz" {
            return self.health();
        }
        let stem = path.trim_end_matches('/');
        let (stem, extension) = match is_product(stem) {
            true => (stem, Extension::Json),
            false => Extension::split(stem),
        };
        let outcome = match body::receive(&head.headers, body, &self.0.limits).await {
            Ok(_) if head.method == Method::OPTIONS => return headers::preflight(),
            Ok(bytes) => guarded(self.resource(head, origin, (stem, extension), &bytes, in_flight)).await,
            Err(fault) => Err(fault),
        };
        match outcome {
            Ok(reply) => reply.into_response(extension),
            Err(fault) => fault.into_response(extension, path, &self.0.more_info),
        }
    }

    async fn resource(
        &self,
        head: &Parts,
        origin: &Origin,
        (stem, extension): (&str, Extension),
        body: &[u8],
        in_flight: &mut Option<InFlight>,
    ) -> Result<Reply, Fault> {
        let segments: Vec<&str> = stem.split('/').skip(1).collect();
        let (["2010-04-01" | "v1"], path) = segments.split_at(segments.len().min(1)) else {
            return Err(Fault::not_found());
        };
        let caller = Caller::authenticate(&self.0.store, &head.headers)?;
        let entered = in_flight.insert(self.0.throttle.enter(caller.account.sid));
        self.0.throttle.check(entered, Instant::now())?;
        let verb = Verb::from(&head.method);
        let told = (self.0.store.version(), caller.account.sid, head.uri.path());
        if verb == Verb::Get
            && let Some(body) = self.0.kept.find(told.0, &told.1, told.2)
        {
            return Ok(Reply::Kept(body));
        }
        let query = Form::parse(head.uri.query().unwrap_or_default().as_bytes(), "the query")?;
        let form = match verb {
            Verb::Post => {
                body::check_media_type(&head.headers, body)?;
                Form::parse(body, "the body")?
            }
            _ => Form::default(),
        };
        let asked = v2010::Asked { app: &self.0, verb, caller, query, form, extension };
        let reply = match (is_product(stem), path) {
            (true, ["AuthTokens", ..]) => accounts_v1::dispatch(asked, path, &origin.to_string()).await,
            (true, _) => voice_v1::dispatch(asked, path, &origin.to_string()).await,
            (false, _) => v2010::dispatch(asked, path).await,
        };
        reply.map(|reply| self.keep(reply, extension, told))
    }

    /// Writes a reply that is worth keeping, and keeps it.
    fn keep(
        &self,
        reply: Reply,
        extension: Extension,
        (version, account, path): (u64, AccountSid, &str),
    ) -> Reply {
        let Reply::Row(shape, fields) = reply else { return reply };
        let body = Bytes::from(extension.instance(shape, &fields));
        self.0.kept.keep(version, account, path, &body);
        Reply::Kept(body)
    }

    fn health(&self) -> Response<Body> {
        let mut response = empty(StatusCode::OK);
        match self.0.store.probe() {
            Ok(()) => *response.body_mut() = Body::from("ok\n"),
            Err(error) => {
                tracing::error!(%error, "the store failed its probe");
                *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                *response.body_mut() = Body::from("the store does not answer\n");
            }
        }
        response
    }
}

/// Whether a path is of the product APIs, which speak JSON whatever a path ends with.
fn is_product(path: &str) -> bool {
    path == "/v1" || path.starts_with("/v1/")
}

/// Runs a handler; a panic in it costs its own request only.
async fn guarded(handler: impl Future<Output = Result<Reply, Fault>>) -> Result<Reply, Fault> {
    let mut handler = Box::pin(handler);
    poll_fn(move |context| {
        let handler: Pin<&mut _> = handler.as_mut();
        match catch_unwind(AssertUnwindSafe(|| handler.poll(context))) {
            Ok(poll) => poll,
            Err(_) => {
                tracing::error!("a request handler panicked");
                Poll::Ready(Err(Fault::of(Code::Internal)))
            }
        }
    })
    .await
}

thread_local! {
    /// Where request ids come from: they have to be different, and nobody trusts them. `None` until there was
    /// entropy to begin with.
    static RANDOM: RefCell<Option<Random>> = const { RefCell::new(None) };
}

fn request_sid() -> RequestSid {
    RANDOM.with_borrow_mut(|random| {
        let random = random.get_or_insert_with(|| {
            let mut seed = [0; 32];
            if let Err(error) = getrandom::fill(&mut seed) {
                tracing::warn!(%error, "no randomness for request ids");
            }
            Random::from_seed(seed)
        });
        RequestSid::from_random(random.bytes())
    })
}

/// The path without its query, which may hold phone numbers.
fn report(head: &Parts, id: &RequestSid, status: StatusCode, started: Instant) {
    let took = started.elapsed();
    meters::answered(status, took);
    let (method, path, status) = (&head.method, head.uri.path(), status.as_u16());
    tracing::debug!(%id, %method, path, status, took_ms = took.as_millis() as u64, "answered");
}
