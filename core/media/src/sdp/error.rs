//! Why a description was not accepted.

use std::fmt;

/// Why an offer or an answer cannot be used. The SIP answer to every such offer is 488 (RFC 3261 21.4.26).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SdpError {
    /// It does not follow RFC 8866; the line is counted from 1, and 0 means the whole.
    Malformed {
        /// Where.
        line: usize,
        /// What is wrong, in words.
        reason: &'static str,
    },
    /// Every audio stream asks for SRTP (RTP/SAVP and the like), which is not accepted.
    SecureMedia,
    /// There is no audio stream that is switched on and speaks plain RTP.
    NoAudio,
    /// The audio streams have no codec that we take.
    NoCommonCodec,
    /// The audio is at an address of the other IP family, or one that nobody may send a stream to.
    UnusableAddress,
    /// An answer that does not fit our offer, or one when nothing was offered.
    NotAnAnswer {
        /// What does not fit, in words.
        reason: &'static str,
    },
}

impl SdpError {
    /// The error code for the notification: 32207 for secure media, else 32102.
    /// Contract, runtime.md 4.5 and 4.6.
    pub const fn code(self) -> u32 {
        match self {
            SdpError::SecureMedia => 32207,
            _ => 32102,
        }
    }
}

impl fmt::Display for SdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SdpError::Malformed { line: 0, reason } => write!(f, "malformed SDP: {reason}"),
            SdpError::Malformed { line, reason } => write!(f, "malformed SDP, line {line}: {reason}"),
            SdpError::SecureMedia => f.write_str("secure media is not accepted"),
            SdpError::NoAudio => f.write_str("no audio stream over plain RTP"),
            SdpError::NoCommonCodec => f.write_str("no common codec: PCMU or PCMA is needed"),
            SdpError::UnusableAddress => f.write_str("the media address cannot be used"),
            SdpError::NotAnAnswer { reason } => write!(f, "the answer does not fit the offer: {reason}"),
        }
    }
}

impl std::error::Error for SdpError {}
