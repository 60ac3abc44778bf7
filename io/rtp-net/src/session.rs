//! What a call holds of its media: orders to the reactor thread, none of which waits.

use std::sync::Arc;

use ringway_media::{Negotiated, PlayId, Prompt, SessionConfig, SessionEvent, SessionStats};

use crate::net::Inner;
use crate::ports::ReservedPorts;

/// An open media session. Dropping it closes it.
pub struct Session {
    pub(crate) id: u64,
    pub(crate) net: Arc<Inner>,
    /// Taken by the first close.
    pub(crate) open: bool,
}

/// Takes the events of a session, on the reactor's thread: it must neither block nor panic.
pub type EventSink = Box<dyn Fn(SessionEvent) + Send>;
/// Takes the decoded sound of each 20 ms, on the reactor's thread: it must neither block nor panic.
pub type SoundSink = Box<dyn FnMut(&[i16]) + Send>;
/// Takes a session's figures, on the reactor's thread.
pub(crate) type StatsSink = Box<dyn FnOnce(SessionStats) + Send>;

impl Session {
    /// Plays `prompt` `loops` times in place of whatever plays now; 0 means until it is stopped. Ends with
    /// `SessionEvent::PlayFinished`.
    pub fn play(&self, id: PlayId, prompt: Arc<Prompt>, loops: u32) {
        self.order(Order::Play { id, prompt, loops });
    }

    /// Stops what plays; silence follows.
    pub fn stop_play(&self) {
        self.order(Order::StopPlay);
    }

    /// Presses keys towards the peer: `0`-`9`, `*`, `#`, `A`-`D`; `w` is a pause of half a second, `W` of one. Ends
    /// with `SessionEvent::DigitsSent`.
    pub fn send_digits(&self, id: PlayId, digits: String) {
        self.order(Order::SendDigits { id, digits });
    }

    /// Goes on with what a new offer and answer have agreed on; the stream stays continuous.
    pub fn renegotiate(&self, negotiated: Negotiated) {
        self.order(Order::Renegotiate(Box::new(negotiated)));
    }

    /// Hands every 20 ms that are heard (160 samples at 8 kHz) to `sink`, in place of an earlier one.
    pub fn listen(&self, sink: SoundSink) {
        self.order(Order::Listen(sink));
    }

    /// What another call needs of this session to be bridged with it.
    pub fn handle(&self) -> SessionHandle {
        SessionHandle { id: self.id }
    }

    /// Joins two sessions: what arrives on one goes on to the other, as it comes. Each keeps its own stream,
    /// reports, address and direction, and still tells of the keys that were pressed. Earlier bridges of either
    /// are taken apart; between the same two only the ways change. Nothing happens when `other` is closed.
    ///
    /// What plays on a leg that hears stops; what is played later is heard in place of the other leg until it
    /// ends.
    pub fn bridge(&self, other: &SessionHandle, ways: Ways) {
        self.order(Order::Bridge { other: other.id, ways });
    }

    /// Takes the bridge apart, from either side: both streams go on with silence.
    pub fn unbridge(&self) {
        self.order(Order::Unbridge);
    }

    /// Asks how the session fares.
    pub fn statistics(&self, reply: impl FnOnce(SessionStats) + Send + 'static) {
        self.order(Order::Statistics(Box::new(reply)));
    }

    /// Closes the session: a goodbye in RTCP, then the ports rest. `reply` gets the last figures.
    pub fn close(mut self, reply: impl FnOnce(SessionStats) + Send + 'static) {
        self.open = false;
        self.order(Order::Close(Some(Box::new(reply))));
    }

    fn order(&self, order: Order) {
        self.net.send(Command { session: self.id, order });
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.open {
            self.order(Order::Close(None));
        }
    }
}

/// Names a session for a bridge; it keeps nothing open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionHandle {
    id: u64,
}

/// Who hears whom across a bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ways {
    /// Each hears the other.
    Both,
    /// Only the first one hears: early media of a callee.
    ToFirst,
    /// Only the second one hears.
    ToSecond,
}

/// An order to the reactor, and the session it concerns.
pub(crate) struct Command {
    pub(crate) session: u64,
    pub(crate) order: Order,
}

pub(crate) enum Order {
    Open(Box<Opening>),
    Play { id: PlayId, prompt: Arc<Prompt>, loops: u32 },
    StopPlay,
    SendDigits { id: PlayId, digits: String },
    Renegotiate(Box<Negotiated>),
    Listen(SoundSink),
    Bridge { other: u64, ways: Ways },
    Unbridge,
    Statistics(StatsSink),
    Close(Option<StatsSink>),
}

/// What a session is opened with.
pub(crate) struct Opening {
    pub(crate) ports: ReservedPorts,
    pub(crate) config: SessionConfig,
    pub(crate) events: EventSink,
}
