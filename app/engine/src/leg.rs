//! The media of one call: the caller's offer and our answer, or ours and its answer, the session that speaks and
//! listens, and what later offers of the same dialog change.

use std::sync::Arc;

use bytes::Bytes;
use ringway_call::effect::EffectId;
use ringway_media::sdp::{LocalMedia, Negotiation, SdpError, SessionDescription, sdp_from_body};
use ringway_media::{Latch, Negotiated, PlayId, Prompt, SessionConfig, SessionEvent};
use ringway_rtp_net::{ReservedPorts, Session, SessionHandle, Ways};
use ringway_sip::endpoint::{Body, Source};
use ringway_sip::message::Message;

use crate::mailbox::Mailbox;
use crate::shared::{Shared, uuid};

/// The media type of session descriptions.
const SDP: &str = "application/sdp";

/// Most keys and pauses of one Play, its loops included.
const KEYS_MAX: usize = 1000;

/// The number of an INVITE without a session description (contract, runtime.md 4.5).
const NO_DESCRIPTION: u32 = 32103;
/// The number of one whose description cannot be used.
const BAD_DESCRIPTION: u32 = 32102;
/// The number of a failure of our own.
const INTERNAL_FAILURE: u32 = 12400;

/// An INVITE that cannot become a call, or a call that cannot be answered.
pub(crate) struct Unacceptable {
    /// 415, 488 or 503.
    pub(crate) status: u16,
    /// The number of the notification.
    pub(crate) code: u32,
    /// Its text.
    pub(crate) message: String,
}

/// One leg.
pub(crate) struct Leg {
    /// Where the INVITE came from, or the 200 of a call out.
    pub(crate) source: Option<Source>,
    invite: Option<Message>,
    offer: Option<SessionDescription>,
    negotiation: Option<Negotiation>,
    /// Ports that wait for the answer in the ACK, when our 200 made the offer.
    waiting: Option<ReservedPorts>,
    session: Option<Session>,
    mailbox: Arc<Mailbox>,
}

/// What one branch of a call out offers: its own ports, so that no two of the called meet.
pub(crate) struct Offer {
    source: Source,
    ports: ReservedPorts,
    negotiation: Negotiation,
}

impl Offer {
    /// Takes ports on the address that packets to the far end leave from. The body is for the INVITE.
    pub(crate) fn new(shared: &Shared, source: Source) -> Result<(Self, Body), Unacceptable> {
        let (ports, local) = reserve(shared, &source)?;
        let mut negotiation = Negotiation::new(local);
        let sdp = negotiation.offer();
        Ok((Self { source, ports, negotiation }, body(sdp)))
    }
}

impl Leg {
    /// Of a call that came in.
    pub(crate) fn new(invite: Message, source: Source, mailbox: Arc<Mailbox>) -> Self {
        Self { source: Some(source), invite: Some(invite), ..Self::of_call_out(mailbox) }
    }

    /// Of a call out, before it is answered.
    pub(crate) fn of_call_out(mailbox: Arc<Mailbox>) -> Self {
        Self {
            source: None,
            invite: None,
            offer: None,
            negotiation: None,
            waiting: None,
            session: None,
            mailbox,
        }
    }

    /// A branch was answered: its offer and this answer are the media of the call.
    pub(crate) fn accept(
        &mut self,
        shared: &Shared,
        offer: Offer,
        answer: &Message,
    ) -> Result<(), Unacceptable> {
        let Offer { source, ports, mut negotiation } = offer;
        self.source = Some(source);
        let Some(description) = description(answer)? else {
            let message = "The answer has no session description.".to_owned();
            return Err(Unacceptable { status: 488, code: BAD_DESCRIPTION, message });
        };
        let negotiated = negotiation.apply_answer(&description).map_err(|error| unacceptable(&error))?;
        self.negotiation = Some(negotiation);
        self.start(shared, ports, negotiated);
        Ok(())
    }

    /// Names its sound, for whom it is bridged with.
    pub(crate) fn handle(&self) -> Option<SessionHandle> {
        self.session.as_ref().map(Session::handle)
    }

    /// Both hear each other from now on, unless either has ended meanwhile.
    pub(crate) fn bridge(&self, other: &SessionHandle) {
        if let Some(session) = &self.session {
            session.bridge(other, Ways::Both);
        }
    }

    /// Neither hears the other any more.
    pub(crate) fn unbridge(&self) {
        if let Some(session) = &self.session {
            session.unbridge();
        }
    }

    /// Reads the caller's offer and makes sure that it can be answered, before an application is asked.
    pub(crate) fn read_offer(&mut self, shared: &Shared) -> Result<(), Unacceptable> {
        let (Some(invite), Some(source)) = (&self.invite, &self.source) else { return Ok(()) };
        match description(invite)? {
            Some(offer) => {
                let trial = LocalMedia::new(shared.advertised(source), 1, 1, 1);
                Negotiation::new(trial).answer(&offer).map_err(|error| unacceptable(&error))?;
                self.offer = Some(offer);
                Ok(())
            }
            None if shared.config.accept_late_offer => Ok(()),
            None => Err(Unacceptable {
                status: 488,
                code: NO_DESCRIPTION,
                message: "The INVITE has no session description.".to_owned(),
            }),
        }
    }

    /// Takes ports, and opens media as the offer asks. The body is for our 200.
    pub(crate) fn open(&mut self, shared: &Shared) -> Result<Body, Unacceptable> {
        let source = self.source.ok_or_else(no_ports_without_a_place)?;
        let (ports, local) = reserve(shared, &source)?;
        let mut negotiation = Negotiation::new(local);
        let sdp = match &self.offer {
            Some(offer) => {
                let answer = negotiation.answer(offer).map_err(|error| unacceptable(&error))?;
                self.start(shared, ports, answer.negotiated);
                answer.sdp
            }
            None => {
                self.waiting = Some(ports);
                negotiation.offer()
            }
        };
        self.negotiation = Some(negotiation);
        Ok(body(sdp))
    }

    /// Whether media wait for the answer in the ACK.
    pub(crate) fn awaits_answer(&self) -> bool {
        self.waiting.is_some()
    }

    /// The ACK brought the answer to the offer in our 200.
    pub(crate) fn late_answer(&mut self, shared: &Shared, answer: Option<&Body>) -> Result<(), SdpError> {
        let (Some(ports), Some(negotiation)) = (self.waiting.take(), &mut self.negotiation) else {
            return Ok(());
        };
        let bytes = answer
            .and_then(|answer| sdp_from_body(&answer.content_type, &answer.bytes).ok())
            .ok_or(SdpError::NotAnAnswer { reason: "the ACK brought no SDP" })?;
        let negotiated = negotiation.apply_answer(&SessionDescription::parse(bytes)?)?;
        self.start(shared, ports, negotiated);
        Ok(())
    }

    /// Answers a re-INVITE or UPDATE. A refusal leaves everything as it was.
    pub(crate) fn answer_offer(&mut self, request: &Message) -> Result<Option<Body>, u16> {
        let offer = description(request).map_err(|unacceptable| unacceptable.status)?;
        let Some(negotiation) = &mut self.negotiation else { return Err(491) };
        let Some(offer) = offer else { return Ok(Some(body(negotiation.offer()))) };
        let answer = negotiation.answer(&offer).map_err(|_| 488u16)?;
        if let Some(session) = &self.session {
            session.renegotiate(answer.negotiated);
        }
        Ok(Some(body(answer.sdp)))
    }

    /// Plays; the mailbox is told when it is over.
    pub(crate) fn play(&self, id: EffectId, prompt: Arc<Prompt>, loops: u32) {
        if let Some(session) = &self.session {
            session.play(PlayId(id.0), prompt, loops);
        }
    }

    /// Presses keys; the mailbox is told when they are sent.
    pub(crate) fn send_digits(&self, id: EffectId, digits: &str, loops: u32) {
        if let Some(session) = &self.session {
            let count = (digits.len() * loops as usize).min(KEYS_MAX);
            session.send_digits(PlayId(id.0), digits.chars().cycle().take(count).collect());
        }
    }

    pub(crate) fn stop_play(&self) {
        if let Some(session) = &self.session {
            session.stop_play();
        }
    }

    /// No more sound; the ports are free again soon.
    pub(crate) fn close(&mut self) {
        self.waiting = None;
        self.session = None;
    }

    fn start(&mut self, shared: &Shared, ports: ReservedPorts, negotiated: Negotiated) {
        let mut random = shared.random();
        let config = SessionConfig {
            negotiated,
            ssrc: random.u32(),
            first_sequence: random.u32() as u16,
            first_timestamp: random.u32(),
            cname: uuid(&mut random),
            latch: match self.source {
                Some(source) if !shared.config.latch_any => {
                    Latch::Signalled { signalling: source.remote.ip() }
                }
                _ => Latch::Any,
            },
            inactivity: shared.config.rtp_timeout,
            listen: false,
            opened_at: shared.now().unix,
            seed: random.u64(),
        };
        let mailbox = Arc::clone(&self.mailbox);
        let session = shared.media.open(ports, config, Box::new(move |event| tell(&mailbox, event)));
        self.session = Some(session);
    }
}

/// Ports, and what descriptions say of them.
fn reserve(shared: &Shared, source: &Source) -> Result<(ReservedPorts, LocalMedia), Unacceptable> {
    let ports = shared.media.reserve(source.local.ip()).map_err(|error| Unacceptable {
        status: 503,
        code: INTERNAL_FAILURE,
        message: format!("No media ports are left: {error}."),
    })?;
    let session_id = shared.random().u64() >> 2;
    let address = shared.advertised(source);
    let local = LocalMedia::new(address, ports.rtp_port(), ports.rtcp_port(), session_id);
    Ok((ports, local))
}

/// Only a call that came in is answered by us, and it came from somewhere.
fn no_ports_without_a_place() -> Unacceptable {
    let message = "The call has no place that media could come from.".to_owned();
    Unacceptable { status: 503, code: INTERNAL_FAILURE, message }
}

/// On the media thread.
fn tell(mailbox: &Mailbox, event: SessionEvent) {
    match event {
        SessionEvent::Digit(digit) => mailbox.digit(digit),
        SessionEvent::PlayFinished(PlayId(id)) | SessionEvent::DigitsSent(PlayId(id)) => {
            mailbox.post(|slots| slots.played = Some(id));
        }
        SessionEvent::Inactive => mailbox.post(|slots| slots.media_inactive = true),
        SessionEvent::Latched(_) => {}
    }
}

fn body(sdp: Vec<u8>) -> Body {
    Body { content_type: SDP.to_owned(), bytes: Bytes::from(sdp) }
}

/// The session description of a message; none when it has no body.
fn description(request: &Message) -> Result<Option<SessionDescription>, Unacceptable> {
    if request.body().is_empty() {
        return Ok(None);
    }
    let content_type = request.content_type().unwrap_or(SDP);
    let bytes = sdp_from_body(content_type, request.body()).map_err(|error| Unacceptable {
        status: 415,
        code: BAD_DESCRIPTION,
        message: format!("The session description cannot be read: {error}."),
    })?;
    SessionDescription::parse(bytes).map(Some).map_err(|error| unacceptable(&error))
}

fn unacceptable(error: &SdpError) -> Unacceptable {
    Unacceptable {
        status: 488,
        code: error.code(),
        message: format!("The media of the other side cannot be used: {error}."),
    }
}
