//! What a REGISTER asks for, read and checked before anything is touched.

use std::fmt::Write as _;

use ringway_model::uri::{Scheme, UriRef};
use smallvec::SmallVec;

use super::{Refused, RegistrarLimits};
use crate::message::{Message, Name, NameAddr};

/// Bytes kept of one binding: Contact, Call-ID and Path together; of User-Agent only its beginning is.
const TEXT_BYTES_MAX: usize = 2048;

/// What a REGISTER asks for.
pub(super) enum Asked<'a> {
    /// Nothing: what is bound?
    List,
    /// `Contact: *` and `Expires: 0`.
    RemoveAll,
    /// What each Contact says.
    Change(SmallVec<[Change<'a>; 1]>),
}

/// One Contact.
pub(super) struct Change<'a> {
    /// The whole value.
    address: NameAddr<'a>,
    /// Its URI.
    pub(super) uri: UriRef<'a>,
    /// For how long; 0: not any more.
    pub(super) expires_s: u32,
}

impl<'a> Asked<'a> {
    pub(super) fn of(request: &'a Message, limits: &RegistrarLimits) -> Result<Self, Refused> {
        let expires = request.expires();
        if request.has_contact_wildcard() {
            let is_alone = request.headers(Name::Contact).count() == 1;
            return if is_alone && expires == Some(0) { Ok(Self::RemoveAll) } else { Err(Refused::Wildcard) };
        }
        let mut changes = SmallVec::new();
        let others_bytes =
            request.call_id().len() + request.headers(Name::Path).map(|path| path.len() + 1).sum::<usize>();
        for address in request.contacts() {
            let uri = address.uri_ref().map_err(|_| Refused::Contact)?;
            if !matches!(uri.scheme, Scheme::Sip | Scheme::Sips) {
                return Err(Refused::Contact);
            }
            if address.as_str().len() + others_bytes > TEXT_BYTES_MAX {
                return Err(Refused::TooLong);
            }
            let wanted_s = address.expires().or(expires).unwrap_or(limits.expires_default_s);
            if wanted_s > 0 && wanted_s < limits.expires_min_s {
                return Err(Refused::TooBrief { expires_min_s: limits.expires_min_s });
            }
            changes.push(Change { address, uri, expires_s: wanted_s.min(limits.expires_max_s) });
        }
        let removes_only = changes.iter().all(|change: &Change<'_>| change.expires_s == 0);
        match changes.is_empty() {
            true => Ok(Self::List),
            false if !removes_only && !may_be_on_a_path(request) => Err(Refused::Path),
            false => Ok(Self::Change(changes)),
        }
    }
}

impl Change<'_> {
    /// The Contact as it was sent, but for the time: what is left of it is told each time anew.
    pub(super) fn write_value(&self, text: &mut String) {
        text.clear();
        if self.address.param("expires").is_none() {
            text.push_str(self.address.as_str());
            return;
        }
        if let Some(display) = self.address.display {
            text.push_str(display);
            text.push(' ');
        }
        let _ = write!(text, "<{}>", self.address.uri);
        for (name, value) in self.address.params().filter(|(name, _)| !name.eq_ignore_ascii_case("expires")) {
            let _ = match value {
                Some(value) => write!(text, ";{name}={value}"),
                None => write!(text, ";{name}"),
            };
        }
    }

    /// How much the phone prefers to be reached so, in thousandths; 1 when it does not say, or says nonsense
    /// (RFC 3261 20.10).
    pub(super) fn q_thousandths(&self) -> u16 {
        let q = self.address.param("q").flatten().and_then(|q| q.parse::<f32>().ok());
        q.filter(|q| (0.0..=1.0).contains(q)).map_or(1000, |q| (q * 1000.0) as u16)
    }
}

/// The Path values in order, a line each.
pub(super) fn path(request: &Message) -> String {
    let mut path = String::new();
    for value in request.headers(Name::Path) {
        if !path.is_empty() {
            path.push('\n');
        }
        path.push_str(value);
    }
    path
}

/// A phone that does not know of Path would not know that its calls come over somebody who added himself.
fn may_be_on_a_path(request: &Message) -> bool {
    request.header(Name::Path).is_none()
        || request.headers(Name::Supported).any(|tag| tag.eq_ignore_ascii_case("path"))
}
