//! What is told of a call when it is over.

use std::fmt::Write;
use std::time::Duration;

use ringway_media::SessionStats;

use super::CallOptions;
use super::ladder::Rung;
use super::sound::Heard;

/// A call from its INVITE to its end.
#[derive(Default)]
pub(crate) struct Report {
    /// Every message.
    pub(crate) ladder: Vec<Rung>,
    /// The final status of the INVITE.
    pub(crate) status: u16,
    /// Its reason phrase.
    pub(crate) reason: String,
    /// From the INVITE to the first sign that the other side is alerted, or to the final response.
    pub(crate) post_dial_delay: Option<Duration>,
    /// From the answer to the end.
    pub(crate) talked: Duration,
    /// Who hung up, or why the call ended.
    pub(crate) ended_by: &'static str,
    /// What was heard.
    pub(crate) heard: Heard,
    /// The keys that the other side pressed.
    pub(crate) keys: String,
    /// How the sound travelled.
    pub(crate) media: SessionStats,
}

impl Report {
    /// Whether the other side answered.
    pub(crate) fn answered(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// For people.
    pub(crate) fn summary(&self, options: &CallOptions) -> String {
        let mut text = format!("\n{} {}", self.status, self.reason);
        if let Some(delay) = self.post_dial_delay {
            let _ = write!(text, ", post-dial delay {} ms", delay.as_millis());
        }
        if !self.answered() {
            text.push('\n');
            return text;
        }
        let media = &self.media;
        let _ = writeln!(text, ", talked {:.1} s, ended by {}", self.talked.as_secs_f64(), self.ended_by);
        let _ = writeln!(
            text,
            "{} packets sent, {} received, {} lost ({:.1} %), jitter {:.1} ms",
            media.packets_sent,
            media.packets_received,
            media.packets_lost,
            self.loss_percent(),
            media.jitter_ms
        );
        if !self.keys.is_empty() {
            let _ = writeln!(text, "keys heard: {}", self.keys);
        }
        let _ = write!(text, "{:.1} s of sound", self.heard.audible_s());
        match &options.save {
            Some(path) => {
                let _ = writeln!(text, ", saved {}", path.display());
            }
            None => text.push('\n'),
        }
        text
    }

    /// For programs.
    pub(crate) fn json(&self, options: &CallOptions) -> serde_json::Value {
        let rung = |rung: &Rung| serde_json::json!({ "at_ms": rung.at.as_millis() as u64, "direction": rung.arrow(), "message": rung.text });
        serde_json::json!({
            "uri": options.uri.as_str(),
            "status": self.status,
            "reason": self.reason,
            "answered": self.answered(),
            "post_dial_delay_ms": self.post_dial_delay.map(|delay| delay.as_millis() as u64),
            "talked_ms": self.talked.as_millis() as u64,
            "ended_by": self.ended_by,
            "packets_sent": self.media.packets_sent,
            "packets_received": self.media.packets_received,
            "packets_lost": self.media.packets_lost,
            "jitter_ms": self.media.jitter_ms,
            "concealed_frames": self.media.concealed_frames,
            "jitter_buffer_ms": self.media.depth_ms,
            "keys": self.keys,
            "sound_ms": (self.heard.audible_s() * 1000.0).round() as u64,
            "saved": options.save.as_ref().map(|path| path.display().to_string()),
            "ladder": self.ladder.iter().map(rung).collect::<Vec<_>>(),
        })
    }

    fn loss_percent(&self) -> f64 {
        let expected = self.media.packets_received + self.media.packets_lost;
        if expected == 0 { 0.0 } else { 100.0 * self.media.packets_lost as f64 / expected as f64 }
    }
}
