//! Reads a session description. Strict about its shape (the lines that say where media go), lenient about
//! attributes: one that makes no sense is as good as absent.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::net::IpAddr;

use super::{MediaDirection, SdpError};

/// Longest description looked at, in bytes.
const BYTES_MAX: usize = 32 * 1024;
const LINES_MAX: usize = 1024;
const MEDIA_MAX: usize = 16;
const FORMATS_MAX: usize = 64;
const MAPPINGS_MAX: usize = 128;

/// A peer's description: what of it matters to one audio stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionDescription {
    /// The `t=` line, which an answer repeats.
    pub(super) time: (u64, u64),
    pub(super) media: Vec<MediaDescription>,
}

/// Where media go, by a `c=` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connection {
    Address(IpAddr),
    /// A domain name: nothing here resolves names, so the peer's packets must show where it is.
    Name,
}

/// One `m=` line with what belongs to it; what the session level says is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MediaDescription {
    pub(super) kind: String,
    pub(super) port: u16,
    pub(super) protocol: String,
    pub(super) formats: Vec<String>,
    pub(super) connection: Option<Connection>,
    pub(super) direction: Option<MediaDirection>,
    pub(super) rtcp_port: Option<u16>,
    pub(super) rtcp_address: Option<IpAddr>,
    pub(super) rtcp_mux: bool,
    pub(super) ptime_ms: Option<u32>,
    pub(super) maxptime_ms: Option<u32>,
    pub(super) mappings: Vec<Mapping>,
    /// Format parameters by payload type.
    pub(super) parameters: Vec<(u8, String)>,
    line: usize,
}

/// One `a=rtpmap`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mapping {
    pub(super) payload_type: u8,
    pub(super) name: String,
    pub(super) clock_hz: u32,
    pub(super) channels: u8,
}

impl SessionDescription {
    /// Reads a description; lines may end in CRLF or LF.
    ///
    /// # Errors
    /// [`SdpError::Malformed`] where RFC 8866 is not followed in what matters: no `v=0` at its head, no `o=`,
    /// an unreadable `c=` or `m=`, a stream that is on without any `c=`, or beyond the bounds of size.
    pub fn parse(bytes: &[u8]) -> Result<Self, SdpError> {
        if bytes.len() > BYTES_MAX {
            return Err(malformed(0, "too long"));
        }
        // Names may be in any character set (RFC 8866 6.10); nothing that is used here is beyond ASCII.
        let text = String::from_utf8_lossy(bytes);
        let mut reader = Reader::default();
        for (index, line) in text.lines().enumerate() {
            if index >= LINES_MAX {
                return Err(malformed(0, "too many lines"));
            }
            reader.line(index + 1, line)?;
        }
        reader.finish()
    }
}

impl MediaDescription {
    pub(super) fn is_audio(&self) -> bool {
        self.kind.eq_ignore_ascii_case("audio")
    }

    /// Plain RTP, with or without early feedback (RFC 3551, RFC 4585).
    pub(super) fn is_plain_rtp(&self) -> bool {
        ["RTP/AVP", "RTP/AVPF"].iter().any(|name| self.protocol.eq_ignore_ascii_case(name))
    }

    /// A profile that only works encrypted (RFC 3711, RFC 5124, RFC 5764).
    pub(super) fn is_secure_rtp(&self) -> bool {
        let protocol = self.protocol.to_ascii_uppercase();
        protocol.ends_with("RTP/SAVP") || protocol.ends_with("RTP/SAVPF")
    }

    /// The stream's own formats as payload types, in the offered order.
    pub(super) fn payload_types(&self) -> impl Iterator<Item = u8> + '_ {
        self.formats.iter().filter_map(|format| payload_type(format))
    }

    pub(super) fn mapping(&self, payload_type: u8) -> Option<&Mapping> {
        self.mappings.iter().find(|mapping| mapping.payload_type == payload_type)
    }

    pub(super) fn parameter(&self, payload_type: u8) -> Option<&str> {
        self.parameters.iter().find(|(number, _)| *number == payload_type).map(|(_, value)| value.as_str())
    }

    fn parse(line: usize, value: &str) -> Result<Self, SdpError> {
        let mut words = value.split_ascii_whitespace();
        let (Some(kind), Some(port), Some(protocol)) = (words.next(), words.next(), words.next()) else {
            return Err(malformed(line, "m= needs media, port, protocol and formats"));
        };
        let port = port.split('/').next().and_then(|port| port.parse().ok());
        let port = port.ok_or_else(|| malformed(line, "the port of m= is no number below 65536"))?;
        let formats: Vec<String> = words.map(str::to_owned).collect();
        if formats.is_empty() || formats.len() > FORMATS_MAX {
            return Err(malformed(line, "m= needs at least one format, and not hundreds"));
        }
        Ok(Self {
            kind: kind.to_owned(),
            port,
            protocol: protocol.to_owned(),
            formats,
            connection: None,
            direction: None,
            rtcp_port: None,
            rtcp_address: None,
            rtcp_mux: false,
            ptime_ms: None,
            maxptime_ms: None,
            mappings: Vec::new(),
            parameters: Vec::new(),
            line,
        })
    }

    fn attribute(&mut self, name: &str, value: &str) {
        match name {
            "rtpmap" if self.mappings.len() < MAPPINGS_MAX => self.mappings.extend(mapping(value)),
            "fmtp" if self.parameters.len() < MAPPINGS_MAX => {
                self.parameters.extend(format_parameters(value))
            }
            "ptime" => self.ptime_ms = milliseconds(value),
            "maxptime" => self.maxptime_ms = milliseconds(value),
            "rtcp-mux" => self.rtcp_mux = true,
            "rtcp" => (self.rtcp_port, self.rtcp_address) = rtcp(value),
            _ => self.direction = MediaDirection::parse(name).or(self.direction),
        }
    }
}

/// What has been read so far; the last element of `media` is the one that lines belong to.
#[derive(Default)]
struct Reader {
    origin: bool,
    time: Option<(u64, u64)>,
    connection: Option<Connection>,
    direction: Option<MediaDirection>,
    ptime_ms: Option<u32>,
    maxptime_ms: Option<u32>,
    media: Vec<MediaDescription>,
}

impl Reader {
    fn line(&mut self, number: usize, line: &str) -> Result<(), SdpError> {
        if number == 1 {
            return if line == "v=0" { Ok(()) } else { Err(malformed(1, "the first line is not v=0")) };
        }
        if line.trim().is_empty() {
            return Ok(());
        }
        let (letter, value) = line.split_once('=').ok_or_else(|| malformed(number, "no = in the line"))?;
        match letter {
            "o" => self.origin(number, value)?,
            "c" => self.connection(number, value)?,
            "t" => self.time = self.time.or(times(value)),
            "m" => self.open_media(number, value)?,
            "a" => self.attribute(value),
            _ if letter.len() == 1 => {}
            _ => return Err(malformed(number, "a line's type is one letter")),
        }
        Ok(())
    }

    fn origin(&mut self, number: usize, value: &str) -> Result<(), SdpError> {
        // Some phones write a user name with blanks, so the fields are counted from the end.
        if value.split_ascii_whitespace().count() < 6 {
            return Err(malformed(number, "o= needs six fields"));
        }
        self.origin = true;
        Ok(())
    }

    fn connection(&mut self, number: usize, value: &str) -> Result<(), SdpError> {
        let connection = connection(value).ok_or_else(|| malformed(number, "unreadable c="))?;
        match self.media.last_mut() {
            // Several are only for layered multicast: the first one counts.
            Some(media) => media.connection = media.connection.or(Some(connection)),
            None => self.connection = Some(connection),
        }
        Ok(())
    }

    fn open_media(&mut self, number: usize, value: &str) -> Result<(), SdpError> {
        if self.media.len() >= MEDIA_MAX {
            return Err(malformed(number, "too many m= lines"));
        }
        self.media.push(MediaDescription::parse(number, value)?);
        Ok(())
    }

    fn attribute(&mut self, attribute: &str) {
        let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
        let (name, value) = (name.trim(), value.trim());
        match self.media.last_mut() {
            Some(media) => media.attribute(name, value),
            None => match name {
                "ptime" => self.ptime_ms = milliseconds(value),
                "maxptime" => self.maxptime_ms = milliseconds(value),
                _ => self.direction = MediaDirection::parse(name).or(self.direction),
            },
        }
    }

    fn finish(mut self) -> Result<SessionDescription, SdpError> {
        if !self.origin {
            return Err(malformed(0, "no o= line"));
        }
        for media in &mut self.media {
            media.connection = media.connection.or(self.connection);
            media.direction = media.direction.or(self.direction);
            media.ptime_ms = media.ptime_ms.or(self.ptime_ms);
            media.maxptime_ms = media.maxptime_ms.or(self.maxptime_ms);
            if media.port != 0 && media.connection.is_none() {
                return Err(malformed(media.line, "a stream without c="));
            }
        }
        Ok(SessionDescription { time: self.time.unwrap_or_default(), media: self.media })
    }
}

fn malformed(line: usize, reason: &'static str) -> SdpError {
    SdpError::Malformed { line, reason }
}

/// `IN IP4 192.0.2.1`, `IN IP4 224.2.1.1/127`, `IN IP6 2001:db8::1`.
fn connection(value: &str) -> Option<Connection> {
    let mut words = value.split_ascii_whitespace();
    let (network, family, address) = (words.next()?, words.next()?, words.next()?);
    if !network.eq_ignore_ascii_case("IN") {
        return None;
    }
    let address = address.split('/').next().unwrap_or(address);
    let is_ipv6 = match family {
        "IP4" => false,
        "IP6" => true,
        _ => return None,
    };
    match address.parse::<IpAddr>() {
        Ok(ip) if ip.is_ipv6() == is_ipv6 => Some(Connection::Address(ip)),
        Ok(_) => None,
        Err(_) if is_host_name(address) => Some(Connection::Name),
        Err(_) => None,
    }
}

fn is_host_name(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}

fn times(value: &str) -> Option<(u64, u64)> {
    let mut words = value.split_ascii_whitespace();
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

fn payload_type(text: &str) -> Option<u8> {
    text.parse().ok().filter(|number| *number < 128)
}

/// `101 telephone-event/8000`, `111 opus/48000/2`.
fn mapping(value: &str) -> Option<Mapping> {
    let (number, encoding) = value.split_once(char::is_whitespace)?;
    let mut parts = encoding.trim().split('/');
    Some(Mapping {
        payload_type: payload_type(number)?,
        name: parts.next()?.to_owned(),
        clock_hz: parts.next()?.trim().parse().ok()?,
        channels: parts.next().map_or(Some(1), |channels| channels.trim().parse().ok())?,
    })
}

fn format_parameters(value: &str) -> Option<(u8, String)> {
    let (number, parameters) = value.split_once(char::is_whitespace)?;
    Some((payload_type(number)?, parameters.trim().to_owned()))
}

/// Whole milliseconds; a fraction is allowed by the grammar and dropped.
fn milliseconds(value: &str) -> Option<u32> {
    value.split('.').next()?.trim().parse().ok()
}

/// `53020`, `53020 IN IP4 126.16.64.4` (RFC 3605 2.1).
fn rtcp(value: &str) -> (Option<u16>, Option<IpAddr>) {
    let mut words = value.split_ascii_whitespace();
    let port = words.next().and_then(|port| port.parse().ok()).filter(|port| *port != 0);
    (port, words.nth(2).and_then(|address| address.parse().ok()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n";

    fn parse(rest: &str) -> Result<SessionDescription, SdpError> {
        SessionDescription::parse(format!("{HEAD}{rest}").as_bytes())
    }

    #[test]
    fn the_media_level_wins_over_the_session_level() {
        let session = parse(
            "c=IN IP4 192.0.2.1\r\nt=1 2\r\na=inactive\r\na=ptime:30\r\n\
             m=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.2\r\na=sendonly\r\nm=audio 4002 RTP/AVP 0\r\n",
        )
        .unwrap();
        assert_eq!(session.time, (1, 2));
        assert_eq!(session.media[0].connection, Some(Connection::Address([192, 0, 2, 2].into())));
        assert_eq!(session.media[0].direction, Some(MediaDirection::SendOnly));
        assert_eq!(session.media[1].connection, Some(Connection::Address([192, 0, 2, 1].into())));
        assert_eq!(session.media[1].direction, Some(MediaDirection::Inactive));
        assert_eq!(session.media[1].ptime_ms, Some(30));
    }

    #[test]
    fn attributes_are_read_and_senseless_ones_passed_over() {
        let session = parse(
            "c=IN IP6 2001:db8::1\nt=0 0\nm=audio 4000/2 RTP/AVP 0 96 x 200\na=rtpmap:96 opus/48000/2\n\
             a=rtpmap:x\na=rtpmap:300 PCMU/8000\na=fmtp:96 useinbandfec=1\na=rtcp:5000 IN IP4 192.0.2.9\n\
             a=rtcp-mux\na=ptime:20.5\na=candidate:1 1 UDP 1 192.0.2.1 9 typ host\na=\n",
        )
        .unwrap();
        let media = &session.media[0];
        assert_eq!(media.port, 4000);
        assert_eq!(media.payload_types().collect::<Vec<_>>(), [0, 96]);
        assert_eq!(media.mappings.len(), 1);
        assert_eq!((media.mappings[0].clock_hz, media.mappings[0].channels), (48000, 2));
        assert_eq!(media.parameter(96), Some("useinbandfec=1"));
        assert_eq!((media.rtcp_port, media.rtcp_address), (Some(5000), Some([192, 0, 2, 9].into())));
        assert!(media.rtcp_mux);
        assert_eq!(media.ptime_ms, Some(20));
    }

    #[test]
    fn what_is_malformed_names_its_line() {
        for (rest, line) in [
            ("c=IN IP4 192.0.2\r\n", 4),
            ("c=IN IP6 192.0.2.1\r\n", 4),
            ("c=ATM NSAP 47\r\n", 4),
            ("t=0 0\r\nm=audio\r\n", 5),
            ("t=0 0\r\nm=audio 70000 RTP/AVP 0\r\n", 5),
            ("t=0 0\r\nm=audio 4000 RTP/AVP\r\n", 5),
            ("t=0 0\r\nm=audio 4000 RTP/AVP 0\r\n", 5),
            ("nonsense\r\n", 4),
            ("ab=1\r\n", 4),
        ] {
            let error = parse(rest).unwrap_err();
            assert!(
                matches!(error, SdpError::Malformed { line: found, .. } if found == line),
                "{rest}: {error}"
            );
        }
        for whole in
            ["", "v=1\r\n", "o=- 1 1 IN IP4 192.0.2.1\r\nv=0\r\n", "v=0\r\ns=-\r\n", "v=0\r\no=- 1\r\n"]
        {
            assert!(SessionDescription::parse(whole.as_bytes()).is_err(), "{whole:?}");
        }
    }

    #[test]
    fn sizes_are_bounded() {
        assert!(parse(&"a=x\r\n".repeat(2000)).is_err());
        assert!(parse(&"m=audio 0 RTP/AVP 0\r\n".repeat(17)).is_err());
        assert!(parse(&format!("m=audio 0 RTP/AVP{}\r\n", " 0".repeat(65))).is_err());
        assert!(SessionDescription::parse(&vec![b'a'; BYTES_MAX + 1]).is_err());
        let mappings = parse(&format!("m=audio 0 RTP/AVP 0\r\n{}", "a=rtpmap:0 PCMU/8000\r\n".repeat(900)));
        assert_eq!(mappings.unwrap().media[0].mappings.len(), MAPPINGS_MAX);
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = SessionDescription::parse(&bytes);
        }

        #[test]
        fn random_lines_never_panic(
            lines in proptest::collection::vec("[vosctmab]=[ -~]{0,40}", 0..30),
        ) {
            let _ = parse(&lines.join("\r\n"));
        }
    }
}
