//! Numbers.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde_json::{Value as Json, json};

use super::Rule;
use crate::error::{Code, Fault};
use crate::form::Form;

/// A number in a range; given empty, not given.
pub(crate) fn number<T>(range: RangeInclusive<T>, code: Code) -> Number<T> {
    Number { range, code }
}

pub(crate) struct Number<T> {
    range: RangeInclusive<T>,
    code: Code,
}

impl<T: FromStr + PartialOrd + Display + Copy + Into<i64>> Rule for Number<T> {
    type Value = Option<T>;

    fn read(&self, form: &Form, name: &str) -> Result<Option<T>, Fault> {
        let Some(text) = form.text(name) else { return Ok(None) };
        match text.parse() {
            Ok(number) if self.range.contains(&number) => Ok(Some(number)),
            _ => {
                let (least, most) = (self.range.start(), self.range.end());
                let sentence = format!("{name} must be a number from {least} to {most}");
                Err(Fault::because(self.code, sentence))
            }
        }
    }

    fn schema(&self) -> Json {
        let (least, most): (i64, i64) = ((*self.range.start()).into(), (*self.range.end()).into());
        json!({"type": "integer", "minimum": least, "maximum": most})
    }
}

/// A number of a page, which has a code of its own for being too large.
pub(crate) fn paging_number(range: RangeInclusive<u32>, too_large: Code) -> PagingNumber {
    PagingNumber { range, too_large }
}

pub(crate) struct PagingNumber {
    range: RangeInclusive<u32>,
    too_large: Code,
}

impl Rule for PagingNumber {
    type Value = Option<u32>;

    fn read(&self, form: &Form, name: &str) -> Result<Option<u32>, Fault> {
        let Some(text) = form.text(name) else { return Ok(None) };
        let (least, most) = (*self.range.start(), *self.range.end());
        let number: u64 = text.parse().map_err(|_| {
            let sentence = format!("{name} must be a number that is not negative");
            Fault::because(Code::InvalidParameter, sentence)
        })?;
        match u32::try_from(number) {
            Ok(number) if number < least => {
                Err(Fault::because(Code::InvalidParameter, format!("{name} must be at least {least}")))
            }
            Ok(number) if number <= most => Ok(Some(number)),
            _ => Err(Fault::because(self.too_large, format!("{name} must be at most {most}"))),
        }
    }

    fn schema(&self) -> Json {
        json!({"type": "integer", "minimum": self.range.start(), "maximum": self.range.end()})
    }
}
