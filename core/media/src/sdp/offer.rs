//! The offering side of RFC 3264.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::negotiate::{audio_formats, destination, direction, ptime_ms, telephone_event};
use super::parse::MediaDescription;
use super::print::{AudioLine, Description, Line};
use super::{
    LocalMedia, Negotiated, Negotiation, Payload, PayloadTable, SdpError, SessionDescription,
    TELEPHONE_EVENT_PAYLOAD_TYPE,
};
use crate::codec::Codec;

impl Negotiation {
    /// An offer of ours: the first of a call, or a later one, such as for hold after
    /// [`Negotiation::set_direction`]. A later one repeats the streams and payload types agreed on. When it is
    /// refused nothing needs to be undone.
    pub fn offer(&mut self) -> Vec<u8> {
        let mut description = self.agreed.clone().unwrap_or_else(|| first_offer(&self.local));
        if let Some(audio) = description.audio_mut() {
            audio.direction = self.local.direction;
        }
        self.offered = Some(description.clone());
        self.print(description)
    }

    /// Reads the answer to the last [`Negotiation::offer`].
    ///
    /// # Errors
    /// [`SdpError::NotAnAnswer`] and the like; then everything stays as it was, and the offer still waits, as
    /// a forked INVITE can bring further answers.
    pub fn apply_answer(&mut self, answer: &SessionDescription) -> Result<Negotiated, SdpError> {
        let offered = self.offered.as_ref().ok_or(not_an_answer("nothing was offered"))?;
        let (index, ours) = offered.audio().ok_or(not_an_answer("nothing was offered"))?;
        if answer.media.len() != offered.lines.len() {
            return Err(not_an_answer("it has another number of m= lines"));
        }
        let theirs = answer.media.get(index).ok_or(not_an_answer("it has another number of m= lines"))?;
        let (negotiated, codecs) = agree(&self.local, ours, theirs)?;
        let mut agreed = offered.clone();
        if let Some(audio) = agreed.audio_mut() {
            audio.codecs = codecs;
            audio.telephone_event =
                audio.telephone_event.take().filter(|_| negotiated.telephone_event.is_some());
            audio.rtcp_mux = negotiated.rtcp_mux;
            audio.ptime_ms = negotiated.ptime_ms;
        }
        self.agreed = Some(agreed);
        Ok(negotiated)
    }
}

fn not_an_answer(reason: &'static str) -> SdpError {
    SdpError::NotAnAnswer { reason }
}

fn first_offer(local: &LocalMedia) -> Description {
    let audio = AudioLine {
        protocol: "RTP/AVP".into(),
        codecs: local.codecs.iter().map(|codec| (codec.static_payload_type(), *codec)).collect(),
        telephone_event: Some((TELEPHONE_EVENT_PAYLOAD_TYPE, "0-16".into())),
        comfort_noise: None,
        ptime_ms: local.ptime_ms,
        direction: local.direction,
        rtcp_mux: true,
    };
    Description { time: (0, 0), lines: vec![Line::Audio(audio)] }
}

/// What both sides have in common, and the codecs of ours that are left.
fn agree(
    local: &LocalMedia,
    ours: &AudioLine,
    theirs: &MediaDescription,
) -> Result<(Negotiated, Vec<(u8, Codec)>), SdpError> {
    if !theirs.is_audio() || theirs.port == 0 {
        return Err(not_an_answer("the audio stream was refused"));
    }
    if !theirs.is_plain_rtp() {
        return Err(not_an_answer("the audio stream changed its profile"));
    }
    let offered = |codec: Codec| ours.codecs.iter().copied().find(|(_, offered)| *offered == codec);
    let mut common = audio_formats(local, theirs).filter(|(_, codec)| offered(*codec).is_some());
    let (payload_type, codec) = common.next().ok_or(SdpError::NoCommonCodec)?;
    let codecs: Vec<_> =
        std::iter::once(codec).chain(common.map(|(_, codec)| codec)).filter_map(offered).collect();
    let event = ours.telephone_event.as_ref().and(telephone_event(theirs)).map(|(number, _)| number);
    let rtcp_mux = ours.rtcp_mux && theirs.rtcp_mux;
    let (remote, remote_rtcp) = destination(local, theirs, rtcp_mux)?;
    let negotiated = Negotiated {
        codec,
        payload_type,
        telephone_event: event,
        comfort_noise: ours.comfort_noise,
        ptime_ms: ptime_ms(local, theirs),
        direction: direction(ours.direction, theirs),
        remote,
        remote_rtcp,
        rtcp_mux,
        accept: accept(ours, &codecs, (payload_type, codec), event),
    };
    Ok((negotiated, codecs))
}

/// What the peer may send: the numbers that we offered, and its own where it (wrongly) keeps to those.
fn accept(ours: &AudioLine, codecs: &[(u8, Codec)], theirs: (u8, Codec), event: Option<u8>) -> PayloadTable {
    let mut accept = PayloadTable::default();
    for (payload_type, codec) in codecs.iter().copied().chain([theirs]) {
        accept.insert(payload_type, Payload::Audio(codec));
    }
    if let (Some((offered, _)), Some(answered)) = (&ours.telephone_event, event) {
        accept.insert(*offered, Payload::TelephoneEvent);
        accept.insert(answered, Payload::TelephoneEvent);
    }
    if let Some(payload_type) = ours.comfort_noise {
        accept.insert(payload_type, Payload::ComfortNoise);
    }
    accept
}
