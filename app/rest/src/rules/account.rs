//! What belongs to numbers and applications.

use ringway_model::phone;
use serde_json::{Value as Json, json};

use super::{Choice, Rule, choice};
use crate::error::{Code, Fault};
use crate::form::Form;

/// One of the two versions there have been.
pub(crate) fn api_version() -> Choice<&'static str> {
    choice(&[("2010-04-01", "2010-04-01"), ("2008-08-01", "2008-08-01")], Code::InvalidParameter)
}

/// A phone number as people write it, read as E.164: North American ones need no country code.
pub(crate) fn phone_number(code: Code) -> PhoneNumber {
    PhoneNumber { code }
}

pub(crate) struct PhoneNumber {
    code: Code,
}

impl Rule for PhoneNumber {
    type Value = Option<String>;

    fn read(&self, form: &Form, name: &str) -> Result<Self::Value, Fault> {
        let Some(written) = form.text(name) else { return Ok(None) };
        let plain: String =
            written.chars().filter(|letter| !matches!(letter, ' ' | '-' | '.' | '(' | ')')).collect();
        let number = match plain.len() {
            _ if plain.starts_with('+') => plain,
            10 => format!("+1{plain}"),
            _ => format!("+{plain}"),
        };
        match phone::e164(&number) {
            Some(number) => Ok(Some(number.to_owned())),
            None => {
                let sentence = format!("{name} must be a phone number as +15105551234");
                Err(Fault::because(self.code, sentence))
            }
        }
    }

    fn schema(&self) -> Json {
        json!({"type": "string", "pattern": "^[+]?[0-9 .()-]{3,32}$", "examples": ["+15105551234"]})
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::tests::read;
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        let rule = || phone_number(Code::NumberInvalid);
        for text in ["+15105551212", " 15105551212", "15105551212", "(510) 555-1212", "510.555.1212"] {
            assert_eq!(read(rule(), text).unwrap().as_deref(), Some("+15105551212"), "{text}");
        }
        assert_eq!(read(rule(), "+442071838750").unwrap().as_deref(), Some("+442071838750"));
        for bad in ["911", "sip:a@b", "+0123456789", "+1234567890123456"] {
            assert_eq!(read(rule(), bad), Err(Code::NumberInvalid), "{bad}");
        }
    }
}
