//! Filters of lists: which rows by their dates (contract, rest.md 0.1, 2 "Calls").
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use ringway_model::UnixTime;
use ringway_store::TimeRange;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, PrimitiveDateTime, Time};

use crate::error::{Code, Fault};
use crate::form::Form;

const SECONDS_A_DAY: i64 = 86_400;
const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const TIME: &[BorrowedFormatItem<'_>] = format_description!("[hour]:[minute]:[second]");

/// The parameters among `names` that the query gives, for the URIs of the pages.
pub(crate) fn given<'a>(query: &'a Form, names: &[&str]) -> Vec<(&'a str, &'a str)> {
    query.pairs().filter(|(name, value)| names.contains(name) && !value.is_empty()).collect()
}

/// The range that `NAME`, `NAME<` and `NAME>` ask for together; the operator is part of the name.
/// A date is the whole day in UTC, `<` is before it, `>` is on it or after.
pub(crate) fn time_range(query: &Form, name: &str) -> Result<TimeRange, Fault> {
    let mut range = TimeRange::default();
    if let Some(day) = instant(query, name)? {
        let midnight = day.as_secs().div_euclid(SECONDS_A_DAY) * SECONDS_A_DAY;
        range.from = Some(UnixTime::from_secs(midnight));
        range.until = Some(UnixTime::from_secs(midnight + SECONDS_A_DAY));
    }
    if let Some(time) = instant(query, &format!("{name}<"))? {
        range.until = Some(range.until.map_or(time, |until| until.min(time)));
    }
    if let Some(time) = instant(query, &format!("{name}>"))? {
        range.from = Some(range.from.map_or(time, |from| from.max(time)));
    }
    Ok(range)
}

fn instant(query: &Form, name: &str) -> Result<Option<UnixTime>, Fault> {
    let Some(text) = query.text(name) else { return Ok(None) };
    let sentence = || format!("{name} must be a date as YYYY-MM-DD or a time as YYYY-MM-DDThh:mm:ssZ");
    parse(text).map(Some).ok_or_else(|| Fault::because(Code::InvalidParameter, sentence()))
}

/// `YYYY-MM-DD`, alone or followed by `T` or a space and `hh:mm:ss`, with a fraction and a `Z` or none.
fn parse(text: &str) -> Option<UnixTime> {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?),
        None => (text, "00:00:00"),
    };
    let time = time.strip_suffix(['Z', 'z']).or_else(|| time.strip_suffix("+00:00")).unwrap_or(time);
    let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let plain = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let (date, time) = (Date::parse(date, DATE).ok()?, Time::parse(whole, TIME).ok()?);
    plain.then(|| UnixTime::from_secs(PrimitiveDateTime::new(date, time).assume_utc().unix_timestamp()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn range(query: &str) -> Result<(Option<String>, Option<String>), Fault> {
        let form = Form::parse(query.as_bytes(), "The query").unwrap();
        let range = time_range(&form, "StartTime")?;
        Ok((range.from.map(UnixTime::iso8601), range.until.map(UnixTime::iso8601)))
    }

    fn bounds(from: &str, until: &str) -> (Option<String>, Option<String>) {
        let bound = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        (bound(from), bound(until))
    }

    #[test]
    fn a_date_is_its_whole_day() {
        let day = bounds("2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z");
        assert_eq!(range("StartTime=2024-02-29").unwrap(), day);
        assert_eq!(range("StartTime=2024-02-29T22:05:25Z").unwrap(), day);
        assert_eq!(range("").unwrap(), bounds("", ""));
    }

    #[test]
    fn operators_are_part_of_the_name_and_may_come_together() {
        assert_eq!(range("StartTime%3E=2020-01-01").unwrap(), bounds("2020-01-01T00:00:00Z", ""));
        assert_eq!(range("StartTime<=2020-01-01").unwrap(), bounds("", "2020-01-01T00:00:00Z"));
        let both = "StartTime>=2019-06-11T22:05:25Z&StartTime<=2019-06-11+23:00:00.000";
        assert_eq!(range(both).unwrap(), bounds("2019-06-11T22:05:25Z", "2019-06-11T23:00:00Z"));
    }

    #[test]
    fn nonsense_is_refused_and_named() {
        for bad in
            ["2020-13-01", "2023-02-29", "2020-1-1", "yesterday", "2020-01-01T25:00:00Z", "2020-01-01T", "é"]
        {
            let fault = range(&format!("StartTime>={bad}")).unwrap_err();
            assert!(fault.message("").contains("StartTime>"), "{bad}");
        }
    }
}
