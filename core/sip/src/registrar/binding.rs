//! One binding: as others see it, and as it is kept.

use std::time::Duration;

use ringway_model::sid::RegistrationSid;
use ringway_model::uri::UriRef;
use ringway_model::{Moment, Now, UnixTime};

use super::Registration;
use super::asked::Change;
use crate::endpoint::Target;
use crate::message::{Name, NameAddr};

/// Letters of a User-Agent that are kept.
const USER_AGENT_BYTES_MAX: usize = 128;

/// Where a phone can be reached, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Its name in the REST API.
    pub sid: RegistrationSid,
    /// The URI of its Contact, as it was sent: the Request-URI of calls to it.
    pub contact: String,
    /// The whole Contact value as it was sent, without its time.
    pub contact_value: String,
    /// How much the phone prefers to be reached so, 0 to 1000.
    pub q_thousandths: u16,
    /// Where its packets go: the address that the REGISTER came from, over the connection that it came on, so
    /// that it gets through whatever is between. Never what Contact says, which may be anybody's address.
    pub target: Target,
    /// The Path, in the order of the Route headers of calls to it (RFC 3327 5.3).
    pub path: Vec<String>,
    /// User-Agent, when it sent one.
    pub user_agent: Option<String>,
    /// The Call-ID of its last REGISTER.
    pub call_id: String,
    /// The CSeq of its last REGISTER.
    pub cseq: u32,
    /// When it was first bound.
    pub registered: UnixTime,
    /// When its last REGISTER came.
    pub seen: UnixTime,
    /// When it ends unless it is refreshed.
    pub expires: UnixTime,
}

/// A binding as it is kept: its texts lie in one piece.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) sid: RegistrationSid,
    /// Contact value, Call-ID, User-Agent, Path lines, one behind the other.
    text: Box<str>,
    /// Where each of the first three ends.
    ends: [u16; 3],
    /// Where the URI lies in the Contact value.
    uri: (u16, u16),
    q_thousandths: u16,
    pub(super) cseq: u32,
    pub(super) target: Target,
    registered: UnixTime,
    seen: UnixTime,
    pub(super) expires: Moment,
}

/// The texts of a binding, apart.
struct Texts<'a> {
    value: &'a str,
    call_id: &'a str,
    user_agent: &'a str,
    path: &'a str,
}

impl Stored {
    pub(super) fn new(
        sid: RegistrationSid,
        now: Now,
        registration: &Registration<'_>,
        change: &Change<'_>,
        value: &str,
        path: &str,
    ) -> Self {
        let texts = Texts::of(registration, value, path);
        Self {
            sid,
            text: texts.joined(),
            ends: texts.ends(),
            uri: place_of_uri(value),
            q_thousandths: change.q_thousandths(),
            cseq: registration.request.cseq().number,
            target: Target::from(registration.source),
            registered: now.unix,
            seen: now.unix,
            expires: now.monotonic + Duration::from_secs(u64::from(change.expires_s)),
        }
    }

    /// The phone came again. Nothing is allocated when it says what it said before.
    pub(super) fn refresh(
        &mut self,
        now: Now,
        registration: &Registration<'_>,
        change: &Change<'_>,
        value: &str,
        path: &str,
    ) {
        let texts = Texts::of(registration, value, path);
        if self.texts() != texts {
            self.text = texts.joined();
            self.ends = texts.ends();
            self.uri = place_of_uri(value);
            self.q_thousandths = change.q_thousandths();
        }
        self.cseq = registration.request.cseq().number;
        self.target = Target::from(registration.source);
        self.seen = now.unix;
        self.expires = now.monotonic + Duration::from_secs(u64::from(change.expires_s));
    }

    /// As it was before the process began; none when it has ended meanwhile.
    pub(super) fn restored(now: Now, binding: Binding) -> Option<Self> {
        let left = binding.expires.since(now.unix);
        let path = binding.path.join("\n");
        let texts = Texts {
            value: &binding.contact_value,
            call_id: &binding.call_id,
            user_agent: binding.user_agent.as_deref().unwrap_or_default(),
            path: &path,
        };
        (!left.is_zero()).then(|| Self {
            sid: binding.sid,
            text: texts.joined(),
            ends: texts.ends(),
            uri: place_of_uri(&binding.contact_value),
            q_thousandths: binding.q_thousandths,
            cseq: binding.cseq,
            target: binding.target,
            registered: binding.registered,
            seen: binding.seen,
            expires: now.monotonic + left,
        })
    }

    /// The Contact value, without its time.
    pub(super) fn value(&self) -> &str {
        self.texts().value
    }

    pub(super) fn call_id(&self) -> &str {
        self.texts().call_id
    }

    /// Whether this is the binding of that Contact (RFC 3261 10.3, step 7; 19.1.4).
    pub(super) fn is_at(&self, uri: &UriRef<'_>) -> bool {
        let known = self.contact();
        known == uri.as_str() || UriRef::parse(known).is_ok_and(|known| known.equivalent(uri))
    }

    /// For others to see.
    pub(super) fn shown(&self, now: Now) -> Binding {
        let texts = self.texts();
        Binding {
            sid: self.sid,
            contact: self.contact().to_owned(),
            contact_value: texts.value.to_owned(),
            q_thousandths: self.q_thousandths,
            target: self.target,
            path: texts.path.lines().map(str::to_owned).collect(),
            user_agent: Some(texts.user_agent).filter(|text| !text.is_empty()).map(str::to_owned),
            call_id: texts.call_id.to_owned(),
            cseq: self.cseq,
            registered: self.registered,
            seen: self.seen,
            expires: now.unix + self.expires.since(now.monotonic),
        }
    }

    /// What the order of calls goes by: who is preferred, and then who came last.
    pub(super) fn rank(&self) -> (u16, UnixTime) {
        (self.q_thousandths, self.seen)
    }

    fn contact(&self) -> &str {
        let (start, end) = self.uri;
        self.text.get(usize::from(start)..usize::from(end)).unwrap_or_default()
    }

    fn texts(&self) -> Texts<'_> {
        let [value, call_id, user_agent] = self.ends.map(usize::from);
        let part = |range: std::ops::Range<usize>| self.text.get(range).unwrap_or_default();
        Texts {
            value: part(0..value),
            call_id: part(value..call_id),
            user_agent: part(call_id..user_agent),
            path: part(user_agent..self.text.len()),
        }
    }
}

impl<'a> Texts<'a> {
    fn of(registration: &Registration<'a>, value: &'a str, path: &'a str) -> Self {
        let user_agent = registration.request.header(Name::UserAgent).unwrap_or_default();
        let end = user_agent.floor_char_boundary(USER_AGENT_BYTES_MAX);
        let user_agent = user_agent.get(..end).unwrap_or_default();
        Self { value, call_id: registration.request.call_id(), user_agent, path }
    }

    fn joined(&self) -> Box<str> {
        [self.value, self.call_id, self.user_agent, self.path].concat().into()
    }

    /// Everything is short: `asked` saw to that.
    fn ends(&self) -> [u16; 3] {
        let value = self.value.len();
        let call_id = value + self.call_id.len();
        [value, call_id, call_id + self.user_agent.len()].map(|end| u16::try_from(end).unwrap_or(u16::MAX))
    }
}

impl PartialEq for Texts<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.value, self.call_id, self.user_agent, self.path)
            == (other.value, other.call_id, other.user_agent, other.path)
    }
}

/// Where the URI of a Contact value lies in it.
fn place_of_uri(value: &str) -> (u16, u16) {
    let Some(address) = NameAddr::parse(value) else { return (0, 0) };
    let start = (address.uri.as_ptr() as usize).wrapping_sub(value.as_ptr() as usize);
    let place = |at: usize| u16::try_from(at).unwrap_or(0);
    (place(start), place(start.wrapping_add(address.uri.len())))
}
