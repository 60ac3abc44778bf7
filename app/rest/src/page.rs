//! Pages of lists: what a query asks for, and the URIs of the envelope (contract, rest.md 0.1).

use ringway_store::{Page, PageQuery, PageToken};
use serde_json::{Value as Json, json};
use url::form_urlencoded::byte_serialize;

use crate::error::{Code, Fault};
use crate::form::Form;
use crate::parameters::{ParameterOutline, Parameters, parameters};
use crate::reply::Listed;
use crate::representation::{Field, Value};
use crate::rules::{Rule, paging_number};

const PAGE_SIZE_DEFAULT: u32 = 50;
const PAGE_SIZE_MAX: u32 = 1000;
/// So that the index of the last row fits its number whatever the page size.
const PAGE_MAX: u32 = 1_000_000;

parameters! {
    struct Paged {
        /// How many resources a page has, 50 unless given.
        page_size: Option<u32> = "PageSize", paging_number(1..=PAGE_SIZE_MAX, Code::PageSizeTooLarge);
        /// The number of the page, from 0. Beside a `PageToken` it is only carried through.
        page: Option<u32> = "Page", paging_number(0..=PAGE_MAX, Code::InvalidParameter);
        /// Where the page begins or ends, as `next_page_uri` and `previous_page_uri` give it.
        page_token: Option<PageToken> = "PageToken", Token;
    }
}

struct Token;

impl Rule for Token {
    type Value = Option<PageToken>;

    fn read(&self, form: &Form, name: &str) -> Result<Self::Value, Fault> {
        let unknown = || Fault::because(Code::InvalidParameter, unknown_token(name));
        form.text(name).map(|text| PageToken::parse(text).ok_or_else(unknown)).transpose()
    }

    fn schema(&self) -> Json {
        json!({"type": "string", "pattern": "^P[AB].+$"})
    }
}

fn unknown_token(name: &str) -> String {
    format!("{name} is not one that a page of this list gave")
}

/// A page of a list that is asked for, and what the list is narrowed by.
pub(crate) struct Listing<F> {
    pub(crate) query: PageQuery,
    pub(crate) filters: F,
    /// The filters as they were given, for the URIs of the pages.
    given: Vec<(String, String)>,
}

impl<F: Parameters> Parameters for Listing<F> {
    fn read(form: &Form) -> Result<Self, Fault> {
        let Paged { page_size, page, page_token } = Paged::read(form)?;
        let query = PageQuery {
            size: page_size.unwrap_or(PAGE_SIZE_DEFAULT),
            page: page.unwrap_or_default(),
            token: page_token,
        };
        let filters = F::read(form)?;
        let given = form.pairs().filter(|(name, value)| F::has(name) && !value.is_empty());
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(Self { query, filters, given })
    }

    fn has(name: &str) -> bool {
        Paged::has(name) || F::has(name)
    }

    fn outline() -> Vec<ParameterOutline> {
        let mut all = F::outline();
        all.extend(Paged::outline());
        all
    }
}

impl<F> Listing<F> {
    /// The answer with the page that was found.
    pub(crate) fn of<T>(self, page: Page<T>) -> Listed<T> {
        Listed { page, query: self.query, given: self.given }
    }
}

/// The envelope of a page.
#[derive(Debug)]
pub(crate) struct Paging {
    pub(crate) page: u32,
    pub(crate) page_size: u32,
    /// The index of the first row in the whole list.
    pub(crate) start: u64,
    /// The index of the last row in the whole list; `start` when there is no row.
    pub(crate) end: u64,
    pub(crate) uri: String,
    pub(crate) first_page_uri: String,
    pub(crate) next_page_uri: Option<String>,
    pub(crate) previous_page_uri: Option<String>,
}

impl Paging {
    /// The envelope of the page of rows with these SIDs. `list` is the URI of the list without a query,
    /// `filters` the parameters that chose the rows.
    pub(crate) fn new(
        list: &str,
        filters: &[(String, String)],
        query: &PageQuery,
        sids: &[String],
        has_next: bool,
    ) -> Self {
        let uri = |page: u32, token: Option<String>| list_uri(list, filters, query.size, page, token);
        let start = u64::from(query.page) * u64::from(query.size);
        let next = sids.last().filter(|_| has_next);
        let previous = query.page.checked_sub(1);
        Self {
            page: query.page,
            page_size: query.size,
            start,
            end: start + (sids.len() as u64).saturating_sub(1),
            uri: uri(query.page, query.token.as_ref().map(PageToken::to_string)),
            first_page_uri: uri(0, None),
            next_page_uri: next
                .map(|sid| uri(query.page + 1, Some(PageToken::After(sid.clone()).to_string()))),
            previous_page_uri: previous
                .map(|page| uri(page, sids.first().map(|sid| PageToken::Before(sid.clone()).to_string()))),
        }
    }

    /// The fields of the envelope by their JSON names.
    pub(crate) fn fields(&self) -> [Field; 8] {
        [
            ("end", index(self.end)),
            ("first_page_uri", self.first_page_uri.clone().into()),
            ("next_page_uri", self.next_page_uri.clone().into()),
            ("page", Value::Integer(self.page.into())),
            ("page_size", Value::Integer(self.page_size.into())),
            ("previous_page_uri", self.previous_page_uri.clone().into()),
            ("start", index(self.start)),
            ("uri", self.uri.clone().into()),
        ]
    }

    /// The fields of `meta`, the envelope of the product APIs, whose array is called `key`.
    pub(crate) fn meta(&self, key: &'static str) -> [Field; 7] {
        [
            ("page", Value::Integer(self.page.into())),
            ("page_size", Value::Integer(self.page_size.into())),
            ("first_page_url", self.first_page_uri.clone().into()),
            ("previous_page_url", self.previous_page_uri.clone().into()),
            ("url", self.uri.clone().into()),
            ("next_page_url", self.next_page_uri.clone().into()),
            ("key", key.into()),
        ]
    }
}

fn index(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn list_uri(list: &str, filters: &[(String, String)], size: u32, page: u32, token: Option<String>) -> String {
    let mut uri = format!("{list}?");
    for (name, value) in filters {
        uri.extend(byte_serialize(name.as_bytes()));
        uri.push('=');
        uri.extend(byte_serialize(value.as_bytes()));
        uri.push('&');
    }
    uri.push_str(&format!("PageSize={size}&Page={page}"));
    if let Some(token) = token {
        uri.push_str("&PageToken=");
        uri.extend(byte_serialize(token.as_bytes()));
    }
    uri
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Result<PageQuery, Fault> {
        let form = Form::parse(text.as_bytes(), "the query").unwrap();
        Listing::<()>::read(&form).map(|listing| listing.query)
    }

    #[test]
    fn sizes_and_pages_have_bounds() {
        let defaults = asked("").unwrap();
        assert_eq!((defaults.size, defaults.page), (50, 0));
        assert_eq!(asked("PageSize=1000").unwrap().size, 1000);
        assert_eq!(asked("PageSize=1001").unwrap_err().code, Code::PageSizeTooLarge);
        assert_eq!(asked("PageSize=99999999999").unwrap_err().code, Code::PageSizeTooLarge);
        for bad in
            ["PageSize=0", "PageSize=-1", "PageSize=x", "Page=-1", "Page=1000001", "PageToken=nonsense"]
        {
            assert_eq!(asked(bad).unwrap_err().code, Code::InvalidParameter, "{bad}");
        }
    }

    #[test]
    fn a_middle_page_points_both_ways_and_keeps_its_filters() {
        let query = PageQuery { size: 2, page: 1, token: Some(PageToken::After("CA0".into())) };
        let sids = ["CA1".to_owned(), "CA2".to_owned()];
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let filters = [pair("StartTime<", "2008-01-02"), pair("To", "+1 2")];
        let paging = Paging::new("/Calls.json", &filters, &query, &sids, true);
        let head = "/Calls.json?StartTime%3C=2008-01-02&To=%2B1+2&PageSize=2";
        assert_eq!((paging.start, paging.end), (2, 3));
        assert_eq!(paging.uri, format!("{head}&Page=1&PageToken=PACA0"));
        assert_eq!(paging.first_page_uri, format!("{head}&Page=0"));
        assert_eq!(paging.next_page_uri, Some(format!("{head}&Page=2&PageToken=PACA2")));
        assert_eq!(paging.previous_page_uri, Some(format!("{head}&Page=0&PageToken=PBCA1")));
    }

    #[test]
    fn an_empty_first_page_starts_and_ends_at_zero() {
        let paging = Paging::new("/T.json", &[], &PageQuery { size: 50, page: 0, token: None }, &[], false);
        assert_eq!((paging.start, paging.end), (0, 0));
        assert_eq!((paging.next_page_uri, paging.previous_page_uri), (None, None));
        assert_eq!(paging.uri, "/T.json?PageSize=50&Page=0");
    }
}
