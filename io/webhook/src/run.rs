//! One fetch from its first connection to its last redirect: retries, logins, redirects, one clock over all.

use std::net::SocketAddr;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, COOKIE, HOST, HeaderName, HeaderValue, SET_COOKIE,
    TRANSFER_ENCODING, USER_AGENT,
};
use http::{HeaderMap, Request as HttpRequest};
use http_body_util::Full;
use tokio::time::{Instant, timeout_at};
use url::form_urlencoded;

use crate::client::Shared;
use crate::exchange::{Answer, BodyCaps, Sending, exchange};
use crate::fault::Fault;
use crate::overrides::Overrides;
use crate::redirect::{Hop, REDIRECTS_MAX};
use crate::session::{CallSession, Memory};
use crate::signature::sign;
use crate::target::Target;
use crate::types::{Attempt, Failure, Method, Purpose, Reply, Request};

const SIGNATURE: HeaderName = HeaderName::from_static("x-twilio-signature");
const IDEMPOTENCY: HeaderName = HeaderName::from_static("i-twilio-idempotency-token");

/// The answer a fetch ended with, whatever its status.
pub(crate) struct Outcome {
    /// Where it came from, without our parameters.
    pub(crate) url: String,
    pub(crate) answer: Answer,
    /// Set when the body is in the media cache.
    pub(crate) version: Option<u64>,
    pub(crate) attempts: Vec<Attempt>,
}

/// Does the whole fetch; a status beyond 299 is a failure.
pub(crate) async fn run(
    shared: &Shared,
    session: &CallSession,
    request: &Request,
) -> Result<Outcome, Failure> {
    let fail_early = |fault: Fault| failure(&fault, None, None, Vec::new());
    let (target, overrides) = Target::parse(&request.url).map_err(fail_early)?;
    let deadline = Instant::now() + overrides.total_timeout;
    let mut run = Run {
        shared,
        session,
        request,
        overrides,
        deadline,
        redirected: false,
        retries_left: overrides.retries,
        attempts: Vec::new(),
    };
    run.follow(Hop::first(target, request.method, &request.params)).await
}

struct Run<'a> {
    shared: &'a Shared,
    session: &'a CallSession,
    request: &'a Request,
    overrides: Overrides,
    deadline: Instant,
    redirected: bool,
    retries_left: u8,
    attempts: Vec<Attempt>,
}

/// An answer with the cache's word on it.
struct Got {
    answer: Answer,
    version: Option<u64>,
}

impl Run<'_> {
    async fn follow(&mut self, first: Hop) -> Result<Outcome, Failure> {
        let mut hop = first;
        for _ in 0..=REDIRECTS_MAX {
            let got = match self.hop(&hop).await {
                Ok(got) => got,
                Err(fault) => return Err(self.failed(&fault, &hop, None)),
            };
            match hop.next(got.answer.status, &got.answer.headers, &self.request.params) {
                Ok(Some(next)) => {
                    hop = next;
                    self.redirected = true;
                }
                Ok(None) => return self.conclude(&hop, got),
                Err(fault) => return Err(self.failed(&fault, &hop, Some(got.answer))),
            }
        }
        Err(self.failed(&Fault::TooManyRedirects(REDIRECTS_MAX), &hop, None))
    }

    /// One place of the chain, as often as retries and logins ask for it.
    async fn hop(&mut self, hop: &Hop) -> Result<Got, Fault> {
        self.session.memory().logins.remember(&hop.target);
        if let Some(got) = self.kept(hop) {
            return Ok(got);
        }
        let mut logins = 0;
        loop {
            let result = self.attempt(hop).await;
            if let Ok(answer) = &result
                && answer.status == 401
                && self.session.memory().logins.challenged(&hop.target, &answer.headers, logins)
            {
                logins += 1;
                continue;
            }
            let again = match &result {
                Ok(answer) => self.overrides.policy.covers_status(answer.status),
                Err(fault) => self.overrides.policy.covers(fault),
            };
            if !again || self.retries_left == 0 || Instant::now() >= self.deadline {
                return result.map(|answer| self.remember(hop, answer));
            }
            self.retries_left -= 1;
        }
    }

    /// One request on the wire, entered in the list of attempts.
    async fn attempt(&mut self, hop: &Hop) -> Result<Answer, Fault> {
        let started = Instant::now();
        let mut address = None;
        let result = match timeout_at(self.deadline, self.exchange(hop, &mut address)).await {
            Ok(result) => result,
            Err(_) => Err(Fault::TotalTimeout { limit_ms: self.overrides.total_timeout.as_millis() }),
        };
        self.enter(hop, &result, address, started.elapsed());
        if let Ok(answer) = &result {
            self.keep_cookies(hop, answer);
        }
        result
    }

    async fn exchange(&self, hop: &Hop, address: &mut Option<SocketAddr>) -> Result<Answer, Fault> {
        let _permit = self.shared.pool.enter(&hop.target.origin().host)?;
        let sending = Sending {
            target: &hop.target,
            request: self.http_request(hop)?,
            account: &self.request.account_sid,
            overrides: self.overrides,
            caps: self.caps(),
        };
        exchange(&self.shared.connector, &self.shared.pool, sending, address).await
    }

    fn enter(
        &mut self,
        hop: &Hop,
        result: &Result<Answer, Fault>,
        address: Option<SocketAddr>,
        took: Duration,
    ) {
        let (status, code, outcome) = match result {
            Ok(answer) => (Some(answer.status), None, status_class(answer.status)),
            Err(fault) => (None, Some(fault.code()), fault.outcome()),
        };
        metrics::counter!("ringway_webhook_attempts_total", "outcome" => outcome).increment(1);
        metrics::histogram!("ringway_webhook_attempt_seconds", "purpose" => self.request.purpose.as_str())
            .record(took.as_secs_f64());
        // The query may hold a caller's number.
        let place = hop.target.url.path();
        let host = hop.target.authority();
        tracing::debug!(purpose = self.request.purpose.as_str(), %host, place, method = %hop.method, status, outcome, "web request");
        self.attempts.push(Attempt {
            url: hop.target.to_string(),
            method: hop.method,
            address,
            status,
            code,
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        });
    }

    fn http_request(&self, hop: &Hop) -> Result<HttpRequest<Full<Bytes>>, Fault> {
        let form = hop.form(&self.request.params);
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut request = HttpRequest::builder()
            .method(hop.method.as_str())
            .uri(hop.target.request_target())
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| Fault::Url(error.to_string()))?;
        *request.headers_mut() = self.headers(hop, form);
        Ok(request)
    }

    fn headers(&self, hop: &Hop, form: &[(String, String)]) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(12);
        // What cannot be a header's value (a token with a line break) is left out rather than sent in pieces.
        let mut put = |name, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        put(HOST, &hop.target.authority());
        put(USER_AGENT, &self.shared.user_agent);
        put(
            ACCEPT,
            if self.request.purpose == Purpose::Media {
                "*/*"
            } else {
                "text/xml, application/xml, text/html"
            },
        );
        put(CACHE_CONTROL, "max-age=259200");
        put(IDEMPOTENCY, &self.request.idempotency_token);
        if hop.method.has_form() {
            put(CONTENT_TYPE, "application/x-www-form-urlencoded; charset=utf-8");
        }
        if let Some(token) = &self.request.signing_token {
            put(SIGNATURE, &sign(token, &hop.target.url, form));
        }
        let mut memory = self.session.memory();
        if let Some(cookies) = memory.cookies.header(&hop.target.url, SystemTime::now()) {
            put(COOKIE, &cookies);
        }
        if let Some(login) = memory.logins.authorization(&hop.target, hop.method, &client_nonce()) {
            put(AUTHORIZATION, &login);
        }
        headers.extend(self.conditions(&memory, hop));
        headers
    }

    /// A webhook may be answered with a sound, which is as large as other sounds are.
    fn caps(&self) -> BodyCaps {
        let (text, sound) = (self.shared.body_bytes_max, self.shared.media_bytes_max);
        match self.request.purpose {
            Purpose::Media => BodyCaps { sound, other: sound },
            Purpose::Document => BodyCaps { sound, other: text },
            Purpose::Callback => BodyCaps { sound: text, other: text },
        }
    }

    /// Media that the server itself called fresh is not asked for.
    fn kept(&self, hop: &Hop) -> Option<Got> {
        let key = self.media_key(hop)?;
        let stored = self.shared.media().fresh(&key, Instant::now().into_std())?;
        let answer = Answer { status: 200, headers: stored.headers, body: stored.body, cut: false };
        Some(Got { answer, version: Some(stored.version) })
    }

    fn conditions(&self, memory: &Memory, hop: &Hop) -> Vec<(HeaderName, HeaderValue)> {
        match (self.media_key(hop), self.document_key(hop)) {
            (Some(key), _) => self.shared.media().conditions(&key),
            (_, Some(key)) => memory.cache.conditions(&key),
            (None, None) => Vec::new(),
        }
    }

    fn keep_cookies(&self, hop: &Hop, answer: &Answer) {
        let mut memory = self.session.memory();
        for cookie in answer.headers.get_all(SET_COOKIE) {
            if let Ok(text) = std::str::from_utf8(cookie.as_bytes()) {
                memory.cookies.store(&hop.target.url, text, SystemTime::now());
            }
        }
    }

    /// Gives an answer its place in a cache, or takes the one out that a 304 confirms.
    fn remember(&self, hop: &Hop, answer: Answer) -> Got {
        let now = Instant::now().into_std();
        let mut memory = self.session.memory();
        let media_key = self.media_key(hop);
        let mut media = media_key.is_some().then(|| self.shared.media());
        let (cache, key) = match (media.as_deref_mut(), media_key, self.document_key(hop)) {
            (Some(cache), Some(key), _) => (cache, key),
            (_, _, Some(key)) => (&mut memory.cache, key),
            _ => return Got { answer, version: None },
        };
        if answer.status == 304
            && let Some(stored) = cache.revalidated(&key, &answer.headers, now)
        {
            let answer = Answer { status: 200, headers: stored.headers, body: stored.body, cut: false };
            return Got { answer, version: Some(stored.version) };
        }
        let whole = answer.status == 200 && !answer.cut;
        let version = if whole { cache.store(&key, &answer.headers, &answer.body, now) } else { None };
        Got { answer, version }
    }

    fn media_key(&self, hop: &Hop) -> Option<String> {
        let cached = self.request.purpose == Purpose::Media;
        cached.then(|| format!("{} {}", self.request.account_sid, hop.target.url))
    }

    fn document_key(&self, hop: &Hop) -> Option<String> {
        let cached = self.request.purpose == Purpose::Document && hop.method == Method::Get;
        cached.then(|| hop.target.url.to_string())
    }

    fn conclude(&mut self, hop: &Hop, got: Got) -> Result<Outcome, Failure> {
        let answer = &got.answer;
        let purpose = self.request.purpose;
        let fault = if !(200..300).contains(&answer.status) {
            Some(match purpose {
                Purpose::Callback => Fault::CallbackStatus(answer.status),
                Purpose::Document | Purpose::Media => Fault::Status(answer.status),
            })
        } else if purpose == Purpose::Callback {
            None
        } else if answer.cut {
            let limit = self.caps().of(answer.status, &answer.headers);
            Some(Fault::TooLarge { limit, media: purpose == Purpose::Media })
        } else if answer.body.is_empty() && is_chunked(&answer.headers) && hop.method != Method::Head {
            Some(Fault::Empty)
        } else {
            None
        };
        if let Some(fault) = fault {
            return Err(self.failed(&fault, hop, Some(got.answer)));
        }
        let attempts = std::mem::take(&mut self.attempts);
        Ok(Outcome { url: hop.place.to_string(), answer: got.answer, version: got.version, attempts })
    }

    fn failed(&mut self, fault: &Fault, hop: &Hop, answer: Option<Answer>) -> Failure {
        let attempts = std::mem::take(&mut self.attempts);
        failure(fault, self.redirected.then(|| hop.place.to_string()), answer, attempts)
    }
}

fn failure(fault: &Fault, url: Option<String>, answer: Option<Answer>, attempts: Vec<Attempt>) -> Failure {
    let reply = answer
        .map(|answer| Box::new(Reply { status: answer.status, headers: answer.headers, body: answer.body }));
    Failure { code: fault.code(), message: fault.to_string(), outcome: fault.outcome(), url, reply, attempts }
}

fn is_chunked(headers: &HeaderMap) -> bool {
    headers.get(TRANSFER_ENCODING).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"chunked"))
}

const fn status_class(status: u16) -> &'static str {
    match status {
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

fn client_nonce() -> String {
    let mut bytes = [0; 16];
    // Without entropy the nonce is constant: the login is then weaker, and still a login.
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
