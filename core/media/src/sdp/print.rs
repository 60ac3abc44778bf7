//! Writes our own descriptions.

use std::fmt::Write;
use std::net::IpAddr;

use super::{LocalMedia, MediaDirection};
use crate::codec::Codec;

/// All of a description but the `o=` line and our address: two that are equal need no new version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Description {
    pub(super) time: (u64, u64),
    pub(super) lines: Vec<Line>,
}

/// One `m=` line of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// Switched off with port 0; the words are the offerer's.
    Refused { kind: String, protocol: String, format: String },
    /// The stream that sounds.
    Audio(AudioLine),
}

/// The audio stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AudioLine {
    /// `RTP/AVP` or `RTP/AVPF`, as the offerer has it.
    pub(super) protocol: String,
    pub(super) codecs: Vec<(u8, Codec)>,
    /// Payload type and events, such as `0-16`.
    pub(super) telephone_event: Option<(u8, String)>,
    pub(super) comfort_noise: Option<u8>,
    pub(super) ptime_ms: u8,
    pub(super) direction: MediaDirection,
    pub(super) rtcp_mux: bool,
}

impl Description {
    /// The stream that sounds; there is one in every description that we print.
    pub(super) fn audio(&self) -> Option<(usize, &AudioLine)> {
        self.lines.iter().enumerate().find_map(|(index, line)| match line {
            Line::Audio(audio) => Some((index, audio)),
            Line::Refused { .. } => None,
        })
    }

    pub(super) fn audio_mut(&mut self) -> Option<&mut AudioLine> {
        self.lines.iter_mut().find_map(|line| match line {
            Line::Audio(audio) => Some(audio),
            Line::Refused { .. } => None,
        })
    }

    /// The body, `application/sdp`, as version `version` of the session.
    pub(super) fn print(&self, local: &LocalMedia, version: u64) -> Vec<u8> {
        let mut text = String::with_capacity(400);
        // Writing into a String cannot fail.
        let _ = self.write(&mut text, local, version);
        text.into_bytes()
    }

    fn write(&self, out: &mut String, local: &LocalMedia, version: u64) -> std::fmt::Result {
        let family = if local.address.is_ipv4() { "IP4" } else { "IP6" };
        write!(out, "v=0\r\no=- {} {version} IN {family} {}\r\n", local.session_id, local.address)?;
        write!(out, "s=-\r\nc=IN {family} {}\r\nt={} {}\r\n", local.address, self.time.0, self.time.1)?;
        for line in &self.lines {
            match line {
                Line::Refused { kind, protocol, format } => {
                    write!(out, "m={kind} 0 {protocol} {format}\r\n")?
                }
                Line::Audio(audio) => audio.write(out, local)?,
            }
        }
        Ok(())
    }
}

impl AudioLine {
    fn write(&self, out: &mut String, local: &LocalMedia) -> std::fmt::Result {
        write!(out, "m=audio {} {}", local.rtp_port, self.protocol)?;
        for payload_type in self.payload_types() {
            write!(out, " {payload_type}")?;
        }
        out.push_str("\r\n");
        for (payload_type, codec) in &self.codecs {
            write!(out, "a=rtpmap:{payload_type} {}/8000\r\n", codec.name())?;
        }
        if let Some(payload_type) = self.comfort_noise {
            write!(out, "a=rtpmap:{payload_type} CN/8000\r\n")?;
        }
        if let Some((payload_type, events)) = &self.telephone_event {
            write!(
                out,
                "a=rtpmap:{payload_type} telephone-event/8000\r\na=fmtp:{payload_type} {events}\r\n"
            )?;
        }
        write!(out, "a=ptime:{}\r\na=maxptime:{}\r\n", self.ptime_ms, self.ptime_ms.max(20))?;
        self.write_rtcp(out, local)?;
        write!(out, "a={}\r\n", self.direction.as_str())
    }

    fn write_rtcp(&self, out: &mut String, local: &LocalMedia) -> std::fmt::Result {
        if self.rtcp_mux {
            out.push_str("a=rtcp-mux\r\n");
        }
        // RFC 3605: only a port that is not the next one needs saying.
        if Some(local.rtcp_port) != local.rtp_port.checked_add(1) {
            write!(out, "a=rtcp:{}\r\n", local.rtcp_port)?;
        }
        Ok(())
    }

    fn payload_types(&self) -> impl Iterator<Item = u8> + '_ {
        let codecs = self.codecs.iter().map(|(payload_type, _)| *payload_type);
        codecs.chain(self.comfort_noise).chain(self.telephone_event.as_ref().map(|(number, _)| *number))
    }
}

/// Whether a stream may be sent there at all: the family of our socket, and one host.
pub(super) fn is_usable(address: IpAddr, local: IpAddr) -> bool {
    let is_broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    address.is_ipv4() == local.is_ipv4() && !address.is_multicast() && !is_broadcast
}
