//! The answering side of RFC 3264, and what one dialog's exchanges have in common.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::parse::{Connection, MediaDescription};
use super::print::{AudioLine, Description, Line, is_usable};
use super::{
    Answer, COMFORT_NOISE_PAYLOAD_TYPE, LocalMedia, MediaDirection, Negotiated, Payload, PayloadTable,
    SdpError, SessionDescription,
};
use crate::codec::Codec;

/// The packet times that we send, in milliseconds.
const PTIME_MS: std::ops::RangeInclusive<u32> = 10..=60;

/// Offer and answer over the life of one dialog: keeps our `o=` version, the order of the `m=` lines and the
/// payload types, none of which may change in a later exchange (RFC 3264 8).
#[derive(Debug, Clone)]
pub struct Negotiation {
    pub(super) local: LocalMedia,
    /// What we printed last; one that differs gets the next version.
    printed: Option<Description>,
    /// What both sides agreed on last; our next offer starts from it.
    pub(super) agreed: Option<Description>,
    /// Our offer that waits for its answer.
    pub(super) offered: Option<Description>,
}

impl Negotiation {
    /// Nothing exchanged yet.
    pub fn new(local: LocalMedia) -> Self {
        Self { local, printed: None, agreed: None, offered: None }
    }

    /// What we would like from the next exchange on.
    pub fn set_direction(&mut self, direction: MediaDirection) {
        self.local.direction = direction;
    }

    /// Answers an offer, the first one or a later one. The first audio stream that can be used is taken, with
    /// the first codec in the offerer's order that we have; every other stream is refused with port 0.
    ///
    /// # Errors
    /// [`SdpError`], and then everything stays as it was.
    pub fn answer(&mut self, offer: &SessionDescription) -> Result<Answer, SdpError> {
        let (index, media, choice) = choose_stream(&self.local, offer)?;
        let (remote, remote_rtcp) = destination(&self.local, media, media.rtcp_mux)?;
        let direction = direction(self.local.direction, media);
        let ptime_ms = ptime_ms(&self.local, media);
        let audio = AudioLine {
            protocol: media.protocol.clone(),
            codecs: vec![(choice.payload_type, choice.codec)],
            telephone_event: choice.telephone_event.clone(),
            comfort_noise: choice.comfort_noise,
            ptime_ms,
            direction,
            rtcp_mux: media.rtcp_mux,
        };
        let sdp = self.print(Description { time: offer.time, lines: answer_lines(offer, index, audio) });
        self.agreed.clone_from(&self.printed);
        self.offered = None;
        let negotiated = Negotiated {
            codec: choice.codec,
            payload_type: choice.payload_type,
            telephone_event: choice.telephone_event.as_ref().map(|(payload_type, _)| *payload_type),
            comfort_noise: choice.comfort_noise,
            ptime_ms,
            direction,
            remote,
            remote_rtcp,
            rtcp_mux: media.rtcp_mux,
            accept: choice.accept(),
        };
        Ok(Answer { sdp, negotiated })
    }

    /// The body of a description, with the next version when it differs from the one before.
    pub(super) fn print(&mut self, description: Description) -> Vec<u8> {
        if self.printed.as_ref().is_some_and(|printed| *printed != description) {
            self.local.version = self.local.version.wrapping_add(1);
        }
        let body = description.print(&self.local, self.local.version);
        self.printed = Some(description);
        body
    }
}

/// The formats of a stream that we take.
struct Choice {
    codec: Codec,
    payload_type: u8,
    telephone_event: Option<(u8, String)>,
    comfort_noise: Option<u8>,
}

impl Choice {
    fn accept(&self) -> PayloadTable {
        let mut accept = PayloadTable::default();
        accept.insert(self.payload_type, Payload::Audio(self.codec));
        if let Some((payload_type, _)) = self.telephone_event {
            accept.insert(payload_type, Payload::TelephoneEvent);
        }
        if let Some(payload_type) = self.comfort_noise {
            accept.insert(payload_type, Payload::ComfortNoise);
        }
        accept
    }
}

fn choose_stream<'a>(
    local: &LocalMedia,
    offer: &'a SessionDescription,
) -> Result<(usize, &'a MediaDescription, Choice), SdpError> {
    let mut refusal = SdpError::NoAudio;
    let streams = offer.media.iter().enumerate().filter(|(_, media)| media.is_audio() && media.port != 0);
    for (index, media) in streams {
        if media.is_plain_rtp() {
            if let Some(choice) = choose_formats(local, media) {
                return Ok((index, media, choice));
            }
            refusal = SdpError::NoCommonCodec;
        } else if media.is_secure_rtp() && refusal == SdpError::NoAudio {
            refusal = SdpError::SecureMedia;
        }
    }
    Err(refusal)
}

fn choose_formats(local: &LocalMedia, media: &MediaDescription) -> Option<Choice> {
    let (payload_type, codec) = audio_formats(local, media).next()?;
    let comfort_noise = media.payload_types().find(|number| is_comfort_noise(media, *number));
    Some(Choice { codec, payload_type, telephone_event: telephone_event(media), comfort_noise })
}

/// The codecs of a stream that we have, in its order.
pub(super) fn audio_formats(
    local: &LocalMedia,
    media: &MediaDescription,
) -> impl Iterator<Item = (u8, Codec)> {
    media.payload_types().filter_map(|number| {
        let codec = audio_codec(media, number)?;
        local.codecs.contains(&codec).then_some((number, codec))
    })
}

/// What `a=rtpmap` says, and without it the number itself (RFC 3551 6).
fn audio_codec(media: &MediaDescription, payload_type: u8) -> Option<Codec> {
    let mut codecs = [Codec::Pcmu, Codec::Pcma].into_iter();
    match media.mapping(payload_type) {
        Some(mapping) if mapping.clock_hz == 8000 && mapping.channels == 1 => {
            codecs.find(|codec| codec.name().eq_ignore_ascii_case(&mapping.name))
        }
        Some(_) => None,
        None => codecs.find(|codec| codec.static_payload_type() == payload_type),
    }
}

fn is_comfort_noise(media: &MediaDescription, payload_type: u8) -> bool {
    match media.mapping(payload_type) {
        Some(mapping) => mapping.clock_hz == 8000 && mapping.name.eq_ignore_ascii_case("CN"),
        None => payload_type == COMFORT_NOISE_PAYLOAD_TYPE,
    }
}

/// The first telephone-event format at our clock, with those of its events that we know too.
pub(super) fn telephone_event(media: &MediaDescription) -> Option<(u8, String)> {
    let payload_type = media.payload_types().find(|number| {
        media.mapping(*number).is_some_and(|mapping| {
            mapping.clock_hz == 8000 && mapping.name.eq_ignore_ascii_case("telephone-event")
        })
    })?;
    // RFC 4733 2.4.1: without parameters, 0 to 15.
    let events = media.parameter(payload_type).and_then(events).unwrap_or(0xffff);
    (events != 0).then(|| (payload_type, print_events(events)))
}

/// `0-15`, `0-11,16`: as bits, those above 16 left out.
fn events(parameters: &str) -> Option<u32> {
    let list = parameters.trim();
    let list = list.strip_prefix("events=").unwrap_or(list);
    list.split(',').try_fold(0, |events, range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.trim().parse::<u8>().ok()?, last.trim().parse::<u8>().ok()?);
        Some((first..=last.min(16)).fold(events, |events, event| events | 1 << event))
    })
}

fn print_events(events: u32) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for event in (0..=16).filter(|event| events & 1 << event != 0) {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == event => *last = event,
            _ => ranges.push((event, event)),
        }
    }
    let print = |(first, last): &(u32, u32)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    ranges.iter().map(print).collect::<Vec<_>>().join(",")
}

/// Our direction, given what we would like and what the peer says of itself. `c=0.0.0.0` is hold as phones
/// did it before RFC 3264: the peer takes nothing (RFC 3264 8.4).
pub(super) fn direction(ours: MediaDirection, media: &MediaDescription) -> MediaDirection {
    let theirs = media.direction.unwrap_or_default();
    let held = matches!(media.connection, Some(Connection::Address(address)) if address.is_unspecified());
    MediaDirection::of(ours.sends() && theirs.receives() && !held, ours.receives() && theirs.sends())
}

pub(super) fn ptime_ms(local: &LocalMedia, media: &MediaDescription) -> u8 {
    let wanted = media.ptime_ms.filter(|ptime| PTIME_MS.contains(ptime)).unwrap_or(local.ptime_ms.into());
    let allowed = media.maxptime_ms.map_or(wanted, |maximum| wanted.min(maximum));
    u8::try_from(allowed.clamp(*PTIME_MS.start(), *PTIME_MS.end())).unwrap_or(local.ptime_ms)
}

/// Where the peer takes RTP and RTCP.
pub(super) fn destination(
    local: &LocalMedia,
    media: &MediaDescription,
    rtcp_mux: bool,
) -> Result<(SocketAddr, SocketAddr), SdpError> {
    let unspecified: IpAddr =
        if local.address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let address = match media.connection {
        Some(Connection::Address(address)) if !address.is_unspecified() => address.to_canonical(),
        _ => unspecified,
    };
    if !is_usable(address, local.address) {
        return Err(SdpError::UnusableAddress);
    }
    let remote = SocketAddr::new(address, media.port);
    if rtcp_mux {
        return Ok((remote, remote));
    }
    let rtcp_port = media.rtcp_port.or(media.port.checked_add(1)).unwrap_or(media.port);
    let rtcp_address = media.rtcp_address.filter(|address| is_usable(*address, local.address));
    Ok((remote, SocketAddr::new(rtcp_address.unwrap_or(address), rtcp_port)))
}

fn answer_lines(offer: &SessionDescription, chosen: usize, audio: AudioLine) -> Vec<Line> {
    let mut audio = Some(audio);
    let line = |(index, media): (usize, &MediaDescription)| match audio.take_if(|_| index == chosen) {
        Some(audio) => Line::Audio(audio),
        None => Line::Refused {
            kind: media.kind.clone(),
            protocol: media.protocol.clone(),
            format: media.formats.first().cloned().unwrap_or_default(),
        },
    };
    offer.media.iter().enumerate().map(line).collect()
}
