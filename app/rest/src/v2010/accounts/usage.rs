//! `/2010-04-01/Accounts/{AC}/Usage/Records` and its lists (contract, rest.md 2): how many calls, and how long,
//! in all and by day, month and year. Nothing has a price here.

use ringway_model::UnixTime;
use ringway_store::{Page, PageQuery, UsageDay};
use time::format_description::BorrowedFormatItem;
use time::macros::{date, format_description};
use time::{Date, Duration, OffsetDateTime};

use super::API_VERSION;
use crate::error::{Code, Fault};
use crate::filter;
use crate::form::Form;
use crate::reply::Reply;
use crate::representation::{Field, Shape, Value, text};
use crate::request::{Place, Request, Verb};
use crate::rules;

const EPOCH: Date = date!(1970 - 01 - 01);
const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const FILTERS: &[&str] = &["Category", "StartDate", "EndDate", "IncludeSubaccounts"];
/// A range may end in the future, but not so far that its days cannot be listed.
const FUTURE_DAYS_MAX: i64 = 366;

const SHAPE: Shape = Shape {
    key: "usage_records",
    element: "UsageRecord",
    elements: "UsageRecords",
    xml_first: &["category"],
};

/// What usage is of; each is a list of calls.
struct Category {
    name: &'static str,
    description: &'static str,
    counts: fn(&UsageDay) -> bool,
}

const CATEGORIES: [Category; 4] = [
    Category { name: "calls", description: "Voice Minutes", counts: |_| true },
    Category { name: "calls-inbound", description: "Inbound Voice Minutes", counts: |day| day.inbound },
    Category { name: "calls-sip", description: "SIP Minutes", counts: |day| day.sip },
    Category {
        name: "calls-sip-inbound",
        description: "SIP Inbound Minutes",
        counts: |day| day.sip && day.inbound,
    },
];

/// The lists below `Usage/Records`, with the keys of their links.
const LISTS: [(&str, &str, Span); 8] = [
    ("all_time", "AllTime", Span::AllTime),
    ("daily", "Daily", Span::Each(next_day)),
    ("last_month", "LastMonth", Span::LastMonth),
    ("monthly", "Monthly", Span::Each(next_month)),
    ("this_month", "ThisMonth", Span::ThisMonth),
    ("today", "Today", Span::Day(0)),
    ("yearly", "Yearly", Span::Each(next_year)),
    ("yesterday", "Yesterday", Span::Day(1)),
];

/// Of which time a list tells.
#[derive(Debug, Clone, Copy)]
enum Span {
    /// The dates that were asked for, as one.
    Asked,
    /// The dates that were asked for, in pieces; the function gives the day on which the next one begins.
    Each(fn(Date) -> Date),
    AllTime,
    ThisMonth,
    LastMonth,
    /// So many days ago.
    Day(i64),
}

pub(super) fn dispatch<C>(request: &Request<C>, path: &[&str]) -> Result<Reply, Fault> {
    let (name, span) = match path {
        [] => ("", Span::Asked),
        [name] => {
            let found = LISTS.into_iter().find(|(_, list, _)| list == name);
            found.map(|(_, name, span)| (name, span)).ok_or_else(Fault::not_found)?
        }
        _ => return Err(Fault::not_found()),
    };
    match request.verb {
        Verb::Get => list(request, name, span),
        _ => Err(Fault::wrong_verb("GET")),
    }
}

/// One category in one stretch of time, both days included.
struct Record {
    category: &'static Category,
    first: Date,
    last: Date,
}

fn list<C>(request: &Request<C>, name: &str, span: Span) -> Result<Reply, Fault> {
    let query = request.page()?;
    let asked = &request.query;
    let today = OffsetDateTime::now_utc();
    let asked_dates = (day(asked, "StartDate", today.date())?, day(asked, "EndDate", today.date())?);
    let with_subaccounts = match asked.text("IncludeSubaccounts") {
        Some(_) => rules::boolean(asked, "IncludeSubaccounts", Code::InvalidParameter)?,
        None => None,
    };
    let born = date_of(request.account.created);
    let periods = periods(span, asked_dates, today.date(), |last| {
        let used = usage(request, with_subaccounts, EPOCH, last)?;
        Ok(used.first().map_or(born, |day| born.min(EPOCH.saturating_add(Duration::days(day.day)))))
    })?;
    let records = page_of(&periods, asked.text("Category"), &query);
    let used = match (records.rows.iter().map(|r| r.first).min(), records.rows.iter().map(|r| r.last).max()) {
        (Some(first), Some(last)) => usage(request, with_subaccounts, first, last)?,
        _ => Vec::new(),
    };
    let path = match name {
        "" => "/Usage/Records".to_owned(),
        _ => format!("/Usage/Records/{name}"),
    };
    let as_of = UnixTime::from_secs(today.unix_timestamp()).iso8601().replace('Z', "+00:00");
    let describe = |record: &Record| {
        let mut fields = describe(record, &used, &path, &request.place);
        fields.insert(0, ("account_sid", text(request.account.sid)));
        fields.insert(2, ("as_of", as_of.clone().into()));
        fields
    };
    let row_name = |record: &Record| format!("{}{}", record.category.name, written(record.first));
    let given = filter::given(asked, FILTERS);
    Ok(request.place.page_of_named(&SHAPE, &path, (&query, &given), &records, (row_name, describe)))
}

fn usage<C>(
    request: &Request<C>,
    with_subaccounts: Option<bool>,
    first: Date,
    last: Date,
) -> Result<Vec<UsageDay>, Fault> {
    let number = |date: Date| (date - EPOCH).whole_days();
    let with_subaccounts = with_subaccounts.unwrap_or(true);
    Ok(request.store().usage(&request.account.sid, with_subaccounts, number(first), number(last))?)
}

/// The stretches of time of a list, newest first. `beginning` tells when usage began.
fn periods(
    span: Span,
    (start, end): (Option<Date>, Option<Date>),
    today: Date,
    beginning: impl FnOnce(Date) -> Result<Date, Fault>,
) -> Result<Vec<(Date, Date)>, Fault> {
    let end = end.unwrap_or(today).min(today.saturating_add(Duration::days(FUTURE_DAYS_MAX)));
    let month = today.replace_day(1).unwrap_or(today);
    let one = |first: Date, last: Date| if first <= last { vec![(first, last)] } else { Vec::new() };
    Ok(match span {
        Span::Day(ago) => {
            let day = today.saturating_sub(Duration::days(ago));
            one(day, day)
        }
        Span::ThisMonth => one(month, today),
        Span::LastMonth => {
            let last = month.saturating_sub(Duration::days(1));
            one(last.replace_day(1).unwrap_or(last), last)
        }
        Span::AllTime => one(beginning(today)?, today),
        Span::Asked => match start {
            Some(start) => one(start, end),
            None => one(beginning(end)?, end),
        },
        Span::Each(next) => {
            let began = beginning(end)?;
            pieces(start.map_or(began, |start| start.max(began)), end, next)
        }
    })
}

/// Whole days, months or years, cut off where the range begins and ends; newest first.
fn pieces(first: Date, last: Date, next: fn(Date) -> Date) -> Vec<(Date, Date)> {
    let mut pieces = Vec::new();
    let mut begin = first;
    while begin <= last {
        let following = next(begin);
        pieces.push((begin, following.saturating_sub(Duration::days(1)).min(last)));
        if following <= begin {
            break;
        }
        begin = following;
    }
    pieces.reverse();
    pieces
}

fn next_day(date: Date) -> Date {
    date.saturating_add(Duration::days(1))
}

fn next_month(date: Date) -> Date {
    let days = i64::from(date.month().length(date.year()));
    date.replace_day(1).unwrap_or(date).saturating_add(Duration::days(days))
}

fn next_year(date: Date) -> Date {
    Date::from_ordinal_date(date.year() + 1, 1).unwrap_or(Date::MAX)
}

fn page_of(periods: &[(Date, Date)], category: Option<&str>, query: &PageQuery) -> Page<Record> {
    let wanted = |found: &&'static Category| category.is_none_or(|category| found.name == category);
    let (page, size) = (query.page as usize, query.size as usize);
    let all = periods.iter().flat_map(|&(first, last)| {
        CATEGORIES.iter().filter(wanted).map(move |category| Record { category, first, last })
    });
    let mut rows: Vec<_> = all.skip(page.saturating_mul(size)).take(size + 1).collect();
    let has_next = rows.len() > size;
    rows.truncate(size);
    Page { rows, page: query.page, size: query.size, has_next }
}

/// A date, or so many days from today, as `-30days`.
fn day(form: &Form, name: &str, today: Date) -> Result<Option<Date>, Fault> {
    let Some(asked) = form.text(name) else { return Ok(None) };
    let sentence = || format!("{name} must be a date as YYYY-MM-DD, or days from today as -30days");
    // A plus that was not escaped comes as a space.
    let offset = asked.strip_suffix("days").or_else(|| asked.strip_suffix("day"));
    let offset = offset.and_then(|days| days.trim_start().trim_start_matches('+').parse::<i32>().ok());
    let parsed = match offset {
        Some(days) => today.checked_add(Duration::days(days.into())),
        None => Date::parse(asked, DATE).ok(),
    };
    let parsed = parsed.ok_or_else(|| Fault::because(Code::InvalidParameter, sentence()))?;
    Ok(Some(parsed.max(EPOCH)))
}

fn date_of(time: UnixTime) -> Date {
    OffsetDateTime::from_unix_timestamp(time.as_secs()).map_or(EPOCH, OffsetDateTime::date)
}

fn written(date: Date) -> String {
    date.format(DATE).unwrap_or_default()
}

fn describe(record: &Record, used: &[UsageDay], path: &str, place: &Place) -> Vec<Field> {
    let inside = |day: &&UsageDay| {
        let date = EPOCH.saturating_add(Duration::days(day.day));
        record.first <= date && date <= record.last && (record.category.counts)(day)
    };
    let (calls, minutes) = used
        .iter()
        .filter(inside)
        .fold((0, 0), |(calls, minutes), day| (calls + day.calls, minutes + day.minutes));
    let (first, last) = (written(record.first), written(record.last));
    let category = record.category.name;
    let links = LISTS.map(|(key, list, _)| {
        (key, format!("{}?Category={category}", place.uri(&format!("/Usage/Records/{list}"))))
    });
    let uri = format!("{}?Category={category}&StartDate={first}&EndDate={last}", place.uri(path));
    vec![
        ("api_version", API_VERSION.into()),
        ("category", category.into()),
        ("count", text(calls)),
        ("count_unit", "calls".into()),
        ("description", record.category.description.into()),
        ("end_date", last.into()),
        ("price", Value::Integer(0)),
        ("price_unit", "usd".into()),
        ("start_date", first.into()),
        ("subresource_uris", Value::Links(links.into())),
        ("uri", uri.into()),
        ("usage", text(minutes)),
        ("usage_unit", "minutes".into()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Date = date!(2024 - 03 - 05);

    fn spans(span: Span, start: Option<Date>, end: Option<Date>) -> Vec<String> {
        let began = |_| Ok(date!(2023 - 12 - 30));
        let periods = periods(span, (start, end), TODAY, began).expect("no store is asked");
        periods.iter().map(|(first, last)| format!("{}/{}", written(*first), written(*last))).collect()
    }

    #[test]
    fn lists_are_of_the_days_they_are_named_for() {
        assert_eq!(spans(Span::Day(1), None, None), ["2024-03-04/2024-03-04"]);
        assert_eq!(spans(Span::ThisMonth, None, None), ["2024-03-01/2024-03-05"]);
        assert_eq!(spans(Span::LastMonth, None, None), ["2024-02-01/2024-02-29"]);
        assert_eq!(spans(Span::AllTime, Some(TODAY), None), ["2023-12-30/2024-03-05"]);
        assert_eq!(spans(Span::Asked, Some(TODAY), None), ["2024-03-05/2024-03-05"]);
        assert_eq!(spans(Span::Asked, Some(next_day(TODAY)), None), [""; 0]);
    }

    #[test]
    fn pieces_are_cut_off_at_the_ends_of_the_range() {
        let monthly = ["2024-02-01/2024-02-10", "2024-01-01/2024-01-31", "2023-12-30/2023-12-31"];
        assert_eq!(spans(Span::Each(next_month), None, Some(date!(2024 - 02 - 10))), monthly);
        assert_eq!(
            spans(Span::Each(next_year), None, None),
            ["2024-01-01/2024-03-05", "2023-12-30/2023-12-31"]
        );
        assert_eq!(spans(Span::Each(next_day), Some(date!(2024 - 03 - 04)), None).len(), 2);
    }

    #[test]
    fn dates_may_count_from_today() {
        let read = |text: &str| {
            let form = Form::parse(format!("StartDate={text}").as_bytes(), "The query").expect("a form");
            day(&form, "StartDate", TODAY).map_err(|fault| fault.code)
        };
        assert_eq!(read("2024-02-29"), Ok(Some(date!(2024 - 02 - 29))));
        assert_eq!(read("-5days"), Ok(Some(date!(2024 - 02 - 29))));
        assert_eq!(read("+1days"), Ok(Some(date!(2024 - 03 - 06))));
        for bad in ["2024-02-30", "yesterday", "days", "-5weeks"] {
            assert_eq!(read(bad), Err(Code::InvalidParameter), "{bad}");
        }
    }
}
