//! What a sound file is, by its content first, then by what it is called.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use ringway_media::{Codec, SAMPLE_RATE_HZ};

/// What a file is.
pub(crate) enum Kind {
    /// Something with a header; the usual ending of its name helps to recognise it.
    Container(&'static str),
    /// Octets of G.711 and nothing else.
    Raw(Codec),
    Unsupported(String),
}

impl Kind {
    pub(crate) fn of(content_type: Option<&str>, name: Option<&str>, bytes: &[u8]) -> Self {
        let media_type = content_type.map(media_type);
        let ending = name.and_then(ending);
        Self::by_magic(bytes)
            .or_else(|| Self::by_name(media_type.as_deref()?))
            .or_else(|| Self::by_name(ending.as_deref()?))
            .or_else(|| looks_like_mpeg(bytes).then_some(Self::Container("mp3")))
            .unwrap_or_else(|| Self::Unsupported(media_type.unwrap_or_else(|| "unknown content".to_owned())))
    }

    /// By bytes that no octets of speech begin with.
    fn by_magic(bytes: &[u8]) -> Option<Self> {
        let tag = |at: usize| bytes.get(at..at + 4);
        match (tag(0)?, tag(8)) {
            (b"RIFF", Some(b"WAVE")) => Some(Self::Container("wav")),
            (b"FORM", Some(b"AIFF" | b"AIFC")) => Some(Self::Container("aiff")),
            (b"OggS", _) => Some(Self::Unsupported("Ogg".to_owned())),
            (b"fLaC", _) => Some(Self::Unsupported("FLAC".to_owned())),
            (b".snd", _) => Some(sun_audio(bytes)),
            ([b'I', b'D', b'3', _], _) => Some(Self::Container("mp3")),
            _ => None,
        }
    }

    /// By a media type or the ending of a file name.
    fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "audio/basic" | "audio/ulaw" | "audio/x-ulaw" | "audio/mulaw" | "audio/x-mulaw"
            | "audio/pcmu" | "ulaw" | "mulaw" | "ul" | "pcmu" | "au" => Self::Raw(Codec::Pcmu),
            "audio/alaw" | "audio/x-alaw" | "audio/pcma" | "alaw" | "al" | "pcma" => Self::Raw(Codec::Pcma),
            "audio/mpeg" | "audio/mp3" | "audio/mpeg3" | "audio/x-mpeg" | "audio/x-mp3" | "mp3" => {
                Self::Container("mp3")
            }
            "audio/wav" | "audio/wave" | "audio/x-wav" | "audio/vnd.wave" | "wav" => Self::Container("wav"),
            "audio/aiff" | "audio/x-aiff" | "audio/x-aifc" | "aiff" | "aif" | "aifc" => {
                Self::Container("aiff")
            }
            "audio/gsm" | "audio/x-gsm" | "gsm" => Self::Unsupported("GSM 06.10".to_owned()),
            _ => return None,
        })
    }
}

/// `audio/basic` of a `Audio/Basic; rate=8000`.
fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn ending(name: &str) -> Option<String> {
    let path = name.split(['?', '#']).next()?;
    let (_, ending) = path.rsplit('/').next()?.rsplit_once('.')?;
    Some(ending.to_ascii_lowercase())
}

/// A frame header: eleven set bits, then a layer and a bit rate that exist.
fn looks_like_mpeg(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, second, third, ..]
        if second & 0xe0 == 0xe0 && second & 0x18 != 0x08 && second & 0x06 == 0x02 && third & 0xf0 != 0xf0)
}

/// The header of NeXT and Sun: encoding 1 is mu-law, 27 A-law; here at 8 kHz and mono only.
fn sun_audio(bytes: &[u8]) -> Kind {
    let field = |index: usize| {
        let octets = bytes.get(4 * index..4 * index + 4)?;
        Some(u32::from_be_bytes(octets.try_into().ok()?))
    };
    match (field(3), field(4), field(5)) {
        (Some(1), Some(SAMPLE_RATE_HZ), Some(1)) => Kind::Raw(Codec::Pcmu),
        (Some(27), Some(SAMPLE_RATE_HZ), Some(1)) => Kind::Raw(Codec::Pcma),
        _ => Kind::Unsupported("this encoding of an .au file".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(content_type: Option<&str>, name: Option<&str>, bytes: &[u8]) -> String {
        match Kind::of(content_type, name, bytes) {
            Kind::Container(extension) => extension.to_owned(),
            Kind::Raw(codec) => codec.name().to_owned(),
            Kind::Unsupported(what) => format!("no {what}"),
        }
    }

    #[test]
    fn content_counts_for_more_than_names() {
        assert_eq!(kind(Some("audio/mpeg"), None, b"RIFF\0\0\0\0WAVEfmt "), "wav");
        assert_eq!(kind(Some("audio/basic"), Some("a.mp3"), b"ID3\x03\0\0"), "mp3");
        assert_eq!(kind(Some("text/plain"), None, &[0xff, 0xfb, 0x90, 0]), "mp3");
        assert_eq!(
            kind(Some("audio/basic"), None, &[0xff, 0xfb, 0x90, 0]),
            "PCMU",
            "loud, but octets of speech"
        );
    }

    #[test]
    fn types_count_for_more_than_endings() {
        assert_eq!(kind(Some(" Audio/X-Alaw ;rate=8000"), Some("a.ulaw"), b"????"), "PCMA");
        assert_eq!(
            kind(Some("application/octet-stream"), Some("http://h/x.d/a.AL?b.c#d.e"), b"????"),
            "PCMA"
        );
        assert_eq!(
            kind(Some("application/octet-stream"), Some("http://h/x.al/a"), b"????"),
            "no application/octet-stream"
        );
        assert_eq!(kind(None, None, b""), "no unknown content");
    }

    #[test]
    fn sun_files_of_a_telephone_are_octets() {
        let sun = |encoding: u8, rate_low: u8| {
            let mut header = b".snd\0\0\0\x18\xff\xff\xff\xff".to_vec();
            header.extend([0, 0, 0, encoding, 0, 0, 0x1f, rate_low, 0, 0, 0, 1]);
            kind(None, None, &header)
        };
        assert_eq!((sun(1, 0x40), sun(27, 0x40)), ("PCMU".to_owned(), "PCMA".to_owned()));
        assert!(sun(3, 0x40).starts_with("no ") && sun(1, 0x41).starts_with("no "));
    }
}
