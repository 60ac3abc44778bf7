//! The states of a call and the ways it can point (contract, runtime.md 2.3).

use std::fmt;
use std::str::FromStr;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl FromStr for $name {
            type Err = ();
            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($word => Ok(Self::$variant),)* _ => Err(()) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words! {
    /// Where a call is in its life.
    CallStatus {
        /// Waiting for its turn to be dialled.
        Queued = "queued",
        /// Being dialled. A word of webhooks only; the resource says `queued`.
        Initiated = "initiated",
        /// The far end is alerted, or the caller hears that it is.
        Ringing = "ringing",
        /// Answered.
        InProgress = "in-progress",
        /// Answered, and over.
        Completed = "completed",
        /// Refused as busy.
        Busy = "busy",
        /// Could not be connected, or was lost.
        Failed = "failed",
        /// Nobody answered, or the caller gave up first.
        NoAnswer = "no-answer",
        /// Cancelled through the REST API before it was answered.
        Canceled = "canceled",
    }
}

impl CallStatus {
    /// Whether nothing follows this state.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Busy | Self::Failed | Self::NoAnswer | Self::Canceled)
    }
}

words! {
    /// Who began a call.
    Direction {
        /// A phone called a domain.
        Inbound = "inbound",
        /// `POST Calls`.
        OutboundApi = "outbound-api",
        /// The Dial verb.
        OutboundDial = "outbound-dial",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_round_trip() {
        for status in [CallStatus::InProgress, CallStatus::NoAnswer, CallStatus::Canceled] {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        assert_eq!("outbound-dial".parse(), Ok(Direction::OutboundDial));
        assert!("answered".parse::<CallStatus>().is_err());
    }
}
