//! `application/x-www-form-urlencoded`, as queries and bodies carry it (contract, rest.md 0).
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fmt;

use crate::error::{Code, Fault};

/// The most pairs one form may have; the largest documented one has about thirty.
const PAIRS_MAX: usize = 1000;

/// The name and value pairs of a form, decoded, in the order they came.
#[derive(Default)]
pub(crate) struct Form {
    pairs: Vec<(String, String)>,
}

impl fmt::Debug for Form {
    /// Names only: values hold passwords and phone numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.pairs.iter().map(|(name, _)| name)).finish()
    }
}

impl Form {
    /// Decodes a form. `what` names it in the error ("The body").
    pub(crate) fn parse(bytes: &[u8], what: &str) -> Result<Self, Fault> {
        let mut pairs = Vec::new();
        for pair in bytes.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()) {
            if pairs.len() == PAIRS_MAX {
                return Err(invalid(format!("{what} has more than {PAIRS_MAX} parameters")));
            }
            let mut halves = pair.splitn(2, |&byte| byte == b'=');
            let mut half = || decode(halves.next().unwrap_or_default());
            match (half(), half()) {
                (Some(name), Some(value)) => pairs.push((name, value)),
                _ => return Err(invalid(format!("{what} is not a form of UTF-8 text"))),
            }
        }
        Ok(Self { pairs })
    }

    /// The first value of this name.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first value of this name, unless it is empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.value(name).filter(|value| !value.is_empty())
    }

    /// All pairs, in the order they came.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn invalid(sentence: String) -> Fault {
    Fault::because(Code::InvalidParameter, sentence)
}

/// Undoes `+` and `%XX`; `None` when an escape is broken or the result is not UTF-8.
fn decode(text: &[u8]) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => hex(bytes.next())? << 4 | hex(bytes.next())?,
            _ => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

fn hex(digit: Option<&u8>) -> Option<u8> {
    char::from(*digit?).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn decodes_escapes_and_keeps_repeated_names() {
        let form = Form::parse(b"To=sip%3Aa%40b&Event=a&Event=b+c&Flag&Empty=&=x&a=b=c", "The body").unwrap();
        assert_eq!(form.value("To"), Some("sip:a@b"));
        assert_eq!(form.pairs().filter(|(name, _)| *name == "Event").count(), 2);
        assert_eq!((form.value("Flag"), form.text("Empty")), (Some(""), None));
        assert_eq!(form.value("a"), Some("b=c"));
    }

    #[test]
    fn refuses_broken_escapes_other_encodings_and_floods() {
        for bytes in [&b"a=%"[..], b"a=%4", b"a=%zz", b"a=%ff", b"\xff=1"] {
            assert_eq!(Form::parse(bytes, "The body").unwrap_err().code, Code::InvalidParameter);
        }
        assert!(Form::parse("a=1&".repeat(PAIRS_MAX + 1).as_bytes(), "The body").is_err());
    }

    #[test]
    fn an_empty_form_is_a_form() {
        assert_eq!(Form::parse(b"", "The body").unwrap().pairs().count(), 0);
        assert_eq!(Form::parse(b"&&", "The body").unwrap().pairs().count(), 0);
    }
}
