//! Header names: long forms, compact forms, and which of them hold comma-separated lists.

use std::fmt;

macro_rules! names {
    ($($variant:ident $word:literal $kind:ident $($compact:literal)?;)*) => {
        /// A header whose name is known. Others are reached by their text.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Name {
            $(#[doc = concat!("`", $word, "`")] $variant,)*
        }

        const ALL: &[Name] = &[$(Name::$variant,)*];
        const WORDS: &[&str] = &[$($word,)*];
        const LISTS: &[bool] = &[$(list!($kind),)*];

        fn compact(letter: u8) -> Option<Name> {
            match letter.to_ascii_lowercase() {
                $($($compact => Some(Name::$variant),)?)*
                _ => None,
            }
        }
    };
}

macro_rules! list {
    (list) => {
        true
    };
    (single) => {
        false
    };
}

names! {
    Via "Via" list b'v';
    From "From" single b'f';
    To "To" single b't';
    CallId "Call-ID" single b'i';
    CSeq "CSeq" single;
    MaxForwards "Max-Forwards" single;
    Contact "Contact" list b'm';
    ContentLength "Content-Length" single b'l';
    ContentType "Content-Type" single b'c';
    Route "Route" list;
    RecordRoute "Record-Route" list;
    Expires "Expires" single;
    Allow "Allow" list;
    Supported "Supported" list b'k';
    UserAgent "User-Agent" single;
    Authorization "Authorization" single;
    ProxyAuthorization "Proxy-Authorization" single;
    WwwAuthenticate "WWW-Authenticate" single;
    ProxyAuthenticate "Proxy-Authenticate" single;
    Accept "Accept" list;
    AcceptContact "Accept-Contact" list b'a';
    AcceptEncoding "Accept-Encoding" list;
    AcceptLanguage "Accept-Language" list;
    AlertInfo "Alert-Info" list;
    AllowEvents "Allow-Events" list b'u';
    AuthenticationInfo "Authentication-Info" single;
    CallInfo "Call-Info" list;
    ContentDisposition "Content-Disposition" single;
    ContentEncoding "Content-Encoding" list b'e';
    ContentLanguage "Content-Language" list;
    Date "Date" single;
    Diversion "Diversion" list;
    ErrorInfo "Error-Info" list;
    Event "Event" single b'o';
    HistoryInfo "History-Info" list;
    Identity "Identity" single b'y';
    InReplyTo "In-Reply-To" list;
    MimeVersion "MIME-Version" single;
    MinExpires "Min-Expires" single;
    MinSe "Min-SE" single;
    Organization "Organization" single;
    PAssertedIdentity "P-Asserted-Identity" list;
    PPreferredIdentity "P-Preferred-Identity" list;
    Path "Path" list;
    Priority "Priority" single;
    Privacy "Privacy" single;
    ProxyRequire "Proxy-Require" list;
    RAck "RAck" single;
    Reason "Reason" list;
    ReferTo "Refer-To" single b'r';
    ReferredBy "Referred-By" single b'b';
    RejectContact "Reject-Contact" list b'j';
    RemotePartyId "Remote-Party-ID" list;
    Replaces "Replaces" single;
    ReplyTo "Reply-To" single;
    RequestDisposition "Request-Disposition" list b'd';
    Require "Require" list;
    RetryAfter "Retry-After" single;
    RSeq "RSeq" single;
    Server "Server" single;
    ServiceRoute "Service-Route" list;
    SessionExpires "Session-Expires" single b'x';
    Subject "Subject" single b's';
    SubscriptionState "Subscription-State" single;
    Timestamp "Timestamp" single;
    Unsupported "Unsupported" list;
    UserToUser "User-to-User" single;
    Warning "Warning" list;
}

impl Name {
    /// The header of this name, long or compact form, without regard to case.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if let [letter] = bytes {
            return compact(*letter);
        }
        let place = SLOTS.get(slot(bytes)).copied().unwrap_or(EMPTY);
        let word = WORDS.get(usize::from(place))?;
        word.eq_ignore_ascii_case(text).then(|| ALL.get(usize::from(place)).copied()).flatten()
    }

    /// The long form.
    pub fn as_str(self) -> &'static str {
        WORDS.get(self as usize).copied().unwrap_or_default()
    }

    /// Whether its value is a list separated by commas (RFC 3261 7.3.1), so that several lines of it mean
    /// the same as one.
    pub fn is_list(self) -> bool {
        LISTS.get(self as usize).copied().unwrap_or_default()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

const EMPTY: u8 = u8::MAX;
const SLOT_COUNT: usize = 256;

/// Where each long form is found by its [`slot`]; no two names share one, which the compiler checks.
#[allow(clippy::indexing_slicing, clippy::panic)] // runs while compiling only
const SLOTS: [u8; SLOT_COUNT] = {
    let mut slots = [EMPTY; SLOT_COUNT];
    let mut index = 0;
    while index < WORDS.len() {
        let place = slot(WORDS[index].as_bytes());
        assert!(slots[place] == EMPTY, "two header names share a slot: change the multipliers");
        slots[place] = index as u8;
        index += 1;
    }
    slots
};

/// A hash of the length and three letters that sets all known names apart.
const fn slot(bytes: &[u8]) -> usize {
    let length = bytes.len();
    if length < 2 {
        return 0;
    }
    let (Some(first), Some(middle), Some(last)) = (bytes.first(), at(bytes, length / 2), bytes.last()) else {
        return 0;
    };
    let mix = length * M_LENGTH
        + first.to_ascii_lowercase() as usize * M_FIRST
        + middle.to_ascii_lowercase() as usize * M_MIDDLE
        + last.to_ascii_lowercase() as usize * M_LAST;
    mix % SLOT_COUNT
}

const fn at(bytes: &[u8], index: usize) -> Option<&u8> {
    let (_, tail) = bytes.split_at(index);
    tail.first()
}

const M_LENGTH: usize = 147;
const M_FIRST: usize = 51;
const M_MIDDLE: usize = 24;
const M_LAST: usize = 45;
