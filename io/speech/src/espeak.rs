//! espeak-ng as the engine: a process for each text (it is GPL, so it is never linked).

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::cache::Cache;
use crate::process::{run, text_of};
use crate::voices::{Voice, choose};
use crate::{CHARACTERS_MAX, SAMPLE_RATE_HZ, Speech, SpeechError, Spoken, Synthesis, Synthesizer};
use crate::{level, resample, ssml, wav};

/// Ten minutes as the engine writes them; speech is cut there.
const WAV_BYTES_MAX: usize = 10 * 60 * 22_050 * 2;
const VOICES_TIMEOUT: Duration = Duration::from_secs(10);

/// How the engine is run.
#[derive(Debug, Clone)]
pub struct EspeakNgConfig {
    /// The program: a name on the path, or a path.
    pub program: PathBuf,
    /// Processes at one time; at most the cores.
    pub workers: usize,
    /// Texts that may wait for a process.
    pub queue_max: usize,
    /// The longest that one text may take, from its process's start.
    pub timeout: Duration,
    /// What all kept speech together may take.
    pub cache_bytes_max: usize,
}

impl Default for EspeakNgConfig {
    fn default() -> Self {
        Self {
            program: PathBuf::from("espeak-ng"),
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            queue_max: 256,
            timeout: Duration::from_secs(20),
            cache_bytes_max: 64 * 1024 * 1024,
        }
    }
}

/// The engine, ready to speak.
#[derive(Debug)]
pub struct EspeakNg {
    config: EspeakNgConfig,
    languages: HashSet<String>,
    workers: Semaphore,
    waiting: AtomicUsize,
    cache: Mutex<Cache>,
}

impl EspeakNg {
    /// Looks for the program and asks which languages it speaks. [`SpeechError::Absent`] when it is not
    /// there:
    /// the service then starts with a warning, and every Say is a notification instead of sound.
    pub async fn find(config: EspeakNgConfig) -> Result<Self, SpeechError> {
        let list = run(&config.program, &["--voices"], "", VOICES_TIMEOUT, 1024 * 1024).await?;
        let languages = languages(&text_of(&list));
        if languages.is_empty() {
            return Err(SpeechError::Failed("it lists no voices".to_owned()));
        }
        let workers = config.workers.clamp(1, std::thread::available_parallelism().map_or(1, usize::from));
        Ok(Self {
            languages,
            workers: Semaphore::new(workers),
            waiting: AtomicUsize::new(0),
            cache: Mutex::new(Cache::new(config.cache_bytes_max)),
            config,
        })
    }

    async fn speak(&self, speech: &Speech) -> Result<Spoken, SpeechError> {
        let voice = choose(speech.voice.as_deref(), speech.language.as_deref(), &self.languages);
        let (input, markup, cut) = input(speech);
        let warning = join(voice.warning.clone(), cut);
        if input.trim().is_empty() {
            return Ok(Spoken { pcm: Arc::new([]), warning });
        }
        let key = format!("{} {markup} {input}", voice.name);
        if let Some(pcm) = self.cache().find(&key) {
            metrics::counter!("ringway_speech_total", "outcome" => "cached").increment(1);
            return Ok(Spoken { pcm, warning });
        }
        let _permit = self.worker().await?;
        // Whoever held the permit before may have said the same.
        let kept = self.cache().find(&key);
        let pcm = match kept {
            Some(pcm) => pcm,
            None => self.synthesize_now(&voice, &input, markup).await?,
        };
        self.cache().keep(key, &pcm);
        Ok(Spoken { pcm, warning })
    }

    /// A place among the processes, or in the queue for one.
    async fn worker(&self) -> Result<SemaphorePermit<'_>, SpeechError> {
        if let Ok(permit) = self.workers.try_acquire() {
            return Ok(permit);
        }
        let limit = self.config.queue_max;
        let _place = Place::take(&self.waiting, limit).ok_or(SpeechError::Busy { limit })?;
        self.workers.acquire().await.map_err(|error| SpeechError::Failed(error.to_string()))
    }

    async fn synthesize_now(
        &self,
        voice: &Voice,
        input: &str,
        markup: bool,
    ) -> Result<Arc<[i16]>, SpeechError> {
        let started = Instant::now();
        // The voice's name comes out of our own table; the text is never an argument.
        let mut arguments = vec!["--stdin", "--stdout", "-b", "1", "-v", voice.name.as_str()];
        if markup {
            arguments.push("-m");
        }
        let result = self.render(&arguments, input).await;
        let outcome = if result.is_ok() { "spoken" } else { "failed" };
        metrics::counter!("ringway_speech_total", "outcome" => outcome).increment(1);
        metrics::histogram!("ringway_speech_seconds").record(started.elapsed().as_secs_f64());
        tracing::debug!(voice = voice.name, characters = input.len(), outcome, "speech");
        result
    }

    async fn render(&self, arguments: &[&str], input: &str) -> Result<Arc<[i16]>, SpeechError> {
        let sound = run(&self.config.program, arguments, input, self.config.timeout, WAV_BYTES_MAX).await?;
        // Milliseconds of arithmetic for a long text: not on a thread that serves calls.
        let work = tokio::task::spawn_blocking(move || -> Result<Arc<[i16]>, SpeechError> {
            let wav = wav::decode(&sound).map_err(|detail| SpeechError::Failed(detail.to_owned()))?;
            let mut pcm = resample::resample(&wav.samples, wav.rate_hz, SAMPLE_RATE_HZ);
            level::normalise(&mut pcm);
            Ok(pcm.into())
        });
        work.await.map_err(|error| SpeechError::Failed(error.to_string()))?
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Synthesizer for EspeakNg {
    fn synthesize<'a>(&'a self, speech: &'a Speech) -> Synthesis<'a> {
        Box::pin(self.speak(speech))
    }
}

struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, limit: usize) -> Option<Self> {
        let place = Self(waiting);
        // Dropped again at once when the queue is full.
        (waiting.fetch_add(1, Ordering::AcqRel) < limit).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What goes into the engine, whether it is markup, and what had to be left out.
fn input(speech: &Speech) -> (String, bool, Option<String>) {
    let markup =
        speech.ssml.as_deref().filter(|ssml| ssml::is_safe(ssml) && ssml.len() <= 4 * CHARACTERS_MAX);
    if let Some(markup) = markup {
        return (ssml::harmless(markup), true, None);
    }
    let text = ssml::harmless(&speech.text);
    match text.char_indices().nth(CHARACTERS_MAX) {
        None => (text, false, None),
        Some((end, _)) => {
            let warning =
                format!("The text is longer than {CHARACTERS_MAX} characters; the rest is not spoken");
            (text.get(..end).unwrap_or_default().to_owned(), false, Some(warning))
        }
    }
}

fn join(first: Option<String>, second: Option<String>) -> Option<String> {
    match (first, second) {
        (Some(first), Some(second)) => Some(format!("{first}. {second}")),
        (first, second) => first.or(second),
    }
}

/// The second column of `--voices`.
fn languages(list: &str) -> HashSet<String> {
    let lines = list.lines().skip(1);
    lines.filter_map(|line| line.split_whitespace().nth(1)).map(str::to_ascii_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_read_from_the_list() {
        let list =
            "Pty Language Age/Gender VoiceName File\n 5  af  --/M Afrikaans gmw/af\n 2  en-US --/M x y\n";
        assert_eq!(languages(list), HashSet::from(["af".to_owned(), "en-us".to_owned()]));
        assert!(languages("").is_empty());
    }

    #[test]
    fn a_text_too_long_is_cut_with_a_warning() {
        let speech = Speech { text: "ä".repeat(CHARACTERS_MAX + 1), ..Speech::default() };
        let (text, markup, warning) = input(&speech);
        assert_eq!(text.chars().count(), CHARACTERS_MAX);
        assert!(!markup && warning.is_some());
    }

    #[test]
    fn unknown_markup_leaves_the_words() {
        let ssml =
            |markup: &str| Speech { text: "words".into(), ssml: Some(markup.into()), ..Speech::default() };
        assert_eq!(input(&ssml("<speak>a<break/></speak>")).0, "<speak>a<break/></speak>");
        assert_eq!(input(&ssml("<speak><audio src=\"/etc/passwd\"/></speak>")).0, "words");
    }
}
