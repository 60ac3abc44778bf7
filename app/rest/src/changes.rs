//! What a form changes of a resource: read and checked as a whole, then applied inside the transaction.

use std::str::FromStr;

use crate::error::{Code, Fault};
use crate::form::Form;

type Change<F> = Box<dyn Fn(&mut F) + Send>;

/// Changes of the fields `F`, in the order in which they were read.
pub(crate) struct Changes<F>(Vec<Change<F>>);

impl<F> Default for Changes<F> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<F: 'static> Changes<F> {
    /// Sets what the form gave; what it did not give stays.
    pub(crate) fn set<T: Clone + Send + 'static>(&mut self, value: Option<T>, set: fn(&mut F, T)) {
        if let Some(value) = value {
            self.0.push(Box::new(move |fields| set(fields, value.clone())));
        }
    }

    /// Makes the changes.
    pub(crate) fn apply(&self, fields: &mut F) {
        for change in &self.0 {
            change(fields);
        }
    }
}

/// A SID to clear (`Some(None)`, when it is given empty) or to set.
pub(crate) fn sid<T: FromStr>(
    form: &Form,
    name: &str,
    code: Code,
    kind: &str,
) -> Result<Option<Option<T>>, Fault> {
    match form.value(name) {
        None => Ok(None),
        Some("") => Ok(Some(None)),
        Some(text) => match text.parse() {
            Ok(sid) => Ok(Some(Some(sid))),
            Err(_) => Err(Fault::because(code, format!("{name} must be the SID of {kind}"))),
        },
    }
}

/// `ApiVersion`: one of the two there have been.
pub(crate) fn api_version(form: &Form) -> Result<Option<String>, Fault> {
    match form.text("ApiVersion") {
        None => Ok(None),
        Some(version @ ("2010-04-01" | "2008-08-01")) => Ok(Some(version.to_owned())),
        Some(_) => Err(Fault::because(Code::InvalidParameter, "ApiVersion must be 2010-04-01 or 2008-08-01")),
    }
}

/// A phone number as people write it, in E.164: North American ones need no country code.
pub(crate) fn phone_number(form: &Form, code: Code) -> Result<String, Fault> {
    let written = crate::rules::required(form, "PhoneNumber", code)?;
    let plain: String =
        written.chars().filter(|letter| !matches!(letter, ' ' | '-' | '.' | '(' | ')')).collect();
    let number = match plain.len() {
        _ if plain.starts_with('+') => plain,
        10 => format!("+1{plain}"),
        _ => format!("+{plain}"),
    };
    match ringway_model::phone::e164(&number) {
        Some(number) => Ok(number.to_owned()),
        None => Err(Fault::because(code, "PhoneNumber must be a phone number as +15105551234")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        let read = |text: &str| {
            let form = Form::parse(format!("PhoneNumber={text}").as_bytes(), "The body").unwrap();
            phone_number(&form, Code::NumberInvalid).map_err(|fault| fault.code)
        };
        for text in ["%2B15105551212", "+15105551212", "15105551212", "(510)+555-1212", "510.555.1212"] {
            assert_eq!(read(text).unwrap(), "+15105551212", "{text}");
        }
        assert_eq!(read("%2B442071838750").unwrap(), "+442071838750");
        for bad in ["", "911", "sip:a@b", "%2B0123456789", "%2B1234567890123456"] {
            assert_eq!(read(bad), Err(Code::NumberInvalid), "{bad}");
        }
    }
}
