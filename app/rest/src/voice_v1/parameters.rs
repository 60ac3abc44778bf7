//! What parameters of this API have in common.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::ops::RangeInclusive;
use std::str::FromStr;

use ringway_model::uri::{Scheme, UriRef};

use super::FRIENDLY_NAME_MAX;
use crate::error::{Code, Fault};
use crate::form::Form;
use crate::rules;

/// Longer than any URI that a SIP request could carry with the rest of its headers.
const TARGET_LENGTH_MAX: usize = 1024;

pub(super) fn friendly_name(form: &Form) -> Result<Option<String>, Fault> {
    let name = rules::friendly_name(form, FRIENDLY_NAME_MAX, Code::InvalidParameter)?;
    Ok(name.map(str::to_owned))
}

/// A number in a range, when it is given.
pub(super) fn number(form: &Form, name: &str, range: RangeInclusive<u16>) -> Result<Option<u16>, Fault> {
    let Some(text) = form.text(name) else { return Ok(None) };
    match text.parse() {
        Ok(number) if range.contains(&number) => Ok(Some(number)),
        _ => {
            let sentence = format!("{name} must be a number from {} to {}", range.start(), range.end());
            Err(Fault::because(Code::InvalidParameter, sentence))
        }
    }
}

/// A SID that must be there; `what` is what it must be the SID of.
pub(super) fn required_sid<T: FromStr>(form: &Form, name: &str, what: &str) -> Result<T, Fault> {
    let text = rules::required(form, name, Code::InvalidParameter)?;
    text.parse().map_err(|_| not_one(name, what))
}

/// A SID to set, or, given empty, to clear.
pub(super) fn sid<T: FromStr>(form: &Form, name: &str, what: &str) -> Result<Option<Option<T>>, Fault> {
    match form.value(name) {
        None => Ok(None),
        Some("") => Ok(Some(None)),
        Some(text) => text.parse().map(|sid| Some(Some(sid))).map_err(|_| not_one(name, what)),
    }
}

/// The parameter does not name what it should.
pub(super) fn not_one(name: &str, what: &str) -> Fault {
    Fault::because(Code::InvalidParameter, format!("{name} must be the SID of {what} of this account"))
}

/// A `sip:` URI, when it is given; `sips:` is not one (contract, rest.md 2).
pub(super) fn target(form: &Form) -> Result<Option<String>, Fault> {
    let Some(text) = form.value("Target") else { return Ok(None) };
    let fits = text.len() <= TARGET_LENGTH_MAX
        && text.is_ascii()
        && !text.bytes().any(|byte| byte.is_ascii_control())
        && UriRef::parse(text).is_ok_and(|uri| uri.scheme == Scheme::Sip && !uri.host.is_empty());
    match fits {
        true => Ok(Some(text.to_owned())),
        false => Err(Fault::because(Code::InvalidParameter, "Target must be a sip: URI")),
    }
}
