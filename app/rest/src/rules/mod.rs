//! What the values of parameters must look like. A rule reads a value, explains in a sentence what is wrong with
//! it, and says the same as a schema in the OpenAPI document.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod account;
mod choice;
mod moment;
mod number;
pub(crate) mod sid;
mod sip;
mod text;
mod web;

pub(crate) use account::{api_version, phone_number};
pub(crate) use choice::{Choice, boolean, choice, flag};
pub(crate) use moment::{day, instant, range};
pub(crate) use number::{number, paging_number};
pub(crate) use sid::{Sid, clearable_sid, sid};
pub(crate) use sip::{
    cidr_prefix_length, dialled_digits, domain_name, ip_address, listed_address, listed_prefix_length,
    password, target, username,
};
pub(crate) use text::{any_text, not_built, not_built_switch, pattern, text};
pub(crate) use web::{fallback, method, url};

use serde_json::Value as Json;

use crate::error::{Code, Fault};
use crate::form::Form;

/// What a parameter may be.
pub(crate) trait Rule {
    /// What it is read as.
    type Value;

    /// Reads the parameter `name`.
    fn read(&self, form: &Form, name: &str) -> Result<Self::Value, Fault>;

    /// The JSON schema of the values that are good.
    fn schema(&self) -> Json;

    /// Whether it must be given.
    fn is_required(&self) -> bool {
        false
    }
}

/// A parameter that must be there; `code` is what its absence is answered with.
pub(crate) fn required<R>(rule: R, code: Code) -> Required<R> {
    Required { rule, code }
}

pub(crate) struct Required<R> {
    rule: R,
    code: Code,
}

impl<T, R: Rule<Value = Option<T>>> Rule for Required<R> {
    type Value = T;

    fn read(&self, form: &Form, name: &str) -> Result<T, Fault> {
        let missing = || Fault::because(self.code, format!("{name} is required"));
        form.text(name).ok_or_else(missing)?;
        self.rule.read(form, name)?.ok_or_else(missing)
    }

    fn schema(&self) -> Json {
        self.rule.schema()
    }

    fn is_required(&self) -> bool {
        true
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use super::*;

    /// What a rule makes of one value, or the code that it refuses it with. The sentence names the parameter.
    pub(crate) fn read<R: Rule>(rule: R, value: &str) -> Result<R::Value, Code> {
        let encoded =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("Name", value).finish();
        let form = Form::parse(encoded.as_bytes(), "the body").unwrap();
        rule.read(&form, "Name").map_err(|fault| {
            assert!(fault.message("").contains("Name"), "{value}");
            fault.code
        })
    }

    #[test]
    fn what_is_required_must_be_there_and_not_empty() {
        let rule = || required(text(0..=5, Code::ListValidation), Code::DomainValidation);
        assert_eq!(read(rule(), "a").unwrap(), "a");
        assert_eq!(read(rule(), ""), Err(Code::DomainValidation));
        assert_eq!(read(rule(), "too long"), Err(Code::ListValidation));
        let missing = rule().read(&Form::default(), "FriendlyName").unwrap_err();
        assert_eq!(missing.message(""), "Domain Validation Error: FriendlyName is required");
    }
}
