//! `POST /2010-04-01/Accounts/{AC}/Calls`: begins a call out (contract, rest.md 2 "Calls").

use std::time::Duration;

use ringway_engine::calls::CallControl;
use ringway_engine::outbound::{
    Destination, Events, InvalidSipAddress, Login, NewCallOut, Outgoing, PlaceError, SipAddress, VoiceUrls,
};
use ringway_model::phone;
use ringway_model::sid::{ApplicationSid, ByocTrunkSid};
use ringway_store::{Call, HttpMethod};
use serde_json::{Value as Json, json};

use super::find;
use super::update::TWIML_LENGTH_MAX;
use crate::error::{Code, Fault};
use crate::form::Form;
use crate::parameters::{Sent, parameters};
use crate::reply::Created;
use crate::request::Request;
use crate::rules::{self, Rule, required};

/// How long it may ring, in seconds.
const TIMEOUT_DEFAULT_S: u32 = 60;
const TIMEOUT_S_MAX: u32 = 600;
/// In characters.
const LOGIN_LENGTH_MAX: usize = 255;
const CALL_REASON_LENGTH_MAX: usize = 50;
const CALLER_ID_LENGTH_MAX: usize = 64;
/// How often our INVITE may be passed on (RFC 3261 8.1.1.6).
const MAX_FORWARDS: u8 = 70;
const NOT_BUILT: &str = "is not built yet";

parameters! {
    pub(super) struct NewCall {
        /// Not built: refused unless false.
        _record: () = "Record", rules::not_built_switch(NOT_BUILT);
        /// Not built: refused unless empty.
        _machine_detection: () = "MachineDetection", rules::not_built(NOT_BUILT);
        /// Not built: refused unless empty.
        _if_machine: () = "IfMachine", rules::not_built(NOT_BUILT);
        /// Whom to call: a number in E.164, a SIP URI, or `client:` and a name.
        to: String = "To", required(rules::any_text(), Code::NoCalledNumber);
        /// Who calls: to a number, a number of the account or one that it has verified.
        from: String = "From", required(rules::any_text(), Code::CallerRequired);
        /// What is shown in place of `From`.
        caller_id: Option<String> = "CallerId", rules::any_text();
        /// The user name for a SIP address that asks for one, of at most 255 characters.
        sip_auth_username: Option<String> = "SipAuthUsername", rules::any_text();
        /// Its password, of at most 255 characters.
        sip_auth_password: Option<String> = "SipAuthPassword", rules::any_text();
        /// The BYOC trunk that a call to a number leaves through.
        byoc: Option<ByocTrunkSid> = "Byoc", rules::sid::<ByocTrunkSid>(Code::InvalidByocTrunk, "a BYOC trunk");
        /// Where the call gets its TwiML. Goes before `Twiml` and `ApplicationSid`, one of which must be there.
        url: Option<Option<String>> = "Url", rules::url(Code::CallInvalidUrl);
        /// How the URL is asked.
        method: Option<HttpMethod> = "Method", rules::method(Code::CallInvalidMethod);
        /// Who is asked when the URL has no good answer.
        fallback_url: Option<Option<String>> = "FallbackUrl", rules::url(Code::CallInvalidUrl);
        /// How it is asked.
        fallback_method: Option<HttpMethod> = "FallbackMethod", rules::method(Code::CallInvalidMethod);
        /// Who is told how the call goes.
        status_callback: Option<Option<String>> = "StatusCallback", rules::url(Code::CallInvalidUrl);
        /// How it is told.
        status_callback_method: Option<HttpMethod> =
            "StatusCallbackMethod", rules::method(Code::CallInvalidMethod);
        /// The TwiML that the call executes.
        twiml: Option<String> = "Twiml", rules::text(0..=TWIML_LENGTH_MAX, Code::TwimlTooLarge);
        /// An application of the account whose URLs the call has.
        application_sid: Option<ApplicationSid> =
            "ApplicationSid", rules::sid::<ApplicationSid>(Code::CallInvalidApplication, "an application");
        /// Of what the status callback is told, `completed` unless given.
        events: Events = "StatusCallbackEvent", EventNames;
        /// How long it may ring, in seconds; 60 unless given.
        timeout_s: Option<u32> = "Timeout", rules::number(1..=TIMEOUT_S_MAX, Code::CallInvalidTimeout);
        /// Keys that are pressed once the call is answered.
        send_digits: Option<String> = "SendDigits", rules::dialled_digits();
        /// Why it is called, for the other side to see.
        call_reason: Option<String> =
            "CallReason", rules::text(0..=CALL_REASON_LENGTH_MAX, Code::InvalidParameter);
        /// How long the call may be, in seconds.
        time_limit_s: Option<u32> = "TimeLimit", rules::number(1..=u32::MAX, Code::InvalidParameter);
    }
}

/// The names of events, one a parameter or all in one with spaces between, as some clients send them.
struct EventNames;

impl Rule for EventNames {
    type Value = Events;

    fn read(&self, form: &Form, name: &str) -> Result<Events, Fault> {
        let given = form.pairs().filter(|(key, _)| *key == name).map(|(_, value)| value);
        Events::of_names(given.flat_map(str::split_ascii_whitespace).collect::<Vec<_>>()).map_err(|event| {
            let sentence = format!("{name} {event:?} is none of initiated, ringing, answered, completed");
            Fault::because(Code::InvalidParameter, sentence)
        })
    }

    fn schema(&self) -> Json {
        let event = json!({"type": "string", "enum": ["initiated", "ringing", "answered", "completed"]});
        json!({"type": "array", "items": event})
    }
}

/// Answers with the row, in which the call is queued.
pub(super) async fn create<C: CallControl>(
    request: Request<C>,
    sent: Sent<NewCall>,
) -> Result<Created<Call>, Fault> {
    let new = sent.read()?.checked(&request)?;
    match request.app.control.place(new).await {
        Ok(sid) => find(&request, &sid).await.map(Created),
        Err(PlaceError::QueueFull) => {
            Err(Fault::because(Code::TooManyRequests, "as many calls of the account are queued as may be"))
        }
        Err(PlaceError::Unavailable) => Err(Fault::because(Code::Unavailable, "no more calls can be taken")),
        Err(PlaceError::Store(error)) => Err(error.into()),
    }
}

impl NewCall {
    fn checked<C>(self, request: &Request<C>) -> Result<NewCallOut, Fault> {
        let (destination, to) = self.destination()?;
        let is_number = matches!(destination, Destination::Number { .. });
        let caller = caller(request, &self.from, is_number)?;
        let caller_id = match &self.caller_id {
            Some(caller_id) => self::caller(request, caller_id, is_number)?,
            None => caller.clone(),
        };
        let document = self.document(request)?;
        let call_reason = self.call_reason.filter(|reason| !reason.is_empty());
        if call_reason.as_ref().is_some_and(|reason| reason.contains(char::is_control)) {
            let sentence = "CallReason must not have control characters";
            return Err(Fault::because(Code::InvalidParameter, sentence));
        }
        let outgoing = Outgoing {
            account_sid: request.account.sid,
            parent_call_sid: None,
            destination,
            urls: document.urls,
            twiml: document.twiml,
            events: self.events,
            timeout: seconds(self.timeout_s.unwrap_or(TIMEOUT_DEFAULT_S)),
            send_digits: self.send_digits.filter(|digits| !digits.is_empty()),
            caller_id,
            caller_name: None,
            call_reason,
            max_forwards: MAX_FORWARDS,
        };
        Ok(NewCallOut { outgoing, from: caller, to, time_limit: self.time_limit_s.map(seconds) })
    }

    /// Whom to call, and how the resource names that.
    fn destination(&self) -> Result<(Destination, String), Fault> {
        let to = self.to.trim();
        let is_sip = ["sip:", "sips:"].iter().any(|scheme| starts_with(to, scheme));
        if is_sip {
            let address = SipAddress::parse(to).map_err(|error| invalid_address(&error))?;
            let shown = address.uri.clone();
            return Ok((Destination::Sip { address, login: self.login()? }, shown));
        }
        if let Some(identity) = to.strip_prefix("client:").filter(|identity| !identity.is_empty()) {
            let destination =
                Destination::Client { identity: identity.to_owned(), domain: None, parameters: Vec::new() };
            return Ok((destination, to.to_owned()));
        }
        let digits: String = to.chars().filter(|letter| !" -.()".contains(*letter)).collect();
        let Some(number) = phone::e164(&digits) else {
            let sentence = "To must be a SIP URI, client: and a name, or a number in E.164";
            return Err(Fault::because(Code::InvalidToNumber, sentence));
        };
        let byoc = self.byoc.map(|sid| sid.to_string());
        Ok((Destination::Number { number: number.to_owned(), byoc }, number.to_owned()))
    }

    /// `SipAuthUsername` and `SipAuthPassword`.
    fn login(&self) -> Result<Option<Login>, Fault> {
        let legal = |text: &str| !text.contains(char::is_control);
        let Some(username) = &self.sip_auth_username else { return Ok(None) };
        if username.chars().count() > LOGIN_LENGTH_MAX {
            return Err(Fault::of(Code::SipAuthUsernameTooLong));
        }
        if !legal(username) {
            return Err(Fault::of(Code::SipAuthUsername));
        }
        let Some(password) = &self.sip_auth_password else {
            return Err(Fault::of(Code::SipAuthPasswordRequired));
        };
        if password.chars().count() > LOGIN_LENGTH_MAX {
            return Err(Fault::of(Code::SipAuthPasswordTooLong));
        }
        if !legal(password) {
            return Err(Fault::of(Code::SipAuthPassword));
        }
        Ok(Some(Login { username: username.clone(), password: password.clone().into() }))
    }

    /// `Url` before `Twiml` before `ApplicationSid`; one of them must be there.
    fn document<C>(&self, request: &Request<C>) -> Result<Document, Fault> {
        let mut urls = VoiceUrls {
            url: self.url.clone().flatten(),
            method: self.method.unwrap_or_default(),
            fallback_url: self.fallback_url.clone().flatten(),
            fallback_method: self.fallback_method.unwrap_or_default(),
            status_callback_url: self.status_callback.clone().flatten(),
            status_callback_method: self.status_callback_method.unwrap_or_default(),
        };
        let twiml = self.twiml.clone().filter(|twiml| !twiml.is_empty() && urls.url.is_none());
        if let (None, None, Some(sid)) = (&urls.url, &twiml, &self.application_sid) {
            urls = urls_of_application(request, sid, urls)?;
        }
        if urls.url.is_none() && twiml.is_none() {
            let sentence = "one of Url, Twiml and ApplicationSid is required";
            return Err(Fault::because(Code::CallInvalidUrl, sentence));
        }
        Ok(Document { urls, twiml })
    }
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn invalid_address(error: &InvalidSipAddress) -> Fault {
    let code = match error {
        InvalidSipAddress::Uri(_) | InvalidSipAddress::TooLong => Code::InvalidToNumber,
        InvalidSipAddress::HeadersTooLong => Code::SipHeadersTooLong,
        InvalidSipAddress::HeaderName(_) => Code::SipHeaderName,
        InvalidSipAddress::HeaderValue(_) => Code::SipHeaderValue,
    };
    Fault::because(code, format!("To: {error}"))
}

/// A bare user for SIP; a number of the account's, its own or verified, for a number.
fn caller<C>(request: &Request<C>, text: &str, is_number: bool) -> Result<String, Fault> {
    let name = text.strip_prefix("client:").unwrap_or(text);
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "+-_.".contains(letter);
    if name.is_empty() || name.len() > CALLER_ID_LENGTH_MAX || !name.chars().all(fits) {
        let sentence = "From must be a bare user: letters, digits, + - _ .";
        return Err(Fault::because(Code::InvalidFromNumber, sentence));
    }
    if is_number && !request.store().may_call_as(&request.account.sid, name)? {
        let sentence = "From must be a number of the account, or one that it has verified";
        return Err(Fault::because(Code::FromNotVerified, sentence));
    }
    Ok(name.to_owned())
}

/// What the call executes, and who is told of it.
struct Document {
    urls: VoiceUrls,
    twiml: Option<String>,
}

/// The application's own URLs; a callback that the form names stays.
fn urls_of_application<C>(
    request: &Request<C>,
    sid: &ApplicationSid,
    named: VoiceUrls,
) -> Result<VoiceUrls, Fault> {
    let unknown = || Fault::because(Code::CallInvalidApplication, "there is no such application");
    let application = request.store().application(&request.account.sid, sid)?.ok_or_else(unknown)?;
    let fields = application.fields;
    if fields.voice_url.is_none() {
        return Err(Fault::because(Code::CallInvalidApplication, "the application has no VoiceUrl"));
    }
    let (status_callback_url, status_callback_method) = match named.status_callback_url {
        Some(url) => (Some(url), named.status_callback_method),
        None => (fields.status_callback, fields.status_callback_method),
    };
    Ok(VoiceUrls {
        url: fields.voice_url,
        method: fields.voice_method,
        fallback_url: fields.voice_fallback_url,
        fallback_method: fields.voice_fallback_method,
        status_callback_url,
        status_callback_method,
    })
}
