//! Dates and times that lists are narrowed by (contract, rest.md 0.1, 2 "Calls").

use ringway_model::UnixTime;
use ringway_store::TimeRange;
use serde_json::{Value as Json, json};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime, PrimitiveDateTime, Time};

use super::Rule;
use crate::error::{Code, Fault};
use crate::form::Form;

const SECONDS_A_DAY: i64 = 86_400;
const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const TIME: &[BorrowedFormatItem<'_>] = format_description!("[hour]:[minute]:[second]");

/// A date as `YYYY-MM-DD`, alone or followed by `T` or a space and `hh:mm:ss`, with a fraction and a `Z` or none.
pub(crate) fn instant() -> Instant {
    Instant
}

pub(crate) struct Instant;

impl Rule for Instant {
    type Value = Option<UnixTime>;

    fn read(&self, form: &Form, name: &str) -> Result<Self::Value, Fault> {
        let Some(text) = form.text(name) else { return Ok(None) };
        let sentence = || format!("{name} must be a date as YYYY-MM-DD or a time as YYYY-MM-DDThh:mm:ssZ");
        parse(text).map(Some).ok_or_else(|| Fault::because(Code::InvalidParameter, sentence()))
    }

    fn schema(&self) -> Json {
        json!({"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}],
               "pattern": "^[0-9]{4}-[01][0-9]-[0-3][0-9]([Tt ][0-2][0-9]:[0-5][0-9]:[0-5][0-9]([.][0-9]+)?([Zz]|[+]00:00)?)?$",
               "examples": ["2024-02-29", "2024-02-29T22:05:25Z"]})
    }
}

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

/// The range that `NAME`, `NAME<` and `NAME>` ask for together; the operator is part of the name.
/// A date is the whole day in UTC, `<` is before it, `>` is on it or after.
pub(crate) fn range(on: Option<UnixTime>, before: Option<UnixTime>, after: Option<UnixTime>) -> TimeRange {
    let mut range = TimeRange::default();
    if let Some(day) = on {
        let midnight = day.as_secs().div_euclid(SECONDS_A_DAY) * SECONDS_A_DAY;
        range.from = Some(UnixTime::from_secs(midnight));
        range.until = Some(UnixTime::from_secs(midnight + SECONDS_A_DAY));
    }
    if let Some(time) = before {
        range.until = Some(range.until.map_or(time, |until| until.min(time)));
    }
    if let Some(time) = after {
        range.from = Some(range.from.map_or(time, |from| from.max(time)));
    }
    range
}

/// A date, or so many days from today, as `-30days`.
pub(crate) fn day() -> Day {
    Day
}

pub(crate) struct Day;

impl Rule for Day {
    type Value = Option<Date>;

    fn read(&self, form: &Form, name: &str) -> Result<Self::Value, Fault> {
        let Some(text) = form.text(name) else { return Ok(None) };
        let sentence = || format!("{name} must be a date as YYYY-MM-DD, or days from today as -30days");
        let day = day_from(text, OffsetDateTime::now_utc().date());
        day.map(Some).ok_or_else(|| Fault::because(Code::InvalidParameter, sentence()))
    }

    fn schema(&self) -> Json {
        json!({"type": "string", "pattern": "^([0-9]{4}-[01][0-9]-[0-3][0-9]|[+-]?[0-9]{1,4}days?)$",
               "examples": ["2024-02-29", "-30days"]})
    }
}

fn day_from(text: &str, today: Date) -> Option<Date> {
    // A plus that was not escaped comes as a space.
    let offset = text.strip_suffix("days").or_else(|| text.strip_suffix("day"));
    match offset.and_then(|days| days.trim_start().trim_start_matches('+').parse::<i32>().ok()) {
        Some(days) => today.checked_add(Duration::days(days.into())),
        None => Date::parse(text, DATE).ok(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use time::macros::date;

    use super::super::tests::read;
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for (text, expected) in [
            ("2024-02-29", "2024-02-29T00:00:00Z"),
            ("2019-06-11T22:05:25Z", "2019-06-11T22:05:25Z"),
            ("2019-06-11 23:00:00.000", "2019-06-11T23:00:00Z"),
            ("2019-06-11t23:00:00+00:00", "2019-06-11T23:00:00Z"),
        ] {
            assert_eq!(read(instant(), text).unwrap().unwrap().iso8601(), expected);
        }
        for bad in
            ["2020-13-01", "2023-02-29", "2020-1-1", "yesterday", "2020-01-01T25:00:00Z", "2020-01-01T", "é"]
        {
            assert_eq!(read(instant(), bad), Err(Code::InvalidParameter), "{bad}");
        }
    }

    #[test]
    fn a_date_is_its_whole_day_and_operators_may_come_together() {
        let time = |text| Some(parse(text).unwrap());
        let written =
            |range: TimeRange| (range.from.map(UnixTime::iso8601), range.until.map(UnixTime::iso8601));
        let day = (Some("2024-02-29T00:00:00Z".to_owned()), Some("2024-03-01T00:00:00Z".to_owned()));
        assert_eq!(written(range(time("2024-02-29"), None, None)), day);
        assert_eq!(written(range(time("2024-02-29T22:05:25Z"), None, None)), day);
        assert_eq!(written(range(None, time("2024-03-01"), time("2024-02-29"))), day);
        assert_eq!(written(range(None, None, None)), (None, None));
    }

    #[test]
    fn days_may_count_from_today() {
        let today = date!(2024 - 03 - 05);
        assert_eq!(day_from("2024-02-29", today), Some(date!(2024 - 02 - 29)));
        assert_eq!(day_from("-5days", today), Some(date!(2024 - 02 - 29)));
        assert_eq!(day_from("+1days", today), Some(date!(2024 - 03 - 06)));
        for bad in ["2024-02-30", "yesterday", "days", "-5weeks"] {
            assert_eq!(day_from(bad, today), None, "{bad}");
        }
    }
}
