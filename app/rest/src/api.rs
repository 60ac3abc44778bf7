//! The front door: what happens to every request before and after its resource.

use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
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
use ringway_store::{Account, AccountStatus, Store};

use crate::auth::Caller;
use crate::body::{self, BodyLimits};
use crate::error::{Code, Fault};
use crate::form::Form;
use crate::headers;
use crate::kept::Kept;
use crate::meters;
use crate::origin::{ErrorPages, Origin};
use crate::reply::Reply;
use crate::representation::Extension;
use crate::request::{ApiKind, Place, Request, Verb};
use crate::site::Site;
use crate::throttle::{InFlight, RequestLimits, Throttle};
use crate::tree::{Answering, Resource, Scope, Source, Tree};
use crate::{accounts_v1, v2010, voice_v1};

/// What the operator may choose about replies and requests.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where `more_info` of an error points.
    pub error_pages: ErrorPages,
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
            error_pages: ErrorPages::Own,
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
    pub(crate) ipv6_lists: bool,
    tree: Tree<C>,
    site: Site,
    error_pages: ErrorPages,
    trusted_proxies: Vec<IpNet>,
    limits: BodyLimits,
    throttle: Throttle,
    kept: Kept,
}

impl<C: CallControl> Api<C> {
    /// The API over `store`; updates of live calls go through `control`, and `registrations` is where the
    /// phones are.
    pub fn new(store: Store, control: C, registrations: Registrations, settings: Settings) -> Self {
        let tree = tree();
        Self(Arc::new(App {
            site: Site::new(&tree),
            store,
            control,
            registrations,
            ipv6_lists: settings.ipv6_lists,
            tree,
            error_pages: settings.error_pages,
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
        let stem = path.trim_end_matches('/');
        let (stem, extension) = match is_product(stem) {
            true => (stem, Extension::Json),
            false => Extension::split(stem),
        };
        let api = if is_product(stem) { ApiKind::Product } else { ApiKind::V2010 };
        let place = Arc::new(Place {
            api,
            origin: origin.clone(),
            extension,
            path: stem.to_owned(),
            error_pages: self.0.error_pages.clone(),
        });
        let outcome = match body::receive(&head.headers, body, &self.0.limits).await {
            Ok(_) if head.method == Method::OPTIONS => return headers::preflight(),
            Ok(_) if let Some(answer) = self.0.site.answer(&head.method, path, &self.0.store) => match answer
            {
                Ok(response) => return response,
                Err(fault) => Err(fault),
            },
            Ok(bytes) => match self.resource(head, place.clone(), &bytes, in_flight) {
                Ok(Found::Kept(body)) => Ok(Reply::Kept(body)),
                Ok(Found::Answering(answering, told)) => {
                    guarded(answering).await.map(|reply| self.keep(reply, extension, told, path))
                }
                Err(fault) => Err(fault),
            },
            Err(fault) => Err(fault),
        };
        match outcome {
            Ok(reply) => reply.into_response(extension),
            Err(fault) => fault.into_response(&place),
        }
    }

    /// Finds who asks, and what for.
    fn resource(
        &self,
        head: &Parts,
        place: Arc<Place>,
        body: &[u8],
        in_flight: &mut Option<InFlight>,
    ) -> Result<Found, Fault> {
        if !is_product(&place.path) && !is_below(&place.path, "/2010-04-01") {
            return Err(Fault::not_found());
        }
        let caller = Caller::authenticate(&self.0.store, &head.headers)?;
        let entered = in_flight.insert(self.0.throttle.enter(caller.account.sid));
        self.0.throttle.check(entered, Instant::now())?;
        let verb = Verb::from(&head.method);
        let told = (self.0.store.version(), caller.account.sid);
        if verb == Verb::Get
            && let Some(body) = self.0.kept.find(told.0, &told.1, head.uri.path())
        {
            return Ok(Found::Kept(body));
        }
        let query = Form::parse(head.uri.query().unwrap_or_default().as_bytes(), "the query")?;
        let form = match verb {
            Verb::Post => {
                body::check_media_type(&head.headers, body)?;
                Form::parse(body, "the body")?
            }
            _ => query,
        };
        let (resource, mut segments) = self.0.tree.find(&place.path).ok_or_else(Fault::not_found)?;
        let account = self.account(resource, &caller, &mut segments)?;
        let operation = resource.operation(verb)?;
        let request = Request { app: self.0.clone(), caller, account, place };
        Ok(Found::Answering(operation.answer(request, Source::new(segments, form)), told))
    }

    /// Writes a reply that is worth keeping, and keeps it.
    fn keep(&self, reply: Reply, extension: Extension, (version, account): Told, path: &str) -> Reply {
        let Reply::Row(shape, fields) = reply else { return reply };
        let body = Bytes::from(extension.instance(&shape, &fields));
        self.0.kept.keep(version, account, path, &body);
        Reply::Kept(body)
    }

    /// The account that is asked about, when the caller may act on it.
    fn account(
        &self,
        resource: &Resource<C>,
        caller: &Caller,
        segments: &mut Vec<String>,
    ) -> Result<Arc<Account>, Fault> {
        let account = match resource.scope.names_account() {
            false => Arc::clone(&caller.account),
            true => {
                let sid = segments.remove(0).parse().map_err(|_| Fault::not_found())?;
                caller.reach(&self.0.store, &sid)?
            }
        };
        if resource.scope == Scope::BelowAccount && account.status != AccountStatus::Active {
            return Err(Fault::of(Code::AccountNotActive));
        }
        if resource.group.is_administrative {
            caller.may_administer()?;
        }
        Ok(account)
    }
}

/// What a request leads to.
enum Found {
    /// What was told the last time and is still so.
    Kept(Bytes),
    /// A handler at work.
    Answering(Answering, Told),
}

/// The version of the store that an answer is about, and whom it is for.
type Told = (u64, AccountSid);

fn tree<C: CallControl>() -> Tree<C> {
    let mut tree = Tree::new();
    v2010::grow(&mut tree);
    voice_v1::grow(&mut tree);
    accounts_v1::grow(&mut tree);
    tree
}

/// Whether a path is of the product APIs, which speak JSON whatever a path ends with.
fn is_product(path: &str) -> bool {
    is_below(path, "/v1")
}

fn is_below(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Runs a handler; a panic in it costs its own request only.
async fn guarded(mut handler: Answering) -> Result<Reply, Fault> {
    poll_fn(move |context| match catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(context))) {
        Ok(poll) => poll,
        Err(_) => {
            tracing::error!("a request handler panicked");
            Poll::Ready(Err(Fault::of(Code::Internal)))
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
