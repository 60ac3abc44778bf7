//! `/2010-04-01/Accounts/{AC}/Usage/Records` and its lists (contract, rest.md 2): how many calls, and how long,
//! in all and by day, month and year. Nothing has a price here.

use ringway_engine::calls::CallControl;
use ringway_model::UnixTime;
use ringway_model::sid::AccountSid;
use ringway_store::{Page, PageQuery, UsageDay};
use time::format_description::BorrowedFormatItem;
use time::macros::{date, format_description};
use time::{Date, Duration, OffsetDateTime};

use super::API_VERSION;
use crate::error::{Code, Fault};
use crate::page::Listing;
use crate::parameters::{Sent, parameters};
use crate::reply::Listed;
use crate::representation::{Field, Kind, Property, Represent, Shape, Value, link_keys, property, text};
use crate::request::Request;
use crate::rules;
use crate::tree::{Group, Scope, Tree};

const EPOCH: Date = date!(1970 - 01 - 01);
const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
/// A range may end in the future, but not so far that its days cannot be listed.
const FUTURE_DAYS_MAX: i64 = 366;

static GROUP: Group = Group {
    name: "Usage",
    about: "How many calls there were, and how long: in all, and by day, month and year. Nothing has a price here.",
    is_administrative: false,
};

pub(super) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    let listing = |span| move |request: Request<C>, sent: Sent<Listing<Filters>>| list(request, sent, span);
    tree.at(&GROUP, Scope::BelowAccount, "/Usage/Records").get(
        "ListUsageRecord",
        "Lists the usage of the dates that are asked for, a record a category.",
        listing(Span::Asked),
    );
    for List { path, id, about, span, .. } in LISTS {
        tree.at(&GROUP, Scope::BelowAccount, path).get(id, about, listing(span));
    }
}

parameters! {
    struct Filters {
        /// Only this category: `calls`, `calls-inbound`, `calls-sip` or `calls-sip-inbound`; there are no others.
        category: Option<String> = "Category", rules::any_text();
        /// From this day on, in UTC; a date, or so many days from today.
        start_date: Option<Date> = "StartDate", rules::day();
        /// Up to this day and with it.
        end_date: Option<Date> = "EndDate", rules::day();
        /// Whether the usage of subaccounts is counted in; it is unless this is false.
        include_subaccounts: Option<bool> = "IncludeSubaccounts", rules::flag(Code::InvalidParameter);
    }
}

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

/// A list below `Usage/Records`.
#[derive(Clone, Copy)]
struct List {
    /// The key of its link.
    key: &'static str,
    path: &'static str,
    id: &'static str,
    about: &'static str,
    span: Span,
}

const LISTS: [List; 8] = [
    List {
        key: "all_time",
        path: "/Usage/Records/AllTime",
        id: "ListUsageRecordAllTime",
        about: "Lists the usage of all time, a record a category.",
        span: Span::AllTime,
    },
    List {
        key: "daily",
        path: "/Usage/Records/Daily",
        id: "ListUsageRecordDaily",
        about: "Lists the usage of each day, a record a category.",
        span: Span::Each(next_day),
    },
    List {
        key: "last_month",
        path: "/Usage/Records/LastMonth",
        id: "ListUsageRecordLastMonth",
        about: "Lists the usage of the last month, a record a category.",
        span: Span::LastMonth,
    },
    List {
        key: "monthly",
        path: "/Usage/Records/Monthly",
        id: "ListUsageRecordMonthly",
        about: "Lists the usage of each month, a record a category.",
        span: Span::Each(next_month),
    },
    List {
        key: "this_month",
        path: "/Usage/Records/ThisMonth",
        id: "ListUsageRecordThisMonth",
        about: "Lists the usage of this month, a record a category.",
        span: Span::ThisMonth,
    },
    List {
        key: "today",
        path: "/Usage/Records/Today",
        id: "ListUsageRecordToday",
        about: "Lists the usage of today, a record a category.",
        span: Span::Day(0),
    },
    List {
        key: "yearly",
        path: "/Usage/Records/Yearly",
        id: "ListUsageRecordYearly",
        about: "Lists the usage of each year, a record a category.",
        span: Span::Each(next_year),
    },
    List {
        key: "yesterday",
        path: "/Usage/Records/Yesterday",
        id: "ListUsageRecordYesterday",
        about: "Lists the usage of yesterday, a record a category.",
        span: Span::Day(1),
    },
];

/// The keys of the links to the lists, with their paths.
const fn links() -> [(&'static str, &'static str); LISTS.len()] {
    let mut links = [("", ""); LISTS.len()];
    let mut index = 0;
    while index < links.len() {
        links[index] = (LISTS[index].key, LISTS[index].path);
        index += 1;
    }
    links
}

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

/// One category in one stretch of time, both days included.
struct Record {
    category: &'static Category,
    first: Date,
    last: Date,
}

async fn list<C: CallControl>(
    request: Request<C>,
    sent: Sent<Listing<Filters>>,
    span: Span,
) -> Result<Listed<UsageRecord>, Fault> {
    let asked = sent.read()?;
    let now = OffsetDateTime::now_utc();
    let with_subaccounts = asked.filters.include_subaccounts.unwrap_or(true);
    let born = date_of(request.account.created);
    let since = |date: Option<Date>| date.map(|date| date.max(EPOCH));
    let asked_dates = (since(asked.filters.start_date), since(asked.filters.end_date));
    let periods = periods(span, asked_dates, now.date(), |last| {
        let used = usage(&request, with_subaccounts, EPOCH, last)?;
        Ok(used.first().map_or(born, |day| born.min(EPOCH.saturating_add(Duration::days(day.day)))))
    })?;
    let records = page_of(&periods, asked.filters.category.as_deref(), &asked.query);
    let used = match (records.rows.iter().map(|r| r.first).min(), records.rows.iter().map(|r| r.last).max()) {
        (Some(first), Some(last)) => usage(&request, with_subaccounts, first, last)?,
        _ => Vec::new(),
    };
    let as_of = UnixTime::from_secs(now.unix_timestamp()).iso8601().replace('Z', "+00:00");
    let account = request.account.sid;
    Ok(asked.of(records.map(|record| record.count(&used, account, &as_of))))
}

fn usage<C>(
    request: &Request<C>,
    with_subaccounts: bool,
    first: Date,
    last: Date,
) -> Result<Vec<UsageDay>, Fault> {
    let number = |date: Date| (date - EPOCH).whole_days();
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

fn date_of(time: UnixTime) -> Date {
    OffsetDateTime::from_unix_timestamp(time.as_secs()).map_or(EPOCH, OffsetDateTime::date)
}

fn written(date: Date) -> String {
    date.format(DATE).unwrap_or_default()
}

impl Record {
    fn count(self, used: &[UsageDay], account: AccountSid, as_of: &str) -> UsageRecord {
        let inside = |day: &&UsageDay| {
            let date = EPOCH.saturating_add(Duration::days(day.day));
            self.first <= date && date <= self.last && (self.category.counts)(day)
        };
        let (calls, minutes) = used
            .iter()
            .filter(inside)
            .fold((0, 0), |(calls, minutes), day| (calls + day.calls, minutes + day.minutes));
        UsageRecord { record: self, account, as_of: as_of.to_owned(), calls, minutes }
    }
}

/// A record with what it counts.
struct UsageRecord {
    record: Record,
    account: AccountSid,
    as_of: String,
    calls: u64,
    minutes: u64,
}

impl Represent for UsageRecord {
    const SHAPE: Shape = Shape {
        name: "UsageRecord",
        key: "usage_records",
        element: "UsageRecord",
        elements: "UsageRecords",
        xml_first: &["category"],
    };
    const PROPERTIES: &'static [Property<Self>] = &[
        property("account_sid", Kind::Sid("AC"), "Whose it is.", |it: &Self, _| text(it.account)),
        property("api_version", Kind::Text, "The version of the API.", |_, _| API_VERSION.into()),
        property("as_of", Kind::Text, "When it was counted.", |it: &Self, _| it.as_of.clone().into()),
        property("category", Kind::Text, "What is counted.", |it: &Self, _| it.record.category.name.into()),
        property("count", Kind::Digits, "How many calls.", |it: &Self, _| text(it.calls)),
        property("count_unit", Kind::Text, "Calls.", |_, _| "calls".into()),
        property("description", Kind::Text, "The category, in words.", |it: &Self, _| {
            it.record.category.description.into()
        }),
        property("end_date", Kind::Date, "The last day.", |it: &Self, _| written(it.record.last).into()),
        property("price", Kind::Integer, "Always 0.", |_, _| Value::Integer(0)),
        property("price_unit", Kind::Text, "The currency of the price.", |_, _| "usd".into()),
        property("start_date", Kind::Date, "The first day.", |it: &Self, _| written(it.record.first).into()),
        property(
            "subresource_uris",
            Kind::Links(&link_keys(links())),
            "The same category in the other lists.",
            |it: &Self, place| {
                let category = it.record.category.name;
                let links = links().map(|(key, path)| {
                    (key, format!("{}?Category={category}", place.uri(&it.account, path)))
                });
                Value::Links(links.into())
            },
        ),
        property("uri", Kind::Uri, "The record alone.", |it: &Self, place| {
            let (first, last) = (written(it.record.first), written(it.record.last));
            let category = it.record.category.name;
            format!("{}?Category={category}&StartDate={first}&EndDate={last}", place.here()).into()
        }),
        property("usage", Kind::Digits, "How long they were together.", |it: &Self, _| text(it.minutes)),
        property("usage_unit", Kind::Text, "Minutes.", |_, _| "minutes".into()),
    ];

    fn row_name(&self, _: &[Field]) -> String {
        format!("{}{}", self.record.category.name, written(self.record.first))
    }
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
}
