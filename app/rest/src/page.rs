//! Pages of lists: what a query asks for, and the URIs of the envelope (contract, rest.md 0.1).

use ringway_store::{PageQuery, PageToken};
use url::form_urlencoded::byte_serialize;

use crate::error::{Code, Fault};
use crate::form::Form;
use crate::representation::{Field, Value};

const PAGE_SIZE_MAX: u32 = 1000;
/// So that the index of the last row fits its number whatever the page size.
const PAGE_MAX: u32 = 1_000_000;

/// Reads `PageSize`, `Page` and `PageToken`.
pub(crate) fn query(form: &Form) -> Result<PageQuery, Fault> {
    let size = number(form, "PageSize")?.unwrap_or(50);
    let page = number(form, "Page")?.unwrap_or(0);
    if size > PAGE_SIZE_MAX.into() {
        return Err(Fault::because(
            Code::PageSizeTooLarge,
            format!("PageSize must be at most {PAGE_SIZE_MAX}"),
        ));
    }
    if size == 0 {
        return Err(Fault::because(Code::InvalidParameter, "PageSize must be at least 1"));
    }
    if page > PAGE_MAX.into() {
        return Err(Fault::because(Code::InvalidParameter, format!("Page must be at most {PAGE_MAX}")));
    }
    let token = form.text("PageToken").map(|text| {
        PageToken::parse(text).ok_or_else(|| {
            Fault::because(Code::InvalidParameter, "PageToken is not one that a page of this list gave")
        })
    });
    Ok(PageQuery { size: size as u32, page: page as u32, token: token.transpose()? })
}

fn number(form: &Form, name: &str) -> Result<Option<u64>, Fault> {
    let Some(text) = form.text(name) else { return Ok(None) };
    let number = text.parse().map_err(|_| {
        Fault::because(Code::InvalidParameter, format!("{name} must be a number that is not negative"))
    })?;
    Ok(Some(number))
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
        filters: &[(&str, &str)],
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

fn list_uri(list: &str, filters: &[(&str, &str)], size: u32, page: u32, token: Option<String>) -> String {
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
        query(&Form::parse(text.as_bytes(), "The query").unwrap())
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
        let filters = [("StartTime<", "2008-01-02"), ("To", "+1 2")];
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
