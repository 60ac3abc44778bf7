//! `POST /2010-04-01/Accounts/{AC}/Calls`: begins a call out (contract, rest.md 2 "Calls").

use std::time::Duration;

use ringway_engine::calls::CallControl;
use ringway_engine::outbound::{
    Destination, Events, InvalidSipAddress, Login, NewCallOut, Outgoing, PlaceError, SipAddress, VoiceUrls,
};
use ringway_model::phone;
use ringway_model::sid::ApplicationSid;

use super::{SHAPE, describe, find, update};
use crate::error::{Code, Fault};
use crate::form::Form;
use crate::reply::Reply;
use crate::request::Request;
use crate::rules;

/// How long it may ring, in seconds.
const TIMEOUT_DEFAULT_S: u32 = 60;
const TIMEOUT_S_MAX: u32 = 600;
/// In characters.
const SEND_DIGITS_LENGTH_MAX: usize = 32;
const LOGIN_LENGTH_MAX: usize = 255;
const CALL_REASON_LENGTH_MAX: usize = 50;
const CALLER_ID_LENGTH_MAX: usize = 64;
/// How often our INVITE may be passed on (RFC 3261 8.1.1.6).
const MAX_FORWARDS: u8 = 70;

/// Answers with the row, in which the call is queued.
pub(super) async fn create<C: CallControl>(request: &Request<C>) -> Result<Reply, Fault> {
    let new = read(request)?;
    match request.app.control.place(new).await {
        Ok(sid) => Ok(Reply::Created(&SHAPE, describe(&find(request, &sid)?, &request.place))),
        Err(PlaceError::QueueFull) => {
            Err(Fault::because(Code::TooManyRequests, "as many calls of the account are queued as may be"))
        }
        Err(PlaceError::Unavailable) => Err(Fault::because(Code::Unavailable, "no more calls can be taken")),
        Err(PlaceError::Store(error)) => Err(error.into()),
    }
}

fn read<C>(request: &Request<C>) -> Result<NewCallOut, Fault> {
    let form = &request.form;
    refuse_what_is_not_built(form)?;
    let (destination, to) = destination(form)?;
    let is_number = matches!(destination, Destination::Number { .. });
    let from = rules::required(form, "From", Code::CallerRequired)?;
    let caller = caller(request, from, is_number)?;
    let caller_id = match form.text("CallerId") {
        Some(caller_id) => self::caller(request, caller_id, is_number)?,
        None => caller.clone(),
    };
    let document = document(request)?;
    let outgoing = Outgoing {
        account_sid: request.account.sid,
        parent_call_sid: None,
        destination,
        urls: document.urls,
        twiml: document.twiml,
        events: events(form)?,
        timeout: seconds(form, "Timeout", Code::CallInvalidTimeout, TIMEOUT_S_MAX)?
            .unwrap_or(Duration::from_secs(TIMEOUT_DEFAULT_S.into())),
        send_digits: send_digits(form)?,
        caller_id,
        caller_name: None,
        call_reason: call_reason(form)?,
        max_forwards: MAX_FORWARDS,
    };
    let time_limit = seconds(form, "TimeLimit", Code::InvalidParameter, u32::MAX)?;
    Ok(NewCallOut { outgoing, from: caller, to, time_limit })
}

/// What nothing here would honour is not taken either.
fn refuse_what_is_not_built(form: &Form) -> Result<(), Fault> {
    let refuse = |name: &str| Err(Fault::because(Code::InvalidParameter, format!("{name} is not built yet")));
    if rules::boolean(form, "Record", Code::InvalidParameter)? == Some(true) {
        return refuse("Record");
    }
    match form.text("MachineDetection").or(form.text("IfMachine")) {
        Some(_) => refuse("MachineDetection"),
        None => Ok(()),
    }
}

/// Whom to call, and how the resource names that.
fn destination(form: &Form) -> Result<(Destination, String), Fault> {
    let to = rules::required(form, "To", Code::NoCalledNumber)?.trim();
    let is_sip = ["sip:", "sips:"].iter().any(|scheme| starts_with(to, scheme));
    if is_sip {
        let address = SipAddress::parse(to).map_err(|error| invalid_address(&error))?;
        let shown = address.uri.clone();
        return Ok((Destination::Sip { address, login: login(form)? }, shown));
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
    let destination = Destination::Number { number: number.to_owned(), byoc: byoc(form)? };
    Ok((destination, number.to_owned()))
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

/// `SipAuthUsername` and `SipAuthPassword`.
fn login(form: &Form) -> Result<Option<Login>, Fault> {
    let legal = |text: &str| !text.contains(char::is_control);
    let (username, password) = (form.text("SipAuthUsername"), form.text("SipAuthPassword"));
    let Some(username) = username else { return Ok(None) };
    if username.chars().count() > LOGIN_LENGTH_MAX {
        return Err(Fault::of(Code::SipAuthUsernameTooLong));
    }
    if !legal(username) {
        return Err(Fault::of(Code::SipAuthUsername));
    }
    let Some(password) = password else { return Err(Fault::of(Code::SipAuthPasswordRequired)) };
    if password.chars().count() > LOGIN_LENGTH_MAX {
        return Err(Fault::of(Code::SipAuthPasswordTooLong));
    }
    if !legal(password) {
        return Err(Fault::of(Code::SipAuthPassword));
    }
    Ok(Some(Login { username: username.to_owned(), password: password.to_owned().into() }))
}

fn byoc(form: &Form) -> Result<Option<String>, Fault> {
    match form.text("Byoc") {
        Some(sid) if sid.parse::<ringway_model::sid::ByocTrunkSid>().is_err() => {
            Err(Fault::because(Code::InvalidByocTrunk, "Byoc must be the SID of a BYOC trunk"))
        }
        sid => Ok(sid.map(str::to_owned)),
    }
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

/// `Url` before `Twiml` before `ApplicationSid`; one of them must be there.
fn document<C>(request: &Request<C>) -> Result<Document, Fault> {
    let form = &request.form;
    let url = |name| rules::url(form, name, Code::CallInvalidUrl).map(Option::flatten);
    let method = |name| rules::method(form, name, Code::CallInvalidMethod).map(Option::unwrap_or_default);
    let mut urls = VoiceUrls {
        url: url("Url")?,
        method: method("Method")?,
        fallback_url: url("FallbackUrl")?,
        fallback_method: method("FallbackMethod")?,
        status_callback_url: url("StatusCallback")?,
        status_callback_method: method("StatusCallbackMethod")?,
    };
    let twiml = update::twiml(form)?.filter(|_| urls.url.is_none());
    if let (None, None, Some(sid)) = (&urls.url, &twiml, form.text("ApplicationSid")) {
        urls = urls_of_application(request, sid, urls)?;
    }
    if urls.url.is_none() && twiml.is_none() {
        let sentence = "one of Url, Twiml and ApplicationSid is required";
        return Err(Fault::because(Code::CallInvalidUrl, sentence));
    }
    Ok(Document { urls, twiml })
}

/// The application's own URLs; a callback that the form names stays.
fn urls_of_application<C>(request: &Request<C>, sid: &str, named: VoiceUrls) -> Result<VoiceUrls, Fault> {
    let unknown = || Fault::because(Code::CallInvalidApplication, "there is no such application");
    let sid: ApplicationSid = sid.parse().map_err(|_| unknown())?;
    let application = request.store().application(&request.account.sid, &sid)?.ok_or_else(unknown)?;
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

fn events(form: &Form) -> Result<Events, Fault> {
    let names = form.pairs().filter(|(name, _)| *name == "StatusCallbackEvent").map(|(_, value)| value);
    // Some clients send one value with all of them.
    let names: Vec<&str> = names.flat_map(str::split_ascii_whitespace).collect();
    Events::of_names(names).map_err(|name| {
        let sentence =
            format!("StatusCallbackEvent {name:?} is none of initiated, ringing, answered, completed");
        Fault::because(Code::InvalidParameter, sentence)
    })
}

fn seconds(form: &Form, name: &str, code: Code, most: u32) -> Result<Option<Duration>, Fault> {
    let Some(text) = form.text(name) else { return Ok(None) };
    match text.parse::<u32>() {
        Ok(seconds) if (1..=most).contains(&seconds) => Ok(Some(Duration::from_secs(seconds.into()))),
        _ => Err(Fault::because(code, format!("{name} must be a number of seconds, 1 to {most}"))),
    }
}

fn send_digits(form: &Form) -> Result<Option<String>, Fault> {
    let Some(text) = form.text("SendDigits") else { return Ok(None) };
    let legal = |byte: u8| matches!(byte, b'0'..=b'9' | b'*' | b'#' | b'w' | b'W');
    if text.len() > SEND_DIGITS_LENGTH_MAX || !text.bytes().all(legal) {
        let sentence = format!("SendDigits must be at most {SEND_DIGITS_LENGTH_MAX} of 0-9 * # w W");
        return Err(Fault::because(Code::CallInvalidSendDigits, sentence));
    }
    Ok(Some(text.to_owned()))
}

fn call_reason(form: &Form) -> Result<Option<String>, Fault> {
    let Some(text) = form.text("CallReason") else { return Ok(None) };
    if text.chars().count() > CALL_REASON_LENGTH_MAX || text.contains(char::is_control) {
        let sentence = format!("CallReason must have at most {CALL_REASON_LENGTH_MAX} characters");
        return Err(Fault::because(Code::InvalidParameter, sentence));
    }
    Ok(Some(text.to_owned()))
}
