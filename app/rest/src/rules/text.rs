//! Texts.

use std::ops::RangeInclusive;

use serde_json::{Value as Json, json};

use super::Rule;
use crate::error::{Code, Fault};
use crate::form::Form;

/// A text whose length in characters is in the range.
pub(crate) fn text(length: RangeInclusive<usize>, code: Code) -> Text {
    Text { length, code }
}

pub(crate) struct Text {
    length: RangeInclusive<usize>,
    code: Code,
}

impl Rule for Text {
    type Value = Option<String>;

    fn read(&self, form: &Form, name: &str) -> Result<Self::Value, Fault> {
        let Some(text) = form.value(name) else { return Ok(None) };
        let (least, most) = (*self.length.start(), *self.length.end());
        match text.chars().count() {
            length if self.length.contains(&length) => Ok(Some(text.to_owned())),
            length if length > most => {
                Err(Fault::because(self.code, format!("{name} must have at most {most} characters")))
            }
            0 => Err(Fault::because(self.code, format!("{name} must not be empty"))),
            _ => Err(Fault::because(self.code, format!("{name} must have at least {least} characters"))),
        }
    }

    fn schema(&self) -> Json {
        json!({"type": "string", "minLength": self.length.start(), "maxLength": self.length.end()})
    }
}

/// Whatever was given, unless it is empty: what lists are narrowed by.
pub(crate) fn any_text() -> AnyText {
    AnyText
}

pub(crate) struct AnyText;

impl Rule for AnyText {
    type Value = Option<String>;

    fn read(&self, form: &Form, name: &str) -> Result<Self::Value, Fault> {
        Ok(form.text(name).map(str::to_owned))
    }

    fn schema(&self) -> Json {
        json!({"type": "string"})
    }
}

/// A text of nothing but the characters that `is_good` knows, when it is not empty; `what` they are goes into
/// the sentence, `class` into the document as a class of a regular expression.
pub(crate) fn pattern(
    is_good: fn(char) -> bool,
    class: &'static str,
    what: &'static str,
    code: Code,
) -> Pattern {
    Pattern { is_good, class, what, code }
}

pub(crate) struct Pattern {
    is_good: fn(char) -> bool,
    class: &'static str,
    what: &'static str,
    code: Code,
}

impl Rule for Pattern {
    type Value = Option<String>;

    fn read(&self, form: &Form, name: &str) -> Result<Self::Value, Fault> {
        match form.text(name) {
            Some(text) if !text.chars().all(self.is_good) => {
                Err(Fault::because(self.code, format!("{name} must be {}", self.what)))
            }
            text => Ok(text.map(str::to_owned)),
        }
    }

    fn schema(&self) -> Json {
        json!({"type": "string", "pattern": format!("^{}*$", self.class)})
    }
}

/// What nothing here would honour: saying so is better than taking it and doing nothing.
pub(crate) fn not_built(why: &'static str) -> NotBuilt {
    NotBuilt { why }
}

pub(crate) struct NotBuilt {
    why: &'static str,
}

impl Rule for NotBuilt {
    type Value = ();

    fn read(&self, form: &Form, name: &str) -> Result<(), Fault> {
        match form.text(name) {
            None => Ok(()),
            Some(_) => Err(Fault::because(Code::InvalidParameter, format!("{name} {}", self.why))),
        }
    }

    fn schema(&self) -> Json {
        json!({"type": "string", "maxLength": 0})
    }
}

/// The same of a switch, which may be off.
pub(crate) fn not_built_switch(why: &'static str) -> NotBuiltSwitch {
    NotBuiltSwitch { why }
}

pub(crate) struct NotBuiltSwitch {
    why: &'static str,
}

impl Rule for NotBuiltSwitch {
    type Value = ();

    fn read(&self, form: &Form, name: &str) -> Result<(), Fault> {
        match super::boolean(Code::InvalidParameter).read(form, name)? {
            Some(true) => Err(Fault::because(Code::InvalidParameter, format!("{name} {}", self.why))),
            Some(false) | None => Ok(()),
        }
    }

    fn schema(&self) -> Json {
        json!({"type": "boolean", "const": false})
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::tests::read;
    use super::*;

    #[test]
    fn lengths_are_counted_in_characters() {
        let code = Code::InvalidFriendlyName;
        assert_eq!(read(text(0..=2, code), "éé").unwrap().as_deref(), Some("éé"));
        assert_eq!(read(text(0..=2, code), "").unwrap().as_deref(), Some(""));
        assert_eq!(read(text(0..=2, code), "abc"), Err(code));
        assert_eq!(read(text(1..=2, code), ""), Err(code));
    }

    #[test]
    fn what_is_not_built_may_be_empty_and_nothing_else() {
        assert_eq!(read(not_built("cannot be changed"), ""), Ok(()));
        assert_eq!(read(not_built("cannot be changed"), "1"), Err(Code::InvalidParameter));
    }
}
