//! `/v1/DialingPermissions`: what an account may dial where. A subaccount has its owner's permissions for as
//! long as its settings say that it inherits them.

mod bulk;
mod countries;

use ringway_engine::calls::CallControl;
use ringway_store::{DialingPermission, ListError, Page, PageQuery, PageToken};

use crate::error::{Code, Fault};
use crate::page::Listing;
use crate::parameters::{Sent, parameters};
use crate::reply::{Found, Listed};
use crate::representation::{Field, Kind, Property, Represent, Shape, Value, property};
use crate::request::Request;
use crate::rules;
use crate::tree::{Group, Scope, Tree, Word};
use countries::{COUNTRIES, Country};

static GROUP: Group = Group {
    name: "Dialing permissions",
    about: "What the account may dial, by country.",
    is_administrative: false,
};

pub(super) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    tree.at(&GROUP, Scope::Product, "/DialingPermissions/Countries").get(
        "ListDialingPermissionsCountry",
        "Lists the countries that can be dialled and what of them may be.",
        list,
    );
    tree.at(&GROUP, Scope::Product, "/DialingPermissions/Countries/{IsoCode}").get(
        "FetchDialingPermissionsCountry",
        "Shows what of a country may be dialled.",
        fetch,
    );
    tree.at(&GROUP, Scope::Product, "/DialingPermissions/Countries/{IsoCode}/HighRiskSpecialPrefixes").get(
        "ListDialingPermissionsHrsPrefixes",
        "Lists the prefixes of a country's services that cost more than they look.",
        prefixes,
    );
    tree.at(&GROUP, Scope::Product, "/DialingPermissions/BulkCountryUpdates").post(
        "CreateDialingPermissionsCountryBulkUpdate",
        "Sets what may be dialled of several countries, all or none.",
        bulk::create,
    );
}

parameters! {
    struct Filters {
        /// Only the country of these two letters.
        iso_code: Option<String> = "IsoCode", rules::any_text();
        /// Only countries of this continent, as `EUROPE`.
        continent: Option<String> = "Continent", rules::any_text();
        /// Only countries whose numbers begin with this, as `+44`.
        country_code: Option<String> = "CountryCode", rules::any_text();
        /// Only countries whose ordinary numbers may be dialled, or may not.
        low_risk: Option<bool> = "LowRiskNumbersEnabled", rules::flag(Code::InvalidParameter);
        /// Only countries whose special services may be dialled, or may not.
        special: Option<bool> = "HighRiskSpecialNumbersEnabled", rules::flag(Code::InvalidParameter);
        /// Only countries whose numbers known for fraud may be dialled, or may not.
        tollfraud: Option<bool> = "HighRiskTollfraudNumbersEnabled", rules::flag(Code::InvalidParameter);
    }
}

impl Filters {
    fn admit(&self, country: &Country, permission: &DialingPermission) -> bool {
        let same = |asked: &Option<String>, has: &str| {
            asked.as_ref().is_none_or(|asked| asked.eq_ignore_ascii_case(has))
        };
        let flag = |asked: Option<bool>, has: bool| asked.is_none_or(|asked| asked == has);
        same(&self.iso_code, country.iso_code)
            && same(&self.continent, country.continent.as_str())
            && self.country_code.as_ref().is_none_or(|code| has_code(country, code))
            && flag(self.low_risk, permission.low_risk_numbers_enabled)
            && flag(self.special, permission.high_risk_special_numbers_enabled)
            && flag(self.tollfraud, permission.high_risk_tollfraud_numbers_enabled)
    }
}

fn found(Word(iso_code): &Word) -> Result<&'static Country, Fault> {
    Country::find(iso_code).ok_or_else(Fault::not_found)
}

/// The permissions that hold for the account, by country.
struct Permissions(Vec<DialingPermission>);

impl Permissions {
    fn read<C>(request: &Request<C>) -> Result<Self, Fault> {
        let account = &request.account;
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

async fn list<C: CallControl>(
    request: Request<C>,
    sent: Sent<Listing<Filters>>,
) -> Result<Listed<Allowed>, Fault> {
    let asked = sent.read()?;
    let permissions = Permissions::read(&request)?;
    let rows: Vec<_> = COUNTRIES
        .iter()
        .map(|country| Allowed { country, permission: permissions.of(country) })
        .filter(|row| asked.filters.admit(row.country, &row.permission))
        .collect();
    let page = page_of(rows, |row| row.country.iso_code, &asked.query)?;
    Ok(asked.of(page))
}

async fn fetch<C: CallControl>(request: Request<C>, iso_code: Word) -> Result<Found<Allowed>, Fault> {
    let country = found(&iso_code)?;
    Ok(Found(Allowed { country, permission: Permissions::read(&request)?.of(country) }))
}

async fn prefixes<C: CallControl>(
    _: Request<C>,
    iso_code: Word,
    sent: Sent<Listing<()>>,
) -> Result<Listed<Prefix>, Fault> {
    let country = found(&iso_code)?;
    let asked = sent.read()?;
    let page = page_of(country.high_risk_special_prefixes().to_vec(), |prefix| prefix, &asked.query)?;
    Ok(asked.of(page.map(Prefix)))
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

/// A country with what of it may be dialled.
#[derive(Clone)]
struct Allowed {
    country: &'static Country,
    permission: DialingPermission,
}

impl Represent for Allowed {
    const SHAPE: Shape = Shape {
        name: "DialingPermissionsCountry",
        key: "content",
        element: "Country",
        elements: "Countries",
        xml_first: &[],
    };
    const PROPERTIES: &'static [Property<Self>] = &[
        property("iso_code", Kind::Text, "The country, by two letters.", |it: &Self, _| {
            it.country.iso_code.into()
        }),
        property("name", Kind::Text, "Its name.", |it: &Self, _| it.country.name.into()),
        property("continent", Kind::Text, "Where it is.", |it: &Self, _| {
            it.country.continent.as_str().into()
        }),
        property(
            "country_codes",
            Kind::ListOf(&Kind::Text),
            "What its numbers begin with.",
            |it: &Self, _| {
                Value::List(it.country.country_codes.iter().map(|code| Value::from(*code)).collect())
            },
        ),
        property(
            "low_risk_numbers_enabled",
            Kind::Boolean,
            "Whether ordinary numbers may be dialled.",
            |it: &Self, _| it.permission.low_risk_numbers_enabled.into(),
        ),
        property(
            "high_risk_special_numbers_enabled",
            Kind::Boolean,
            "Whether special services may be dialled.",
            |it: &Self, _| it.permission.high_risk_special_numbers_enabled.into(),
        ),
        property(
            "high_risk_tollfraud_numbers_enabled",
            Kind::Boolean,
            "Whether numbers known for fraud may be dialled.",
            |it: &Self, _| it.permission.high_risk_tollfraud_numbers_enabled.into(),
        ),
        property("url", Kind::Uri, "Where it is.", |it: &Self, place| {
            place.url(&format!("/DialingPermissions/Countries/{}", it.country.iso_code)).into()
        }),
        property(
            "links",
            Kind::Links(&["highrisk_special_prefixes"]),
            "The prefixes that cost more.",
            |it: &Self, place| {
                let code = it.country.iso_code;
                let path = format!("/DialingPermissions/Countries/{code}/HighRiskSpecialPrefixes");
                Value::Links(vec![("highrisk_special_prefixes", place.url(&path))])
            },
        ),
    ];

    fn row_name(&self, _: &[Field]) -> String {
        self.country.iso_code.to_owned()
    }
}

struct Prefix(&'static str);

impl Represent for Prefix {
    const SHAPE: Shape = Shape {
        name: "HighRiskSpecialPrefix",
        key: "content",
        element: "Prefix",
        elements: "Prefixes",
        xml_first: &[],
    };
    const PROPERTIES: &'static [Property<Self>] =
        &[property("prefix", Kind::Text, "What such numbers begin with.", |prefix: &Self, _| {
            prefix.0.into()
        })];

    fn row_name(&self, _: &[Field]) -> String {
        self.0.to_owned()
    }
}
