//! `name=value, name="value"`: the parameters of challenges and credentials (RFC 7235 2.1).

use std::borrow::Cow;

use crate::message::{is_token, unquoted};

/// More parameters than this no challenge and no answer has.
const PARAMETERS_MAX: usize = 32;

/// The parameters behind the word `Digest`: `None` when the scheme is another one.
pub(super) fn of_digest(text: &str) -> Option<&str> {
    let (scheme, rest) = text.trim().split_once([' ', '\t'])?;
    scheme.eq_ignore_ascii_case("Digest").then_some(rest)
}

/// Calls `take` with each name, its value unquoted, and the value as written; `None` when the text is not a
/// list of parameters, or `take` says so.
pub(super) fn each<'a>(
    mut text: &'a str,
    mut take: impl FnMut(&'a str, Cow<'a, str>) -> Option<()>,
) -> Option<()> {
    for _ in 0..PARAMETERS_MAX {
        text = text.trim_start_matches([' ', '\t', ',']);
        if text.is_empty() {
            return Some(());
        }
        let (name, rest) = text.split_once('=')?;
        let (name, rest) = (name.trim_end(), rest.trim_start());
        let length = value_length(rest)?;
        let (value, after) = rest.split_at_checked(length)?;
        let after = after.trim_start();
        if !is_token(name) || !(after.is_empty() || after.starts_with(',')) {
            return None;
        }
        take(name, unquoted(value.trim_end()))?;
        text = after;
    }
    None
}

/// A quoted string whole, or everything up to the next comma; `None` when a quote is not closed.
fn value_length(text: &str) -> Option<usize> {
    let Some(inner) = text.strip_prefix('"') else {
        return Some(text.find(',').unwrap_or(text.len()));
    };
    let mut escaped = false;
    let end = inner.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })?;
    Some(end + 2)
}
