//! Turns what a call wants to play into encoded sound: fetches and decodes files, has texts spoken, and
//! keeps the results while there is room.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use ringway_call::effect::{Playable, RESPONSE_BODY_SEEN_BYTES, ResponseSeen, Speech};
use ringway_call::input::FetchFailure;
use ringway_call::url::presentable;
use ringway_media::Prompt;
use ringway_media::ringback::ringback;
use ringway_model::Secret;
use ringway_model::sid::AccountSid;
use ringway_rtp_net::prompt::{DecodeLimits, prompt};
use ringway_speech::Synthesizer;
use ringway_webhook::{CallSession, Client, Failure, MediaRequest, Reply};

use crate::shared::{random, uuid};

/// How many bytes of encoded sound are kept for the next call that plays the same.
const CACHE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The number of a document that is sound of an unknown kind, or damaged (contract, runtime.md 1.8).
const INVALID_DOCUMENT: u32 = 12300;
/// The number of a file of Play that is.
const INVALID_SOUND: u32 = 13420;
/// The number of a failure of our own.
const INTERNAL_FAILURE: u32 = 12400;

/// Sound, and what was not quite as asked.
pub(crate) struct Prepared {
    pub(crate) prompt: Arc<Prompt>,
    pub(crate) warning: Option<String>,
}

/// Makes prompts for all calls.
pub(crate) struct Prompts {
    speech: Option<Arc<dyn Synthesizer>>,
    webhook: Client,
    cache: Mutex<Cache>,
}

impl Prompts {
    pub(crate) fn new(speech: Option<Arc<dyn Synthesizer>>, webhook: Client) -> Self {
        Self { speech, webhook, cache: Mutex::default() }
    }

    /// The sound of anything but keys, which are not sound yet.
    pub(crate) async fn prepare(
        &self,
        what: Playable,
        account: AccountSid,
        signing_token: Option<Secret>,
        session: CallSession,
    ) -> Result<Prepared, FetchFailure> {
        match what {
            Playable::Url(url) => self.file(url, account, signing_token, session).await,
            Playable::Audio { content_type, body } => {
                decode(content_type, None, body, INVALID_DOCUMENT).await.map(without_warning)
            }
            Playable::Speech(speech) => self.spoken(speech).await,
            Playable::RingTone(country) => match ringback(country) {
                Some(prompt) => Ok(without_warning(prompt)),
                None => Err(failure(INTERNAL_FAILURE, format!("There is no ring tone of {country:?}."))),
            },
            Playable::Digits(_) => Ok(without_warning(Arc::new(Prompt::from_pcm_8k(&[])))),
        }
    }

    async fn file(
        &self,
        url: String,
        account: AccountSid,
        signing_token: Option<Secret>,
        session: CallSession,
    ) -> Result<Prepared, FetchFailure> {
        let request = MediaRequest {
            url,
            account_sid: account.to_string(),
            signing_token,
            idempotency_token: uuid(&mut random()),
        };
        let media = self.webhook.fetch_media(&session, request).await.map_err(fetch_failure)?;
        let key = Key::Media(media.version);
        if let Some(prompt) = self.cache().find(&key) {
            return Ok(without_warning(prompt));
        }
        let prompt = decode(media.content_type, Some(media.url), media.body, INVALID_SOUND).await?;
        self.cache().keep(key, &prompt);
        Ok(without_warning(prompt))
    }

    async fn spoken(&self, speech: Speech) -> Result<Prepared, FetchFailure> {
        let key = Key::Speech(speech.clone());
        if let Some(prompt) = self.cache().find(&key) {
            return Ok(without_warning(prompt));
        }
        let Some(synthesizer) = &self.speech else {
            return Err(failure(
                INTERNAL_FAILURE,
                "No speech synthesiser is installed (espeak-ng); nothing was said.",
            ));
        };
        let text = ringway_speech::Speech {
            text: speech.text,
            ssml: speech.ssml,
            voice: speech.voice,
            language: speech.language,
        };
        let spoken = synthesizer.synthesize(&text).await;
        let spoken = spoken
            .map_err(|error| failure(INTERNAL_FAILURE, format!("The text could not be spoken: {error}.")))?;
        let prompt = Arc::new(Prompt::from_pcm_8k(&spoken.pcm));
        if spoken.warning.is_none() {
            self.cache().keep(key, &prompt);
        }
        Ok(Prepared { prompt, warning: spoken.warning })
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A webhook failure in the words of the call. Its URL is there only where redirects led; else what the call
/// asked for is what failed, as it was configured.
pub(crate) fn fetch_failure(failure: Failure) -> FetchFailure {
    let response = failure.reply.map(|reply| seen(&reply));
    FetchFailure { code: failure.code, message: failure.message, url: failure.url, response }
}

/// As much of an answer as a notification keeps; nothing of sounds but their headers.
fn seen(reply: &Reply) -> ResponseSeen {
    let kind = reply.headers.get(http::header::CONTENT_TYPE).map_or(&b""[..], http::HeaderValue::as_bytes);
    let is_sound = kind.get(..6).is_some_and(|kind| kind.eq_ignore_ascii_case(b"audio/"));
    let length = if is_sound { 0 } else { reply.body.len().min(RESPONSE_BODY_SEEN_BYTES) };
    let body = String::from_utf8_lossy(reply.body.get(..length).unwrap_or_default()).into_owned();
    ResponseSeen { status: reply.status, headers: header_pairs(&reply.headers), body }
}

/// Headers as text, in order; without the login that a Location may name.
pub(crate) fn header_pairs(headers: &http::HeaderMap) -> Vec<(String, String)> {
    let text = |name: &http::HeaderName, value: &http::HeaderValue| {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let names_a_user = *name == http::header::LOCATION && text.contains('@');
        if names_a_user { presentable(&text) } else { text }
    };
    headers.iter().map(|(name, value)| (name.to_string(), text(name, value))).collect()
}

/// Decoding takes milliseconds to seconds, so it has no place on a thread that serves other calls.
async fn decode(
    content_type: String,
    name: Option<String>,
    body: Bytes,
    invalid: u32,
) -> Result<Arc<Prompt>, FetchFailure> {
    let decoded = tokio::task::spawn_blocking(move || {
        let limits = DecodeLimits::default();
        prompt(Some(&content_type), name.as_deref(), &body, limits).map(Arc::new)
    });
    match decoded.await {
        Ok(Ok(prompt)) => Ok(prompt),
        Ok(Err(error)) => Err(failure(invalid, format!("The sound cannot be played: {error}."))),
        Err(error) => Err(failure(INTERNAL_FAILURE, format!("The sound could not be decoded: {error}."))),
    }
}

fn failure(code: u32, message: impl Into<String>) -> FetchFailure {
    FetchFailure { code, message: message.into(), url: None, response: None }
}

fn without_warning(prompt: Arc<Prompt>) -> Prepared {
    Prepared { prompt, warning: None }
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Speech(Speech),
    Media(u64),
}

/// First in, first out: what is played often is soon there again.
#[derive(Default)]
struct Cache {
    prompts: HashMap<Key, Arc<Prompt>>,
    order: VecDeque<Key>,
    bytes: usize,
}

impl Cache {
    fn find(&self, key: &Key) -> Option<Arc<Prompt>> {
        self.prompts.get(key).cloned()
    }

    fn keep(&mut self, key: Key, prompt: &Arc<Prompt>) {
        let bytes = prompt.memory_bytes();
        if bytes > CACHE_BYTES_MAX || self.prompts.contains_key(&key) {
            return;
        }
        while self.bytes + bytes > CACHE_BYTES_MAX {
            let Some(oldest) = self.order.pop_front() else { break };
            self.bytes -= self.prompts.remove(&oldest).map_or(0, |prompt| prompt.memory_bytes());
        }
        self.bytes += bytes;
        self.order.push_back(key.clone());
        self.prompts.insert(key, Arc::clone(prompt));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(url: Option<&str>, content_type: &'static str, body: Vec<u8>) -> FetchFailure {
        let kind = http::HeaderValue::from_static(content_type);
        let headers = http::HeaderMap::from_iter([(http::header::CONTENT_TYPE, kind)]);
        fetch_failure(Failure {
            code: 11200,
            message: "no".to_owned(),
            outcome: "status",
            url: url.map(str::to_owned),
            reply: Some(Box::new(Reply { status: 404, headers, body: body.into() })),
            attempts: Vec::new(),
        })
    }

    #[test]
    fn the_url_of_a_failure_is_that_of_the_call_unless_redirects_led_away() {
        assert_eq!(failed(None, "text/xml", Vec::new()).url, None);
        let led = "http://app/lost?x=1";
        assert_eq!(failed(Some(led), "text/xml", Vec::new()).url.as_deref(), Some(led));
    }

    #[test]
    fn headers_are_shown_without_logins() {
        let headers = http::HeaderMap::from_iter([
            (http::header::LOCATION, http::HeaderValue::from_static("ftp://user:secret@app/x")),
            (http::header::SERVER, http::HeaderValue::from_static("a@b")),
        ]);
        let shown = [("location", "ftp://app/x"), ("server", "a@b")];
        assert_eq!(header_pairs(&headers), shown.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_failure_keeps_the_beginning_of_a_text_and_nothing_of_a_sound() {
        let kept = |content_type| {
            let body = vec![b'x'; RESPONSE_BODY_SEEN_BYTES + 1];
            failed(None, content_type, body).response.unwrap().body.len()
        };
        assert_eq!((kept("text/xml"), kept("Audio/wav")), (RESPONSE_BODY_SEEN_BYTES, 0));
    }

    #[test]
    fn old_sound_makes_room_for_new() {
        let mut cache = Cache::default();
        let long = Arc::new(Prompt::from_mu_law(&vec![0; CACHE_BYTES_MAX / 5]));
        cache.keep(Key::Media(1), &long);
        cache.keep(Key::Media(2), &long);
        cache.keep(Key::Media(3), &long);
        assert!(cache.find(&Key::Media(1)).is_none());
        assert!(cache.find(&Key::Media(2)).is_some() && cache.find(&Key::Media(3)).is_some());
        assert!(cache.bytes <= CACHE_BYTES_MAX);
    }
}
