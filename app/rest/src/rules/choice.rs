//! One of a few words.

use serde_json::{Value as Json, json};

use super::Rule;
use crate::error::{Code, Fault};
use crate::form::Form;

/// `true` or `false` in any case: one client library sends `True` (contract, rest.md 0).
pub(crate) fn boolean(code: Code) -> Boolean {
    Boolean { code }
}

pub(crate) struct Boolean {
    code: Code,
}

impl Rule for Boolean {
    type Value = Option<bool>;

    fn read(&self, form: &Form, name: &str) -> Result<Self::Value, Fault> {
        match form.value(name) {
            None => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(Fault::because(self.code, format!("{name} must be true or false"))),
        }
    }

    fn schema(&self) -> Json {
        json!({"type": "boolean"})
    }
}

/// The same of a list: given empty, it narrows nothing.
pub(crate) fn flag(code: Code) -> Choice<bool> {
    choice(&[("true", true), ("false", false)], code)
}

/// One of these words in any case, each with what it stands for; given empty, nothing was chosen.
pub(crate) fn choice<T>(words: &'static [(&'static str, T)], code: Code) -> Choice<T> {
    Choice { words, code }
}

pub(crate) struct Choice<T: 'static> {
    words: &'static [(&'static str, T)],
    code: Code,
}

impl<T: Copy> Rule for Choice<T> {
    type Value = Option<T>;

    fn read(&self, form: &Form, name: &str) -> Result<Self::Value, Fault> {
        let Some(text) = form.text(name) else { return Ok(None) };
        let found = self.words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
        let words = || listed(self.words.iter().map(|(word, _)| *word));
        match found {
            Some((_, meaning)) => Ok(Some(*meaning)),
            None => Err(Fault::because(self.code, format!("{name} must be {}", words()))),
        }
    }

    fn schema(&self) -> Json {
        let words: Vec<_> = self.words.iter().map(|(word, _)| *word).collect();
        json!({"type": "string", "enum": words})
    }
}

/// `a, b or c`
pub(super) fn listed(words: impl DoubleEndedIterator<Item = &'static str>) -> String {
    let mut words = words.rev();
    let last = words.next().unwrap_or_default();
    let others: Vec<_> = words.rev().collect();
    match others.is_empty() {
        true => last.to_owned(),
        false => format!("{} or {last}", others.join(", ")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::tests::read;
    use super::*;

    #[test]
    fn booleans_come_in_any_case() {
        let code = Code::DomainValidation;
        assert_eq!(read(boolean(code), "True").unwrap(), Some(true));
        assert_eq!(read(boolean(code), "FALSE").unwrap(), Some(false));
        for bad in ["yes", "", "1"] {
            assert_eq!(read(boolean(code), bad), Err(code), "{bad}");
        }
    }

    #[test]
    fn a_word_is_chosen_and_all_are_named() {
        let rule = || choice(&[("voice", 1), ("fax", 2), ("none", 3)], Code::InvalidParameter);
        assert_eq!(read(rule(), "Fax").unwrap(), Some(2));
        assert_eq!(read(rule(), "").unwrap(), None);
        let form = Form::parse(b"Mode=telex", "the body").unwrap();
        let fault = rule().read(&form, "Mode").unwrap_err();
        assert!(fault.message("").ends_with("Mode must be voice, fax or none"), "{}", fault.message(""));
    }
}
