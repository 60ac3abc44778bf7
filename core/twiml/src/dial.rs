//! `<Dial>` and its nouns (contract, runtime.md 3.2).
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use crate::attributes::{Attributes, Problems, quoted, whole_number};
use crate::document::{CALLED_MAX, Dial, HttpMethod, Noun, NounKind, SipLogin};
use crate::xml::Element;

/// The countries whose ringing can be asked for.
const RING_TONES: &[&str] = &[
    "at", "au", "bg", "br", "be", "ch", "cl", "cn", "cz", "de", "dk", "ee", "es", "fi", "fr", "gr", "hu",
    "il", "in", "it", "lt", "jp", "mx", "my", "nl", "no", "nz", "ph", "pl", "pt", "ru", "se", "sg", "th",
    "uk", "us", "us-old", "tw", "ve", "za",
];

/// Nouns that exist, and cannot be called yet.
const NOT_BUILT: &[&str] = &["Application", "Conference", "Queue", "Sim", "WhatsApp"];

/// How long a Dial may wait for an answer, in seconds.
const TIMEOUT_S: std::ops::RangeInclusive<u32> = 5..=600;
const TIMEOUT_DEFAULT_S: u32 = 30;

/// Longest reason of a call, in characters.
const CALL_REASON_LENGTH_MAX: usize = 50;
/// Longest user or password, in characters.
const LOGIN_LENGTH_MAX: usize = 255;
/// Most keys that are sent after an answer.
const SEND_DIGITS_LENGTH_MAX: usize = 32;

pub(crate) fn dial(element: &Element, problems: &mut Problems) -> Dial {
    let mut attributes = Attributes::new(element, "Dial");
    let timeout_s = attributes.read("timeout", 13212, (TIMEOUT_DEFAULT_S, "30"), problems, |value| {
        whole_number(value).map(|seconds| seconds.clamp(*TIMEOUT_S.start(), *TIMEOUT_S.end()))
    });
    let time_limit = attributes.read("timeLimit", 13216, (None, "no limit"), problems, |value| {
        whole_number(value).filter(|seconds| *seconds > 0).map(Some)
    });
    let ring_tone = attributes.read("ringTone", 13220, (None, "the default"), problems, |value| {
        RING_TONES.iter().find(|tone| **tone == value).copied().map(Some)
    });
    let dial = Dial {
        action: reference(&mut attributes, "action"),
        method: attributes.method("method", 13210, problems),
        timeout: Duration::from_secs(timeout_s.into()),
        time_limit: time_limit.map(|seconds| Duration::from_secs(seconds.into())),
        hangup_on_star: attributes.boolean("hangupOnStar", 13213, false, problems),
        caller_id: attributes.trimmed("callerId").filter(|value| !value.is_empty()).map(str::to_owned),
        answer_on_bridge: attributes.boolean("answerOnBridge", 13219, false, problems),
        ring_tone,
        sequential: attributes.boolean("sequential", 13218, false, problems),
        call_reason: call_reason(&mut attributes, problems),
        nouns: nouns(element, problems),
    };
    warn_of_what_is_not_built(&mut attributes, problems);
    attributes.finish(problems);
    dial
}

/// Recording does not exist yet: say so when it is asked for, and let the call go on. Transfers neither.
fn warn_of_what_is_not_built(attributes: &mut Attributes<'_>, problems: &mut Problems) {
    let record = attributes.read("record", 13217, (false, "do-not-record"), problems, |value| match value {
        "do-not-record" | "false" => Some(false),
        "record-from-answer"
        | "true"
        | "record-from-ringing"
        | "record-from-answer-dual"
        | "record-from-ringing-dual" => Some(true),
        _ => None,
    });
    if record {
        let message = "Schema validation warning: recording is not built yet; the call is not recorded";
        problems.add(12200, "Dial", message.to_owned());
    }
    if reference(attributes, "referUrl").is_some() {
        let message = "Schema validation warning: transfers are not built yet; a REFER will be refused";
        problems.add(12200, "Dial", message.to_owned());
    }
    for name in [
        "referMethod",
        "trim",
        "recordingTrack",
        "recordingStatusCallback",
        "recordingStatusCallbackMethod",
        "recordingStatusCallbackEvent",
        "recordingConfigurationId",
        "events",
        "passports",
    ] {
        attributes.raw(name);
    }
}

fn call_reason(attributes: &mut Attributes<'_>, problems: &mut Problems) -> Option<String> {
    attributes.read("callReason", 12200, (None, "no reason"), problems, |value| {
        let fits = value.chars().count() <= CALL_REASON_LENGTH_MAX && !value.contains(char::is_control);
        fits.then(|| Some(value.to_owned()).filter(|value| !value.is_empty()))
    })
}

/// The text of a Dial is a number; else its elements are called, at most ten.
fn nouns(dial: &Element, problems: &mut Problems) -> Vec<Noun> {
    let mut nouns: Vec<Noun> = dial.elements().filter_map(|element| noun(element, problems)).collect();
    let text = dial.text();
    if nouns.is_empty() && !text.is_empty() {
        let kind = NounKind::Number { send_digits: None, byoc: None };
        nouns.push(Noun::of(kind, text));
    } else if !text.is_empty() {
        let message = format!("Invalid nested element: the text {} beside nouns is ignored", quoted(&text));
        problems.add(13215, "Dial", message);
    }
    if nouns.len() > CALLED_MAX {
        problems.add(13250, "Dial", format!("Too many nouns: only the first {CALLED_MAX} are called"));
        nouns.truncate(CALLED_MAX);
    }
    nouns
}

fn noun(element: &Element, problems: &mut Problems) -> Option<Noun> {
    match element.name.as_str() {
        "Number" => Some(number(element, problems)),
        "Sip" => Some(sip(element, problems)),
        "Client" => Some(client(element, problems)),
        name if NOT_BUILT.contains(&name) => {
            let message = format!("Schema validation warning: {name} is not built yet, and is not called");
            problems.add(12200, "Dial", message);
            None
        }
        other => {
            let message = format!("Invalid nested element {}: it is ignored", quoted(other));
            problems.add(13215, "Dial", message);
            None
        }
    }
}

fn number(element: &Element, problems: &mut Problems) -> Noun {
    let path = "Dial->Number";
    let mut attributes = Attributes::new(element, path);
    let send_digits = attributes.read("sendDigits", 13222, (None, "none"), problems, |value| {
        let fits = value.len() <= SEND_DIGITS_LENGTH_MAX
            && value.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'*' | b'#' | b'w' | b'W'));
        fits.then(|| Some(value.to_owned()).filter(|digits| !digits.is_empty()))
    });
    let byoc = reference(&mut attributes, "byoc");
    let noun =
        called(NounKind::Number { send_digits, byoc }, element.text(), 13221, &mut attributes, problems);
    finish(attributes, problems);
    noun
}

fn sip(element: &Element, problems: &mut Problems) -> Noun {
    let mut attributes = Attributes::new(element, "Dial->Sip");
    let login = login(&mut attributes, problems);
    let noun = called(NounKind::Sip { login }, element.text(), 13241, &mut attributes, problems);
    finish(attributes, problems);
    noun
}

/// A password without a user, or either too long, is as good as none.
fn login(attributes: &mut Attributes<'_>, problems: &mut Problems) -> Option<SipLogin> {
    let username = attributes.trimmed("username").filter(|text| !text.is_empty());
    let password = attributes.raw("password").filter(|text| !text.is_empty());
    let fits = |text: &str| text.chars().count() <= LOGIN_LENGTH_MAX && !text.contains(char::is_control);
    match (username, password) {
        (None, None) => None,
        (Some(username), password) if fits(username) && password.is_none_or(fits) => {
            let password = password.unwrap_or_default().to_owned();
            Some(SipLogin { username: username.to_owned(), password: password.into() })
        }
        _ => {
            let message = "Invalid username or password attribute: neither is used".to_owned();
            problems.add(13249, "Dial->Sip", message);
            None
        }
    }
}

/// The identity is the text, or that of an Identity element; Parameter elements become headers.
fn client(element: &Element, problems: &mut Problems) -> Noun {
    let mut attributes = Attributes::new(element, "Dial->Client");
    let identity = element.elements().find(|child| child.name == "Identity").map(Element::text);
    let parameters = element.elements().filter(|child| child.name == "Parameter").filter_map(|child| {
        let value = |wanted: &str| {
            child.attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone())
        };
        Some((value("name")?, value("value").unwrap_or_default()))
    });
    let kind = NounKind::Client { parameters: parameters.collect() };
    let text = identity.unwrap_or_else(|| element.text());
    let noun = called(kind, text, 13241, &mut attributes, problems);
    finish(attributes, problems);
    noun
}

/// What all nouns have.
fn called(
    kind: NounKind,
    to: String,
    method_code: u32,
    attributes: &mut Attributes<'_>,
    problems: &mut Problems,
) -> Noun {
    let path = kind.path();
    let events = attributes.trimmed("statusCallbackEvent").unwrap_or_default();
    let (known, unknown): (Vec<&str>, Vec<&str>) = events
        .split_ascii_whitespace()
        .partition(|event| matches!(*event, "initiated" | "ringing" | "answered" | "completed"));
    if let Some(event) = unknown.first() {
        let message =
            format!("Schema validation warning: statusCallbackEvent {} is not known", quoted(event));
        problems.add(12200, path, message);
    }
    Noun {
        url: reference(attributes, "url"),
        method: attributes.method("method", method_code, problems),
        status_callback: reference(attributes, "statusCallback"),
        status_callback_method: attributes.method("statusCallbackMethod", method_code, problems),
        status_callback_events: known.into_iter().map(str::to_owned).collect(),
        ..Noun::of(kind, to)
    }
}

/// Machine detection is not built: say so when it is asked for.
fn finish(mut attributes: Attributes<'_>, problems: &mut Problems) {
    if attributes.trimmed("machineDetection").is_some_and(|value| !value.is_empty()) {
        let message = "Schema validation warning: machineDetection is not built yet; nothing is detected";
        problems.add(12200, "Dial", message.to_owned());
    }
    for name in [
        "machineDetectionTimeout",
        "machineDetectionSpeechThreshold",
        "machineDetectionSpeechEndThreshold",
        "machineDetectionSilenceTimeout",
        "amdStatusCallback",
        "amdStatusCallbackMethod",
    ] {
        attributes.raw(name);
    }
    attributes.finish(problems);
}

fn reference(attributes: &mut Attributes<'_>, name: &'static str) -> Option<String> {
    attributes.trimmed(name).filter(|value| !value.is_empty()).map(str::to_owned)
}

impl Noun {
    fn of(kind: NounKind, to: String) -> Self {
        Self {
            kind,
            to,
            url: None,
            method: HttpMethod::Post,
            status_callback: None,
            status_callback_method: HttpMethod::Post,
            status_callback_events: Vec::new(),
        }
    }
}

impl NounKind {
    fn path(&self) -> &'static str {
        match self {
            Self::Number { .. } => "Dial->Number",
            Self::Sip { .. } => "Dial->Sip",
            Self::Client { .. } => "Dial->Client",
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::document::Verb;

    fn read(document: &str) -> (Dial, Vec<u32>) {
        let text = format!("<Response>{document}</Response>");
        let (document, problems) = crate::parse(text.as_bytes()).unwrap();
        let Some(Verb::Dial(dial)) = document.verbs.into_iter().next() else { panic!("no Dial") };
        (*dial, problems.into_iter().map(|problem| problem.code).collect())
    }

    #[test]
    fn a_text_is_a_number_and_everything_has_a_default() {
        let (dial, problems) = read("<Dial> +15551234567 </Dial>");
        assert_eq!(problems, [0; 0]);
        assert_eq!((dial.timeout, dial.time_limit), (Duration::from_secs(30), None));
        assert_eq!((dial.action, dial.method, dial.ring_tone), (None, HttpMethod::Post, None));
        assert!(!dial.answer_on_bridge && !dial.hangup_on_star && !dial.sequential);
        assert_eq!(dial.nouns.len(), 1);
        assert_eq!(dial.nouns[0].to, "+15551234567");
        assert!(matches!(dial.nouns[0].kind, NounKind::Number { send_digits: None, byoc: None }));
    }

    #[test]
    fn reads_every_attribute() {
        let (dial, problems) = read(
            "<Dial action='/next' method='get' timeout='7' timeLimit='60' hangupOnStar='true' callerId='bob'
                answerOnBridge='true' ringTone='uk' sequential='true' callReason='a delivery'>
                <Sip username='u' password='p' url='/screen' method='GET' statusCallback='/s'
                    statusCallbackMethod='GET' statusCallbackEvent='initiated answered'>sip:a@b.example</Sip>
                <Number sendDigits='ww12#' byoc='BY1'>+15551234567</Number>
                <Client><Identity>carol</Identity><Parameter name='n' value='v'/></Client>
            </Dial>",
        );
        assert_eq!(problems, [0; 0]);
        assert_eq!((dial.action.as_deref(), dial.method), (Some("/next"), HttpMethod::Get));
        assert_eq!((dial.timeout.as_secs(), dial.time_limit), (7, Some(Duration::from_secs(60))));
        assert!(dial.hangup_on_star && dial.answer_on_bridge && dial.sequential);
        assert_eq!((dial.caller_id.as_deref(), dial.ring_tone), (Some("bob"), Some("uk")));
        assert_eq!(dial.call_reason.as_deref(), Some("a delivery"));
        let [sip, number, client] = &dial.nouns[..] else { panic!("{:?}", dial.nouns) };
        let NounKind::Sip { login: Some(login) } = &sip.kind else { panic!("{sip:?}") };
        assert_eq!((login.username.as_str(), login.password.expose()), ("u", "p"));
        assert_eq!((sip.url.as_deref(), sip.method), (Some("/screen"), HttpMethod::Get));
        assert_eq!(sip.status_callback_events, ["initiated", "answered"]);
        let digits = NounKind::Number { send_digits: Some("ww12#".to_owned()), byoc: Some("BY1".to_owned()) };
        assert_eq!(number.kind, digits);
        let parameters = vec![("n".to_owned(), "v".to_owned())];
        assert_eq!((client.to.as_str(), &client.kind), ("carol", &NounKind::Client { parameters }));
    }

    #[test]
    fn each_fault_has_its_number_and_the_default_is_used() {
        for (attribute, code) in [
            ("method='PUT'", 13210),
            ("timeout='x'", 13212),
            ("hangupOnStar='x'", 13213),
            ("timeLimit='0'", 13216),
            ("record='x'", 13217),
            ("sequential='x'", 13218),
            ("answerOnBridge='x'", 13219),
            ("ringTone='xx'", 13220),
            ("record='true'", 12200),
            ("referUrl='/r'", 12200),
            ("nonsense='1'", 12200),
        ] {
            let (dial, problems) = read(&format!("<Dial {attribute}>+15551234567</Dial>"));
            assert_eq!(problems, [code], "{attribute}");
            assert_eq!(dial.timeout.as_secs(), 30);
        }
        for (noun, code) in [
            ("<Number method='x'>1</Number>", 13221),
            ("<Number sendDigits='x'>1</Number>", 13222),
            ("<Sip method='x'>sip:a@b</Sip>", 13241),
            ("<Sip password='p'>sip:a@b</Sip>", 13249),
            ("<Sip machineDetection='Enable'>sip:a@b</Sip>", 12200),
            ("<Conference>c</Conference>", 12200),
            ("<Say>c</Say>", 13215),
        ] {
            assert_eq!(read(&format!("<Dial>{noun}</Dial>")).1, [code], "{noun}");
        }
    }

    #[test]
    fn time_outs_are_kept_within_bounds_and_nouns_are_counted() {
        assert_eq!(read("<Dial timeout='1'>1</Dial>").0.timeout.as_secs(), 5);
        assert_eq!(read("<Dial timeout='9999'>1</Dial>").0.timeout.as_secs(), 600);
        let (dial, problems) = read(&format!("<Dial>{}</Dial>", "<Client>a</Client>".repeat(11)));
        assert_eq!((dial.nouns.len(), problems), (10, vec![13250]));
    }
}
