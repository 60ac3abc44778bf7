//! How resources are written. A resource describes itself once, as an ordered list of fields; JSON, XML
//! and CSV are renderings of that description (contract, rest.md 0, 0.1, 0.2).

mod csv;
mod json;
mod property;
mod xml;

pub(crate) use json::product_list;
pub(crate) use property::{Kind, Personal, Property, Represent, link_keys, property};
pub(crate) use xml::pascal_case;

use std::borrow::Cow;

use ringway_model::UnixTime;

use crate::page::Paging;

/// What the end of a path asks for (contract, rest.md 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extension {
    /// No extension: XML, and URIs without extension.
    None,
    /// `.xml`
    Xml,
    /// `.json`
    Json,
    /// `.csv`
    Csv,
}

impl Extension {
    /// Splits a path into what comes before its extension, and the extension.
    pub(crate) fn split(path: &str) -> (&str, Self) {
        let known = [Self::Json, Self::Xml, Self::Csv];
        let found = known
            .into_iter()
            .find_map(|extension| path.strip_suffix(extension.suffix()).map(|stem| (stem, extension)));
        found.unwrap_or((path, Self::None))
    }

    /// What is appended to the URIs of a reply.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Xml => ".xml",
            Self::Json => ".json",
            Self::Csv => ".csv",
        }
    }

    /// The `Content-Type` of a reply.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::None | Self::Xml => "application/xml",
            Self::Json => "application/json",
            Self::Csv => "text/csv",
        }
    }

    /// One resource, written.
    pub(crate) fn instance(self, shape: &Shape, fields: &[Field]) -> String {
        match self {
            Self::None | Self::Xml => xml::instance(shape, fields),
            Self::Json => json::instance(fields),
            Self::Csv => csv::rows(std::slice::from_ref(&fields)),
        }
    }

    /// One page of resources, written.
    pub(crate) fn list(self, shape: &Shape, rows: &[Vec<Field>], paging: &Paging) -> String {
        match self {
            Self::None | Self::Xml => xml::list(shape, rows, paging),
            Self::Json => json::list(shape, rows, paging),
            Self::Csv => csv::rows(rows),
        }
    }
}

/// What a kind of resource is called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// What the OpenAPI document calls it.
    pub(crate) name: &'static str,
    /// The key of the array in a JSON list.
    pub(crate) key: &'static str,
    /// The XML element of one.
    pub(crate) element: &'static str,
    /// The XML element of a list.
    pub(crate) elements: &'static str,
    /// The fields that XML puts first, in its own order; the others follow in the order of JSON.
    pub(crate) xml_first: &'static [&'static str],
}

/// A field by its JSON name, and its value.
pub(crate) type Field = (&'static str, Value);

/// What a field may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Explicitly nothing.
    Null,
    /// A string; dates and SIDs too.
    Text(Cow<'static, str>),
    /// A number.
    Integer(i64),
    /// `true` or `false`.
    Boolean(bool),
    /// The URIs of the resources below this one.
    Links(Vec<(&'static str, String)>),
    /// Values under names of their own.
    Object(Vec<(Cow<'static, str>, Value)>),
    /// Several values without names; only in JSON.
    List(Vec<Value>),
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Boolean(truth)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<u8> for Value {
    fn from(number: u8) -> Self {
        Self::Integer(number.into())
    }
}

impl From<UnixTime> for Value {
    /// Dates of the 2010 API are RFC 2822.
    fn from(time: UnixTime) -> Self {
        time.rfc2822().into()
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A value that is written as its text.
pub(crate) fn text(value: impl ToString) -> Value {
    value.to_string().into()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const SHAPE: Shape = Shape {
        name: "Thing",
        key: "things",
        element: "SipThing",
        elements: "SipThings",
        xml_first: &["sid", "friendly_name"],
    };

    pub(crate) fn thing() -> Vec<Field> {
        vec![
            ("account_sid", "AC1".into()),
            ("friendly_name", "a \"b\" <c> & d,\n\u{1}é".into()),
            ("sid", "XX1".into()),
            ("count", 32u8.into()),
            ("secure", false.into()),
            ("voice_url", Value::Null),
            ("subresource_uris", Value::Links(vec![("ip_addresses", "/x".to_owned())])),
        ]
    }

    pub(crate) fn paging() -> Paging {
        Paging {
            page: 1,
            page_size: 2,
            start: 2,
            end: 3,
            uri: "/T.json?PageSize=2&Page=1".to_owned(),
            first_page_uri: "/T.json?PageSize=2&Page=0".to_owned(),
            next_page_uri: None,
            previous_page_uri: Some("/T.json?PageSize=2&Page=0&PageToken=PBXX1".to_owned()),
        }
    }

    #[test]
    fn the_end_of_a_path_selects_the_representation() {
        assert_eq!(Extension::split("/a/Domains.json"), ("/a/Domains", Extension::Json));
        assert_eq!(Extension::split("/a/Domains.xml"), ("/a/Domains", Extension::Xml));
        assert_eq!(Extension::split("/a/Domains.csv"), ("/a/Domains", Extension::Csv));
        assert_eq!(Extension::split("/a/Domains"), ("/a/Domains", Extension::None));
    }
}
