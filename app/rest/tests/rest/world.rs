//! A store, an account, the API over them, and a client that speaks to it without a network.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use ringway_engine::calls::{CallCommand, CallControl, ControlError};
use ringway_engine::outbound::{NewCallOut, PlaceError};
use ringway_engine::registrations::Registrations;
use ringway_model::sid::{AccountSid, CallSid};
use ringway_model::{CallStatus, Direction, Secret, UnixTime};
use ringway_rest::{Api, Settings};
use ringway_sip::registrar::Bindings;
use ringway_store::{Limits, NewCall, RootAccount, Store, StoreOptions};
use serde_json::Value;

use crate::document;

pub(crate) const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const UNKNOWN: &str = "00000000000000000000000000000099";

/// Answers commands as it was told to, and remembers them.
#[derive(Clone, Default)]
pub(crate) struct FakeCalls {
    pub(crate) answer: Arc<Mutex<Option<ControlError>>>,
    pub(crate) panics: Arc<AtomicBool>,
    pub(crate) taken: Arc<Mutex<Vec<(CallSid, CallCommand)>>>,
    /// The call out that the next `place` begins; its row is the test's affair.
    pub(crate) placed_sid: Arc<Mutex<Option<CallSid>>>,
    pub(crate) placed: Arc<Mutex<Vec<NewCallOut>>>,
}

impl CallControl for FakeCalls {
    async fn send(&self, sid: CallSid, command: CallCommand) -> Result<(), ControlError> {
        assert!(!self.panics.load(Ordering::Relaxed), "the secret inside");
        self.taken.lock().unwrap().push((sid, command));
        self.answer.lock().unwrap().map_or(Ok(()), Err)
    }

    async fn place(&self, call: NewCallOut) -> Result<CallSid, PlaceError> {
        let sid = self.placed_sid.lock().unwrap().take().ok_or(PlaceError::QueueFull)?;
        self.placed.lock().unwrap().push(call);
        Ok(sid)
    }
}

/// Everything a test needs; its directory goes when it does.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) calls: FakeCalls,
    pub(crate) bindings: Arc<Bindings>,
    pub(crate) api: Api<FakeCalls>,
    directory: PathBuf,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Limits::default(), Settings::default()).await
    }

    pub(crate) async fn with(limits: Limits, settings: Settings) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("ringway-rest-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        let options = StoreOptions { limits, ..StoreOptions::new(&directory, "sip.twilio.com") };
        let store = Store::open(options).unwrap();
        let root = RootAccount {
            sid: Some(ACCOUNT.parse().unwrap()),
            auth_token: Some(Secret::new(TOKEN)),
            friendly_name: "Test".to_owned(),
        };
        store.ensure_root_account(root).await.unwrap();
        let calls = FakeCalls::default();
        let bindings = Arc::new(Bindings::new([1; 32]));
        let api = Api::new(store.clone(), calls.clone(), Registrations::new(Arc::clone(&bindings)), settings);
        Self { store, calls, bindings, api, directory }
    }

    pub(crate) fn account(&self) -> AccountSid {
        ACCOUNT.parse().unwrap()
    }

    /// `path` is below the account when it does not begin with the version and is no page of the site.
    pub(crate) fn path(&self, path: &str) -> String {
        let whole = ["/2010-04-01", "/v1", "/healthz", "/docs", "/openapi.json"];
        match whole.iter().any(|beginning| path.starts_with(beginning)) {
            true => path.to_owned(),
            false => format!("/2010-04-01/Accounts/{ACCOUNT}{path}"),
        }
    }

    /// Every answer in JSON must be as the OpenAPI document says.
    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let (method, path) = (request.method().as_str().to_owned(), request.uri().path().to_owned());
        let reply = Reply::read(self.api.handle(request).await).await;
        document::check(&self.api, &method, &path, &reply).await;
        reply
    }

    /// With the credentials of the account.
    pub(crate) async fn ask(&self, method: &str, path: &str, form: &str) -> Reply {
        self.ask_as(ACCOUNT, TOKEN, method, path, form).await
    }

    pub(crate) async fn ask_as(
        &self,
        user: &str,
        password: &str,
        method: &str,
        path: &str,
        form: &str,
    ) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(self.path(path))
            .header("authorization", basic(user, password))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()))
            .unwrap();
        self.send(request).await
    }

    /// A product API, as the root account with this token.
    pub(crate) async fn ask_v1(&self, token: &str, method: &str, path: &str) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "accounts.example.com")
            .header("authorization", basic(ACCOUNT, token))
            .body(Body::empty())
            .unwrap();
        self.send(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, "").await
    }

    pub(crate) async fn post(&self, path: &str, form: &str) -> Reply {
        self.ask("POST", path, form).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.ask("DELETE", path, "").await
    }

    /// Makes a resource and returns its SID.
    pub(crate) async fn made(&self, path: &str, form: &str) -> String {
        self.post(path, form).await.created()["sid"].as_str().unwrap().to_owned()
    }

    /// A call in the store.
    pub(crate) async fn call(&self, number: u8, status: CallStatus, start: &str) -> CallSid {
        let new = self.new_call(number, status, start);
        let sid = new.sid;
        self.store.insert_call(new).await.unwrap();
        sid
    }

    /// A call that is still to be stored.
    pub(crate) fn new_call(&self, number: u8, status: CallStatus, start: &str) -> NewCall {
        let sid = CallSid::from_random([number; 16]);
        NewCall {
            sid,
            account_sid: self.account(),
            parent_call_sid: None,
            direction: Direction::Inbound,
            status,
            from: "sip:alice@acme.sip.twilio.com".to_owned(),
            to: "+13051416799".to_owned(),
            caller_name: None,
            forwarded_from: None,
            phone_number_sid: None,
            domain_sid: None,
            node: "one".to_owned(),
            now: UnixTime::from_secs(1_437_413_230),
            start_time: Some(seconds(start)),
            callback: None,
        }
    }
}

/// `2015-07-20 17:27:10` is the only instant tests need, and days around it.
pub(crate) fn seconds(day: &str) -> UnixTime {
    let offset: i64 = day.parse().unwrap();
    UnixTime::from_secs(1_437_413_230 + offset * 86_400)
}

pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) async fn read(response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Self { status: head.status, headers: head.headers, text }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    #[track_caller]
    pub(crate) fn with_status(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self.json()
    }

    #[track_caller]
    pub(crate) fn found(&self) -> Value {
        self.with_status(200)
    }

    #[track_caller]
    pub(crate) fn created(&self) -> Value {
        self.with_status(201)
    }

    #[track_caller]
    pub(crate) fn deleted(&self) {
        assert_eq!((self.status.as_u16(), self.text.as_str()), (204, ""));
        assert_eq!(self.header("content-type"), "");
    }

    /// The error body, whole and coherent; `names` must be in its message.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: u32, names: &str) {
        let body = self.with_status(status);
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(body["status"], status, "{body}");
        let more_info = body["more_info"].as_str().unwrap();
        assert!(more_info.starts_with("http://") && more_info.ends_with(&format!("/docs/errors/{code}")));
        assert!(body["message"].as_str().unwrap().contains(names), "{names}: {body}");
    }

    #[track_caller]
    pub(crate) fn missing(&self, path: &str) {
        self.refused(404, 20404, &format!("The requested resource {path} was not found"));
    }
}

pub(crate) fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}
