//! Calls out: what one is made with, and whom it may go to.

use std::time::Duration;

use ringway_model::Secret;
use ringway_model::sid::{AccountSid, CallSid};

use crate::directory::VoiceUrls;

pub use sip_address::{InvalidSipAddress, SipAddress};

mod sip_address;

/// What a call out is made with, whoever wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Whose it is.
    pub account_sid: AccountSid,
    /// The call whose Dial wants it; none for one of the REST API.
    pub parent_call_sid: Option<CallSid>,
    /// Where it goes.
    pub destination: Destination,
    /// What is asked once it is answered, the fallback, and who is told of its progress. Of a child, the first is
    /// the screening document.
    pub urls: VoiceUrls,
    /// The document to execute instead of asking for one.
    pub twiml: Option<String>,
    /// What its status callback is told.
    pub events: Events,
    /// How long it may take to be answered.
    pub timeout: Duration,
    /// Keys to be pressed as soon as it is answered: `0`-`9` `*` `#` `w` (half a second).
    pub send_digits: Option<String>,
    /// The user part of our From, and so what the called phone shows.
    pub caller_id: String,
    /// The display name of our From.
    pub caller_name: Option<String>,
    /// Why it is called; a header of the INVITE.
    pub call_reason: Option<String>,
    /// How often the INVITE that led to this one may still be passed on.
    pub max_forwards: u8,
}

/// Where a call goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A SIP URI: a registered user of one of our domains, or any place outside.
    Sip {
        /// The place, with the headers that go into the INVITE.
        address: SipAddress,
        /// What a challenge is answered with.
        login: Option<Login>,
    },
    /// A registered user, by its name alone: of this domain, else of the account's only domain that takes
    /// registrations.
    Client {
        /// The user.
        identity: String,
        /// The domain that the caller called.
        domain: Option<String>,
        /// Told to the phone as `X-` headers.
        parameters: Vec<(String, String)>,
    },
    /// A telephone number, which needs a trunk.
    Number {
        /// In E.164.
        number: String,
        /// The trunk that was named, as written.
        byoc: Option<String>,
    },
}

/// A user and a password for whoever is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub username: String,
    /// Its password.
    pub password: Secret,
}

/// What a status callback is told of; by default the end alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Events {
    /// The INVITE is on its way.
    pub initiated: bool,
    /// The far end is alerted.
    pub ringing: bool,
    /// It answered.
    pub answered: bool,
    /// It is over, whatever became of it.
    pub completed: bool,
}

impl Default for Events {
    fn default() -> Self {
        Self { completed: true, ..Self::NONE }
    }
}

impl Events {
    const NONE: Self = Self { initiated: false, ringing: false, answered: false, completed: false };

    /// Of their names; none at all is the default. The first that is not known is the error.
    pub fn of_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        let mut events = Self::NONE;
        for name in names {
            match name {
                "initiated" => events.initiated = true,
                "ringing" => events.ringing = true,
                "answered" => events.answered = true,
                "completed" => events.completed = true,
                other => return Err(other),
            }
        }
        Ok(if events == Self::NONE { Self::default() } else { events })
    }

    /// How many callbacks may go before the last one.
    pub fn before_the_end(self) -> u32 {
        u32::from(self.initiated) + u32::from(self.ringing) + u32::from(self.answered)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn events_are_named_and_no_name_is_the_end() {
        assert_eq!(Events::of_names([]).unwrap(), Events::default());
        let some = Events::of_names(["answered", "initiated"]).unwrap();
        assert!(some.initiated && some.answered && !some.ringing && !some.completed);
        assert_eq!(some.before_the_end(), 2);
        assert_eq!(Events::of_names(["answered", "Completed"]), Err("Completed"));
    }
}
