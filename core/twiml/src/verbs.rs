//! From elements to verbs, one function a verb (contract, runtime.md 3.2).
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use crate::attributes::{Attributes, Problems, quoted, whole_number};
use crate::dial::dial;
use crate::document::{
    Gather, HttpMethod, Pause, Play, PlayWhat, Prompt, Redirect, Reject, RejectReason, SAY_CHARACTERS_MAX,
    Say, Verb,
};
use crate::ssml;
use crate::xml::{Element, Node};

/// Verbs that exist, and are not performed yet.
const NOT_BUILT: &[&str] = &[
    "Connect", "Echo", "Enqueue", "Leave", "Pay", "Prompt", "Queue", "Record", "Refer", "Siprec", "Sms",
    "Start", "Stop", "Stream",
];

const BUILT: &[&str] = &["Dial", "Gather", "Hangup", "Pause", "Play", "Redirect", "Reject", "Say"];

/// The verbs of a Response.
pub(crate) fn read_all(response: &Element, problems: &mut Problems) -> Vec<Verb> {
    Attributes::new(response, "Response").finish(problems);
    let text = response.children.iter().find_map(|child| match child {
        Node::Text(text) if !text.trim().is_empty() => Some(text.trim()),
        _ => None,
    });
    if let Some(text) = text {
        let message =
            format!("Schema validation warning: the text {} outside of a verb is ignored", quoted(text));
        problems.add(12200, "Response", message);
    }
    response.elements().filter_map(|element| read(element, problems)).collect()
}

fn read(element: &Element, problems: &mut Problems) -> Option<Verb> {
    match element.name.as_str() {
        "Say" => Some(Verb::Say(say(element, "Say", false, problems))),
        "Play" => play(element, "Play", false, problems).map(Verb::Play),
        "Pause" => Some(Verb::Pause(pause(element, "Pause", problems))),
        "Gather" => Some(Verb::Gather(Box::new(gather(element, problems)))),
        "Dial" => Some(Verb::Dial(Box::new(dial(element, problems)))),
        "Redirect" => Some(Verb::Redirect(redirect(element, problems))),
        "Reject" => Some(Verb::Reject(reject(element, problems))),
        "Hangup" => {
            Attributes::new(element, "Hangup").finish(problems);
            only(element, "Hangup", &["Parameter"], problems);
            Some(Verb::Hangup)
        }
        other => match NOT_BUILT.iter().find(|name| **name == other) {
            Some(name) => Some(Verb::NotBuilt { name }),
            None => {
                unknown(other, problems);
                None
            }
        },
    }
}

fn unknown(name: &str, problems: &mut Problems) {
    let meant = BUILT.iter().chain(NOT_BUILT).find(|known| known.eq_ignore_ascii_case(name));
    let hint = meant.map_or(String::new(), |known| format!(" (names are case-sensitive: {known})"));
    let message =
        format!("Schema validation warning: element {} is not known and is ignored{hint}", quoted(name));
    problems.add(12200, "Response", message);
}

fn say(element: &Element, path: &str, in_gather: bool, problems: &mut Problems) -> Say {
    let (voice_code, loop_code) = if in_gather { (13321, 13322) } else { (13511, 13510) };
    let mut attributes = Attributes::new(element, path);
    let voice = attributes.read("voice", voice_code, (None, "the default voice"), problems, |value| {
        is_voice(value).then(|| Some(value.to_owned()))
    });
    let language = attributes.read("language", 13512, (None, "the default language"), problems, |value| {
        is_language(value).then(|| Some(value.to_owned()))
    });
    let loops = attributes.loops(loop_code, problems);
    attributes.finish(problems);
    let mut words = ssml::words(element, path, problems);
    if words.text.is_empty() {
        problems.add(13520, path, "Invalid text: there is nothing to say".to_owned());
        words.ssml = None;
    }
    if let Some((end, _)) = words.text.char_indices().nth(SAY_CHARACTERS_MAX) {
        let message = format!("Only the first {SAY_CHARACTERS_MAX} characters are spoken, and as plain text");
        problems.add(13521, path, message);
        words.text.truncate(end);
        words.ssml = None;
    }
    Say { text: words.text, ssml: words.ssml, voice, language, loops }
}

fn play(element: &Element, path: &str, in_gather: bool, problems: &mut Problems) -> Option<Play> {
    let mut attributes = Attributes::new(element, path);
    let loops = attributes.loops(13410, problems);
    let digits = attributes.trimmed("digits").filter(|digits| !digits.is_empty());
    attributes.finish(problems);
    only(element, path, &[], problems);
    let url = element.text();
    let what = match digits {
        Some(_) if in_gather => {
            problems.add(13430, path, "Invalid DTMF string: digits cannot be played in a Gather".to_owned());
            None
        }
        Some(digits) if is_dtmf(digits) => Some(PlayWhat::Digits(digits.to_owned())),
        Some(digits) => {
            let message = format!("Invalid DTMF string {}: it is not played", quoted(digits));
            problems.add(13430, path, message);
            None
        }
        None => None,
    };
    let what = what.or_else(|| (!url.is_empty()).then_some(PlayWhat::Url(url)));
    if what.is_none() && digits.is_none() {
        let message = "Schema validation warning: neither a URL nor digits; it is left out".to_owned();
        problems.add(12200, path, message);
    }
    Some(Play { what: what?, loops })
}

fn pause(element: &Element, path: &str, problems: &mut Problems) -> Pause {
    let mut attributes = Attributes::new(element, path);
    let seconds = attributes.read("length", 13910, (1, "1"), problems, |value| {
        whole_number(value).filter(|seconds| *seconds > 0)
    });
    attributes.finish(problems);
    only(element, path, &[], problems);
    Pause { length: Duration::from_secs(seconds.into()) }
}

fn gather(element: &Element, problems: &mut Problems) -> Gather {
    let mut attributes = Attributes::new(element, "Gather");
    warn_of_speech(&mut attributes, problems);
    let timeout = attributes.read("timeout", 13313, (5, "5"), problems, whole_number);
    let finish_on_key = attributes.read("finishOnKey", 13310, (Some('#'), "#"), problems, finish_key);
    let num_digits = attributes.read("numDigits", 13314, (None, "no limit"), problems, |value| {
        whole_number(value).filter(|count| *count > 0).map(Some)
    });
    let action = attributes.trimmed("action").filter(|action| !action.is_empty()).map(str::to_owned);
    let method: HttpMethod = attributes.method("method", 13312, problems);
    let action_on_empty_result = attributes.boolean("actionOnEmptyResult", 13338, false, problems);
    let barge_in = attributes.boolean("bargeIn", 13332, true, problems);
    attributes.finish(problems);
    Gather {
        action,
        method,
        timeout: Duration::from_secs(timeout.into()),
        finish_on_key,
        num_digits,
        barge_in,
        action_on_empty_result,
        prompts: element.elements().filter_map(|child| prompt(child, problems)).collect(),
    }
}

/// Speech is not recognised yet: say so, collect keys all the same, and check nothing that is about speech
/// alone.
fn warn_of_speech(attributes: &mut Attributes<'_>, problems: &mut Problems) {
    let speech = attributes.read("input", 13326, (false, "dtmf"), problems, |value| {
        let words: Vec<&str> = value.split_ascii_whitespace().collect();
        let valid = !words.is_empty() && words.iter().all(|word| matches!(*word, "dtmf" | "speech"));
        valid.then(|| words.contains(&"speech"))
    });
    if speech {
        let message =
            "Schema validation warning: input speech is not built yet; keys are collected".to_owned();
        problems.add(12200, "Gather", message);
    }
    for name in [
        "speechTimeout",
        "maxSpeechTime",
        "speechModel",
        "language",
        "hints",
        "profanityFilter",
        "partialResultCallback",
        "partialResultCallbackMethod",
        "enhanced",
        "debug",
    ] {
        attributes.raw(name);
    }
}

fn prompt(element: &Element, problems: &mut Problems) -> Option<Prompt> {
    match element.name.as_str() {
        "Say" => Some(Prompt::Say(say(element, "Gather->Say", true, problems))),
        "Play" => play(element, "Gather->Play", true, problems).map(Prompt::Play),
        "Pause" => Some(Prompt::Pause(pause(element, "Gather->Pause", problems))),
        other => {
            let message = format!("Invalid nested verb {}: it is ignored", quoted(other));
            problems.add(13320, "Gather", message);
            None
        }
    }
}

fn redirect(element: &Element, problems: &mut Problems) -> Redirect {
    let mut attributes = Attributes::new(element, "Redirect");
    let method = attributes.method("method", 13710, problems);
    attributes.finish(problems);
    only(element, "Redirect", &[], problems);
    Redirect { url: element.text(), method }
}

fn reject(element: &Element, problems: &mut Problems) -> Reject {
    let mut attributes = Attributes::new(element, "Reject");
    let default = (RejectReason::Rejected, "rejected");
    let reason = attributes.read("reason", 13810, default, problems, |value| match value {
        "rejected" => Some(RejectReason::Rejected),
        "busy" => Some(RejectReason::Busy),
        _ => None,
    });
    attributes.finish(problems);
    only(element, "Reject", &["Parameter"], problems);
    Reject { reason }
}

/// Warns of every element inside that is not one of `allowed`.
fn only(element: &Element, path: &str, allowed: &[&str], problems: &mut Problems) {
    for child in element.elements().filter(|child| !allowed.contains(&child.name.as_str())) {
        let message =
            format!("Schema validation warning: element {} is not allowed here", quoted(&child.name));
        problems.add(12200, path, message);
    }
}

/// The voices that can be mapped to one of ours.
fn is_voice(value: &str) -> bool {
    let branded = ["Polly.", "Google."].iter().find_map(|brand| value.strip_prefix(brand));
    let well_named = |name: &str| {
        !name.is_empty()
            && name.len() <= 64
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    matches!(value, "man" | "woman" | "alice") || branded.is_some_and(well_named)
}

/// The shape of a language tag: `en`, `en-GB`, `cmn-Hans-CN`.
fn is_language(value: &str) -> bool {
    let mut parts = value.split('-');
    let primary = parts.next().is_some_and(|part| {
        matches!(part.len(), 2 | 3) && part.bytes().all(|byte| byte.is_ascii_alphabetic())
    });
    let rest =
        |part: &str| (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    primary && value.len() <= 32 && parts.all(rest)
}

fn is_dtmf(digits: &str) -> bool {
    digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'D' | b'#' | b'*' | b'w' | b'W'))
}

fn finish_key(value: &str) -> Option<Option<char>> {
    let mut characters = value.chars();
    match (characters.next(), characters.next()) {
        (None, _) => Some(None),
        (Some(key @ ('0'..='9' | '#' | '*')), None) => Some(Some(key)),
        _ => None,
    }
}

#[cfg(test)]
#[path = "verbs_tests.rs"]
mod tests;
