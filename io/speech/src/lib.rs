//! Text to speech: what Say says, as 8 kHz samples. The engine is a process behind a trait, its results are
//! kept, and an unknown voice or language is spoken in the nearest one rather than not at all.
#![forbid(unsafe_code)]

mod cache;
mod espeak;
mod level;
mod process;
mod resample;
mod ssml;
mod voices;
mod wav;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use espeak::{EspeakNg, EspeakNgConfig};

/// Samples a second of all speech: what G.711 carries.
pub const SAMPLE_RATE_HZ: u32 = 8000;

/// The most characters of one text that are spoken; the rest is cut with a warning.
pub const CHARACTERS_MAX: usize = 4096;

/// Something to say (contract, runtime.md 3.2 Say).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Speech {
    /// The words alone.
    pub text: String,
    /// The same words with SSML, `<speak>…</speak>`, when there is any.
    pub ssml: Option<String>,
    /// `man`, `woman`, `alice`, `Polly.*` or `Google.*`.
    pub voice: Option<String>,
    /// A language tag such as `en-GB`.
    pub language: Option<String>,
}

/// What was said.
#[derive(Debug, Clone)]
pub struct Spoken {
    /// Mono samples at [`SAMPLE_RATE_HZ`]; empty when there was nothing to say. Shared with the cache.
    pub pcm: Arc<[i16]>,
    /// What the developer should know: a voice or language that was replaced, a text that was cut.
    pub warning: Option<String>,
}

/// Why nothing was said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpeechError {
    /// There is no such program, so there is no speech at all.
    #[error("{program} is not installed: {detail}")]
    Absent {
        /// The program that was looked for.
        program: String,
        /// What the system said.
        detail: String,
    },
    /// Too many texts are waiting already.
    #[error("{limit} texts are waiting to be spoken already")]
    Busy {
        /// How many may wait.
        limit: usize,
    },
    /// The engine took too long and was stopped.
    #[error("the speech engine did not finish within {limit_ms} ms")]
    Timeout {
        /// How long it may take.
        limit_ms: u64,
    },
    /// The engine failed, or what it wrote was not sound.
    #[error("the speech engine failed: {0}")]
    Failed(String),
}

/// A synthesis under way.
pub type Synthesis<'a> = Pin<Box<dyn Future<Output = Result<Spoken, SpeechError>> + Send + 'a>>;

/// A speech engine.
pub trait Synthesizer: Send + Sync {
    /// Speaks a text. Dropping the future stops the engine's work on it.
    fn synthesize<'a>(&'a self, speech: &'a Speech) -> Synthesis<'a>;
}
