//! `/v1/DialingPermissions`: what an account may dial where. A subaccount has its owner's permissions for as
//! long as its settings say that it inherits them.

mod bulk;
mod countries;

use ringway_store::{DialingPermission, ListError, Page, PageQuery, PageToken};

use super::Request;
use crate::error::{Code, Fault};
use crate::page::Paging;
use crate::reply::Reply;
use crate::representation::{Field, Shape, Value};
use crate::request::Verb;
use crate::rules;
use countries::{COUNTRIES, Country};

const COUNTRY: Shape = Shape { key: "content", element: "Country", elements: "Countries", xml_first: &[] };
const PATH: &str = "/DialingPermissions/Countries";
/// The parameters that narrow the list of countries.
const FILTERS: [&str; 6] = [
    "IsoCode",
    "Continent",
    "CountryCode",
    "LowRiskNumbersEnabled",
    "HighRiskSpecialNumbersEnabled",
    "HighRiskTollfraudNumbersEnabled",
];

pub(super) async fn dispatch<C>(request: &Request<'_, C>, path: &[&str]) -> Result<Reply, Fault> {
    match (path, request.verb()) {
        (["BulkCountryUpdates"], Verb::Post) => bulk::create(request).await,
        (["BulkCountryUpdates"], _) => Err(Fault::wrong_verb("POST")),
        (["Countries"], Verb::Get) => list(request),
        (["Countries", code], Verb::Get) => fetch(request, found(code)?),
        (["Countries", code, "HighRiskSpecialPrefixes"], Verb::Get) => prefixes(request, found(code)?),
        (["Countries"] | ["Countries", _] | ["Countries", _, "HighRiskSpecialPrefixes"], _) => {
            Err(Fault::wrong_verb("GET"))
        }
        _ => Err(Fault::not_found()),
    }
}

fn found(iso_code: &str) -> Result<&'static Country, Fault> {
    Country::find(iso_code).ok_or_else(Fault::not_found)
}

/// The permissions that hold for the account, by country.
struct Permissions(Vec<DialingPermission>);

impl Permissions {
    fn read<C>(request: &Request<'_, C>) -> Result<Self, Fault> {
        let account = &request.asked.caller.account;
        let inherits = !account.is_root() && request.store().dialing_permissions_inheritance(&account.sid)?;
        let whose = if inherits { account.owner_account_sid } else { account.sid };
        Ok(Self(request.store().dialing_permissions(&whose)?))
    }

    /// What was set, or that only ordinary numbers may be dialled, and only at home.
    fn of(&self, country: &Country) -> DialingPermission {
        let set = self.0.iter().find(|permission| permission.iso_code == country.iso_code);
        set.cloned().unwrap_or_else(|| DialingPermission {
            iso_code: country.iso_code.to_owned(),
            low_risk_numbers_enabled: country.iso_code == "US",
            high_risk_special_numbers_enabled: false,
            high_risk_tollfraud_numbers_enabled: false,
        })
    }
}

fn list<C>(request: &Request<'_, C>) -> Result<Reply, Fault> {
    let form = request.query();
    let enabled = |name| rules::boolean(form, name, Code::InvalidParameter);
    let (low, special, tollfraud) = (enabled(FILTERS[3])?, enabled(FILTERS[4])?, enabled(FILTERS[5])?);
    let text = |name: &str| form.text(name);
    let same = |asked: Option<&str>, has: &str| asked.is_none_or(|asked| asked.eq_ignore_ascii_case(has));
    let flag = |asked: Option<bool>, has: bool| asked.is_none_or(|asked| asked == has);
    let permissions = Permissions::read(request)?;
    let rows: Vec<_> = COUNTRIES
        .iter()
        .map(|country| (country, permissions.of(country)))
        .filter(|(country, permission)| {
            same(text("IsoCode"), country.iso_code)
                && same(text("Continent"), country.continent.as_str())
                && text("CountryCode").is_none_or(|code| has_code(country, code))
                && flag(low, permission.low_risk_numbers_enabled)
                && flag(special, permission.high_risk_special_numbers_enabled)
                && flag(tollfraud, permission.high_risk_tollfraud_numbers_enabled)
        })
        .collect();
    let filters: Vec<_> = FILTERS.iter().filter_map(|name| Some((*name, text(name)?))).collect();
    let query = request.page()?;
    let page = page_of(rows, |(country, _)| country.iso_code, &query)?;
    let names: Vec<_> = page.rows.iter().map(|(country, _)| country.iso_code.to_owned()).collect();
    let rows = page.rows.iter().map(|(country, permission)| describe(request, country, permission));
    let paging = Paging::new(&request.url(PATH), &filters, &query, &names, page.has_next);
    Ok(Reply::ProductList { key: COUNTRY.key, rows: rows.collect(), paging })
}

fn fetch<C>(request: &Request<'_, C>, country: &Country) -> Result<Reply, Fault> {
    let permission = Permissions::read(request)?.of(country);
    Ok(Reply::Found(&COUNTRY, describe(request, country, &permission)))
}

fn prefixes<C>(request: &Request<'_, C>, country: &Country) -> Result<Reply, Fault> {
    let query = request.page()?;
    let page = page_of(country.high_risk_special_prefixes().to_vec(), |prefix| prefix, &query)?;
    let names: Vec<_> = page.rows.iter().map(|prefix| (*prefix).to_owned()).collect();
    let url = request.url(&format!("{PATH}/{}/HighRiskSpecialPrefixes", country.iso_code));
    let paging = Paging::new(&url, &[], &query, &names, page.has_next);
    let rows = page.rows.into_iter().map(|prefix| vec![("prefix", prefix.into())]).collect();
    Ok(Reply::ProductList { key: COUNTRY.key, rows, paging })
}

/// Country codes are written with a plus; a query that forgot to escape it has a space there.
fn has_code(country: &Country, asked: &str) -> bool {
    let digits = asked.trim_start_matches(['+', ' ']);
    country.country_codes.iter().any(|code| code.trim_start_matches('+') == digits)
}

/// A page of rows that are all at hand, in their order.
fn page_of<T: Clone>(
    rows: Vec<T>,
    name: impl Fn(&T) -> &str,
    query: &PageQuery,
) -> Result<Page<T>, ListError> {
    let size = query.size as usize;
    let place = |sid: &str| rows.iter().position(|row| name(row) == sid).ok_or(ListError::UnknownPageToken);
    let first = match &query.token {
        Some(PageToken::After(sid)) => place(sid)? + 1,
        Some(PageToken::Before(sid)) => place(sid)?.saturating_sub(size),
        None => size.saturating_mul(query.page as usize),
    };
    let last = match &query.token {
        Some(PageToken::Before(sid)) => place(sid)?,
        _ => first.saturating_add(size).min(rows.len()),
    };
    let has_next = last < rows.len();
    let rows = rows.get(first..last).unwrap_or_default().to_vec();
    Ok(Page { rows, page: query.page, size: query.size, has_next })
}

fn describe<C>(request: &Request<'_, C>, country: &Country, permission: &DialingPermission) -> Vec<Field> {
    let url = request.url(&format!("{PATH}/{}", country.iso_code));
    let prefixes = format!("{url}/HighRiskSpecialPrefixes");
    let codes = country.country_codes.iter().map(|code| Value::from(*code)).collect();
    vec![
        ("iso_code", country.iso_code.into()),
        ("name", country.name.into()),
        ("continent", country.continent.as_str().into()),
        ("country_codes", Value::List(codes)),
        ("low_risk_numbers_enabled", permission.low_risk_numbers_enabled.into()),
        ("high_risk_special_numbers_enabled", permission.high_risk_special_numbers_enabled.into()),
        ("high_risk_tollfraud_numbers_enabled", permission.high_risk_tollfraud_numbers_enabled.into()),
        ("url", url.into()),
        ("links", Value::Links(vec![("highrisk_special_prefixes", prefixes)])),
    ]
}
