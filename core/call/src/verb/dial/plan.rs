//! From a noun to the call that it asks for: whom it goes to, what it shows, who is told (contract, runtime.md
//! 3.2 and 4.4). What cannot be called is told to the developer, and left out.

use std::sync::Arc;
use std::time::Duration;

use ringway_model::phone;
use ringway_model::uri::UriRef;
use ringway_twiml::document::{Dial, Noun, NounKind};

use crate::child::NewChild;
use crate::directory::VoiceUrls;
use crate::outgoing::{Destination, Events, InvalidSipAddress, Login, Outgoing, SipAddress};
use crate::url;
use crate::verb::Context;

/// Longest caller ID, in characters.
const CALLER_ID_LENGTH_MAX: usize = 64;

/// What phones show when nothing better is known.
const ANONYMOUS: &str = "anonymous";

/// What all calls of one Dial have in common.
#[derive(Debug)]
pub(super) struct Plan {
    timeout: Duration,
    call_reason: Option<String>,
    /// As the document wants it, checked.
    caller_id: Option<String>,
}

impl Plan {
    /// Of its attributes.
    pub(super) fn of(dial: &Dial, context: &mut Context<'_>) -> Self {
        let caller_id = dial.caller_id.as_deref().and_then(|wanted| caller_id(wanted, context));
        Self { timeout: dial.timeout, call_reason: dial.call_reason.clone(), caller_id }
    }

    /// The call that a noun asks for.
    pub(super) fn child(&self, noun: &Noun, context: &mut Context<'_>) -> Option<NewChild> {
        let (destination, to) = destination(noun, context)?;
        let facts = context.facts;
        let caller_id = match (&self.caller_id, &destination) {
            (Some(wanted), _) => wanted.clone(),
            (None, Destination::Number { .. }) => number_of_caller(context)?,
            (None, _) => {
                user_of(&facts.leg.from).filter(|user| is_caller_id(user)).unwrap_or(ANONYMOUS.to_owned())
            }
        };
        let send_digits = match &noun.kind {
            NounKind::Number { send_digits, .. } => send_digits.clone(),
            NounKind::Sip { .. } | NounKind::Client { .. } => None,
        };
        let names = noun.status_callback_events.iter().map(String::as_str);
        let outgoing = Outgoing {
            account_sid: facts.account_sid(),
            parent_call_sid: Some(facts.call_sid),
            destination,
            urls: urls(noun, context),
            twiml: None,
            // Names that are not known were told of when the document was read.
            events: Events::of_names(names).unwrap_or_default(),
            timeout: self.timeout,
            send_digits,
            caller_id,
            caller_name: self.caller_id.is_none().then(|| facts.leg.caller_name.clone()).flatten(),
            call_reason: self.call_reason.clone(),
            max_forwards: facts.limits.max_forwards.saturating_sub(1),
        };
        let from = self.caller_id.clone().unwrap_or_else(|| facts.leg.from.clone());
        Some(NewChild { outgoing: Arc::new(outgoing), from, to })
    }
}

/// Where a noun goes, and how webhooks name that.
fn destination(noun: &Noun, context: &mut Context<'_>) -> Option<(Destination, String)> {
    match &noun.kind {
        NounKind::Sip { login } => {
            let address = sip_address(&noun.to, context)?;
            let login = login
                .as_ref()
                .map(|login| Login { username: login.username.clone(), password: login.password.clone() });
            let to = address.uri.clone();
            Some((Destination::Sip { address, login }, to))
        }
        NounKind::Client { parameters } => {
            let identity = noun.to.strip_prefix("client:").unwrap_or(&noun.to);
            if identity.is_empty() {
                context.notify(13215, "Invalid nested element: a Client has no identity, and is not called");
                return None;
            }
            let domain = context.facts.domain().map(|gate| gate.name.clone());
            let parameters = parameters.clone();
            let destination = Destination::Client { identity: identity.to_owned(), domain, parameters };
            Some((destination, format!("client:{identity}")))
        }
        NounKind::Number { byoc, .. } => {
            let digits: String = noun.to.chars().filter(|letter| !" -.()".contains(*letter)).collect();
            let Some(number) = phone::e164(&digits) else {
                let message = format!("Invalid phone number format: {:?} is not in E.164", noun.to);
                context.notify(13223, &message);
                return None;
            };
            let destination = Destination::Number { number: number.to_owned(), byoc: byoc.clone() };
            Some((destination, number.to_owned()))
        }
    }
}

fn sip_address(text: &str, context: &mut Context<'_>) -> Option<SipAddress> {
    let error = match SipAddress::parse(text) {
        Ok(address) => return Some(address),
        Err(error) => error,
    };
    let code = match error {
        InvalidSipAddress::Uri(_) | InvalidSipAddress::TooLong => 13243,
        InvalidSipAddress::HeaderName(_) | InvalidSipAddress::HeaderValue(_) => 13252,
        InvalidSipAddress::HeadersTooLong => 13253,
    };
    context.notify(code, &format!("Invalid SIP URI: {error}; it is not called"));
    None
}

/// The screening document and the status callback. A URL that leads nowhere is told, and counts as none for the
/// callback; without its screening document nobody is bridged, so there it is kept and will fail.
fn urls(noun: &Noun, context: &mut Context<'_>) -> VoiceUrls {
    let document = context.program.url();
    let resolved = |reference: &Option<String>| {
        reference.as_deref().map(|reference| url::resolve(document, reference).ok_or(reference.to_owned()))
    };
    let (screening, callback) = (resolved(&noun.url), resolved(&noun.status_callback));
    if let Some(Err(reference)) = &callback {
        let message = format!("Invalid URL format: statusCallback {:?}", url::presentable(reference));
        context.notify(11100, &message);
    }
    VoiceUrls {
        url: screening.map(|url| url.unwrap_or_else(|reference| reference)),
        method: noun.method,
        status_callback_url: callback.and_then(Result::ok),
        status_callback_method: noun.status_callback_method,
        ..VoiceUrls::default()
    }
}

/// The caller ID that a document wants: a number, a user, or `client:` and a name. One that cannot be is told,
/// and the caller's own is used.
fn caller_id(wanted: &str, context: &mut Context<'_>) -> Option<String> {
    let name = wanted.strip_prefix("client:").unwrap_or(wanted);
    if name.chars().count() > CALLER_ID_LENGTH_MAX {
        context.notify(13248, "Invalid callerID, too long: the caller's own is used");
        return None;
    }
    if is_caller_id(name) {
        return Some(name.to_owned());
    }
    context.notify(13214, &format!("Invalid callerId value {wanted:?}: the caller's own is used"));
    None
}

/// The number that a number is shown: the caller's own, when it is one.
fn number_of_caller(context: &mut Context<'_>) -> Option<String> {
    let from = &context.facts.leg.from;
    let user = user_of(from).unwrap_or_else(|| from.clone());
    match phone::e164(&user) {
        Some(number) => Some(number.to_owned()),
        None => {
            let message = "Invalid From number (caller ID): the caller has no number of its own, and the \
                Dial has no callerId; the number is not called";
            context.notify(13247, message);
            None
        }
    }
}

fn user_of(from: &str) -> Option<String> {
    match UriRef::parse(from) {
        Ok(uri) => uri.user_decoded().map(|user| user.into_owned()),
        Err(_) => Some(from.to_owned()),
    }
}

/// The letters of a caller ID (contract, runtime.md 3.2 "callerId").
fn is_caller_id(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "+-_.".contains(letter);
    !text.is_empty() && text.len() <= CALLER_ID_LENGTH_MAX && text.chars().all(fits)
}
