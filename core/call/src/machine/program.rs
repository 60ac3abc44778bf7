//! A document being executed: the steps that are left, and where it came from.

use std::collections::VecDeque;

use bytes::Bytes;
use ringway_twiml::document::{Play, PlayWhat, Say};
use ringway_twiml::{Document, Fatal, HttpMethod, Problem, Verb};

use crate::effect::{Level, Notification, RESPONSE_BODY_SEEN_BYTES, ResponseSeen};
use crate::input::{FetchFailure, Fetched};
use crate::url;

/// What callers hear when nothing is left to ask.
const APPLICATION_ERROR: &str = "We are sorry. An application error has occurred. Goodbye.";

/// One step.
#[derive(Debug)]
pub(crate) enum Step {
    Verb(Verb),
    /// A sound file that came instead of a document.
    Audio {
        content_type: String,
        body: Bytes,
    },
    /// The first document of a call out is due.
    First,
}

impl Step {
    /// Keys to be pressed.
    pub(crate) fn digits(digits: String) -> Self {
        Self::Verb(Verb::Play(Play { what: PlayWhat::Digits(digits), loops: 1 }))
    }
}

/// Who wrote the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The application.
    Application,
    /// The application's fallback: when it fails too, nothing is left to ask.
    Fallback,
    /// We: when it fails, the call ends.
    Announcement,
}

/// A request that was made, or an inline document.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// With its fragment; none for a document that came without a URL.
    pub(crate) url: Option<String>,
    pub(crate) method: Option<HttpMethod>,
    pub(crate) params: Vec<(String, String)>,
    pub(crate) origin: Origin,
}

/// A document being executed.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) steps: VecDeque<Step>,
    asked: Asked,
    /// Where relative references start; with the fragment that it was asked with.
    url: Option<String>,
    response: Option<Fetched>,
}

impl Program {
    /// Before the first document.
    pub(crate) fn nothing() -> Self {
        let asked = Asked { url: None, method: None, params: Vec::new(), origin: Origin::Application };
        Self { steps: VecDeque::new(), asked, url: None, response: None }
    }

    /// These steps, of no document.
    pub(crate) fn of_steps<const N: usize>(steps: [Step; N]) -> Self {
        Self { steps: steps.into(), ..Self::nothing() }
    }

    /// The last words.
    pub(crate) fn announcement() -> Self {
        let say =
            Say { text: APPLICATION_ERROR.to_owned(), ssml: None, voice: None, language: None, loops: 1 };
        let asked = Asked { url: None, method: None, params: Vec::new(), origin: Origin::Announcement };
        Self { steps: [Step::Verb(Verb::Say(say))].into(), asked, url: None, response: None }
    }

    /// A document that came without a URL.
    pub(crate) fn inline(text: &str) -> Result<(Self, Vec<Problem>), FetchFailure> {
        let (document, problems) =
            ringway_twiml::parse(text.as_bytes()).map_err(|fatal| failure(fatal, None))?;
        Ok((Self { steps: steps(document), ..Self::nothing() }, problems))
    }

    /// What was fetched, by its content type (contract, runtime.md 1.5).
    pub(crate) fn fetched(asked: Asked, fetched: Fetched) -> Result<(Self, Vec<Problem>), FetchFailure> {
        let (steps, problems) = read(&fetched)?;
        let fragment = asked.url.as_deref().and_then(|url| url.split_once('#'));
        let final_url = url::without_fragment(&fetched.url);
        let url = match fragment {
            Some((_, fragment)) => format!("{final_url}#{fragment}"),
            None => final_url.to_owned(),
        };
        Ok((Self { steps, asked, url: Some(url), response: Some(fetched) }, problems))
    }

    /// Whether these are the last words.
    pub(crate) fn is_announcement(&self) -> bool {
        self.asked.origin == Origin::Announcement
    }

    /// The URL of the document.
    pub(crate) fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// How it was asked for.
    pub(crate) fn asked(&self) -> &Asked {
        &self.asked
    }

    /// A notification about it.
    pub(crate) fn notification(&self, code: u32, message: String) -> Notification {
        let response = self.response.as_ref().map(seen);
        self.asked.notification(code, message, response)
    }
}

impl Asked {
    /// A notification about this request.
    pub(crate) fn notification(
        &self,
        code: u32,
        message: String,
        response: Option<ResponseSeen>,
    ) -> Notification {
        Notification {
            code,
            level: Level::of(code),
            message,
            url: self.url.as_deref().map(url::presentable).unwrap_or_default(),
            method: self.method,
            params: self.params.clone(),
            response,
        }
    }
}

fn read(fetched: &Fetched) -> Result<(VecDeque<Step>, Vec<Problem>), FetchFailure> {
    if !(200..300).contains(&fetched.status) {
        let message = format!("HTTP retrieval failure: the status is {}", fetched.status);
        return Err(wrong(11200, message, fetched));
    }
    if fetched.body.is_empty() {
        return Err(wrong(11770, "Empty response body".to_owned(), fetched));
    }
    let content_type = media_type(fetched.content_type.as_deref().unwrap_or_default());
    match content_type.as_str() {
        "text/xml" | "application/xml" | "text/html" => twiml(fetched),
        "text/plain" => twiml(fetched).or_else(|failure| spoken(fetched, failure)),
        _ if content_type.starts_with("audio/") => {
            Ok((VecDeque::from([Step::Audio { content_type, body: fetched.body.clone() }]), Vec::new()))
        }
        _ => {
            let message =
                format!("Invalid Content-Type: {content_type:?} is neither TwiML, nor text, nor sound");
            Err(wrong(12300, message, fetched))
        }
    }
}

fn twiml(fetched: &Fetched) -> Result<(VecDeque<Step>, Vec<Problem>), FetchFailure> {
    let (document, problems) =
        ringway_twiml::parse(&fetched.body).map_err(|fatal| failure(fatal, Some(fetched)))?;
    Ok((steps(document), problems))
}

/// Plain text that is no TwiML is spoken, unless it is too much.
fn spoken(fetched: &Fetched, failure: FetchFailure) -> Result<(VecDeque<Step>, Vec<Problem>), FetchFailure> {
    if failure.code == 11750 {
        return Err(failure);
    }
    let words: Vec<&str> =
        std::str::from_utf8(&fetched.body).unwrap_or_default().split_whitespace().collect();
    let text: String = words.join(" ").chars().take(ringway_twiml::document::SAY_CHARACTERS_MAX).collect();
    if text.is_empty() {
        return Err(failure);
    }
    let say = Say { text, ssml: None, voice: None, language: None, loops: 1 };
    Ok((VecDeque::from([Step::Verb(Verb::Say(say))]), Vec::new()))
}

fn steps(document: Document) -> VecDeque<Step> {
    document.verbs.into_iter().map(Step::Verb).collect()
}

fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn failure(fatal: Fatal, fetched: Option<&Fetched>) -> FetchFailure {
    FetchFailure { code: fatal.code, message: fatal.message, url: None, response: fetched.map(seen) }
}

fn wrong(code: u32, message: String, fetched: &Fetched) -> FetchFailure {
    FetchFailure { code, message, url: None, response: Some(seen(fetched)) }
}

/// As much of a response as a notification keeps; nothing of sounds but their headers.
fn seen(fetched: &Fetched) -> ResponseSeen {
    let kept = fetched.body.get(..RESPONSE_BODY_SEEN_BYTES).unwrap_or(&fetched.body);
    let sound = media_type(fetched.content_type.as_deref().unwrap_or_default()).starts_with("audio/");
    let body = if sound { String::new() } else { String::from_utf8_lossy(kept).into_owned() };
    ResponseSeen { status: fetched.status, headers: fetched.headers.clone(), body }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetched(content_type: Option<&str>, body: &str) -> Result<(VecDeque<Step>, usize), u32> {
        let fetched = Fetched {
            url: "http://a/".to_owned(),
            status: 200,
            content_type: content_type.map(str::to_owned),
            headers: Vec::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        read(&fetched).map(|(steps, problems)| (steps, problems.len())).map_err(|failure| failure.code)
    }

    #[test]
    fn the_content_type_decides_what_a_body_is() {
        let twiml = "<Response><Hangup/></Response>";
        for (content_type, body, expected) in [
            (Some("text/xml"), twiml, Ok("Hangup")),
            (Some("Application/XML; charset=utf-8"), twiml, Ok("Hangup")),
            (Some("text/html"), twiml, Ok("Hangup")),
            (Some("text/plain"), twiml, Ok("Hangup")),
            (Some("text/plain"), "Good\nday", Ok("Good day")),
            (Some("audio/mpeg"), "ID3", Ok("audio/mpeg")),
            (Some("audio/x-wav"), "RIFF", Ok("audio/x-wav")),
            (Some("text/xml"), "Good day", Err(12100)),
            (Some("text/html"), "<html/>", Err(12102)),
            (Some("application/json"), "{}", Err(12300)),
            (None, twiml, Err(12300)),
            (Some("text/xml"), "", Err(11770)),
            (Some("text/plain"), "  ", Err(11770)),
        ] {
            let got = fetched(content_type, body);
            match (&got, expected) {
                (Err(code), Err(expected)) => assert_eq!(*code, expected, "{content_type:?} {body}"),
                (Ok((steps, _)), Ok(word)) => {
                    assert!(format!("{steps:?}").contains(word), "{content_type:?} {body}: {steps:?}");
                }
                _ => panic!("{content_type:?} {body}: {got:?}"),
            }
        }
    }

    #[test]
    fn too_large_is_too_large_in_any_text_and_sounds_may_be_larger() {
        let large = "a".repeat(ringway_twiml::DOCUMENT_BYTES_MAX + 1);
        assert_eq!(fetched(Some("text/plain"), &large).err(), Some(11750));
        assert_eq!(fetched(Some("text/xml"), &large).err(), Some(11750));
        assert!(fetched(Some("audio/wav"), &large).is_ok());
    }
}
