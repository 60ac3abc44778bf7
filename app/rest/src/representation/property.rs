//! The table of a resource: each field with its type, its meaning and where its value comes from. Replies are
//! written from it and the OpenAPI document is made from it, so that neither can say what the other does not.

use super::{Field, Shape, Value};
use crate::request::Place;

/// What the API can show.
pub(crate) trait Represent: Sized + Send + 'static {
    /// What it is called.
    const SHAPE: Shape;
    /// Its fields, in the order of JSON.
    const PROPERTIES: &'static [Property<Self>];

    /// The values of its fields.
    fn fields(&self, place: &Place) -> Vec<Field> {
        Self::PROPERTIES.iter().map(|property| (property.name, (property.value)(self, place))).collect()
    }

    /// What the tokens of pages call it: its SID, unless it has none.
    fn row_name(&self, fields: &[Field]) -> String {
        match fields.iter().find(|(key, _)| *key == "sid") {
            Some((_, Value::Text(sid))) => sid.to_string(),
            _ => String::new(),
        }
    }
}

/// One field of a resource.
#[derive(Debug)]
pub(crate) struct Property<T> {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// What it means, in a sentence.
    pub(crate) about: &'static str,
    pub(crate) nullable: bool,
    pub(crate) personal: Option<Personal>,
    value: fn(&T, &Place) -> Value,
}

/// A field that is always there.
pub(crate) const fn property<T>(
    name: &'static str,
    kind: Kind,
    about: &'static str,
    value: fn(&T, &Place) -> Value,
) -> Property<T> {
    Property { name, kind, about, nullable: false, personal: None, value }
}

impl<T> Property<T> {
    /// The same without where its values come from.
    pub(crate) fn outline(&self) -> Property<()> {
        let Self { name, kind, about, nullable, personal, .. } = *self;
        Property { name, kind, about, nullable, personal, value: |(), _| Value::Null }
    }

    /// The same, and it may be null.
    pub(crate) const fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    /// The same, and it may tell about a person.
    pub(crate) const fn personal(mut self, personal: Personal) -> Self {
        self.personal = Some(personal);
        self
    }
}

/// The keys of links that are given with their paths.
pub(crate) const fn link_keys<const N: usize>(links: [(&'static str, &'static str); N]) -> [&'static str; N] {
    let mut keys = [""; N];
    let mut index = 0;
    while index < N {
        keys[index] = links[index].0;
        index += 1;
    }
    keys
}

/// How what tells about a person is to be handled, in the terms of the documents: it never gets into the log,
/// and it is gone so many days after its resource was deleted, unless the operator keeps it longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Personal {
    /// `standard` or `sensitive`.
    pub(crate) handling: &'static str,
    pub(crate) days: u16,
}

impl Personal {
    /// Names, numbers and URLs.
    pub(crate) const STANDARD: Self = Self { handling: "standard", days: 30 };
    /// Who called whom.
    pub(crate) const OF_CALLS: Self = Self { handling: "standard", days: 120 };
    /// The name of a list behind a mapping, which goes with the mapping.
    pub(crate) const AT_ONCE: Self = Self { handling: "standard", days: 0 };
    /// Secrets and what was said.
    pub(crate) const SENSITIVE: Self = Self { handling: "sensitive", days: 30 };
}

/// The type of a field.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Text,
    OneOf(&'static [&'static str]),
    /// A SID with these two letters.
    Sid(&'static str),
    Integer,
    /// A whole number, written as a string.
    Digits,
    Boolean,
    /// `Mon, 20 Jul 2015 17:27:10 +0000`
    Rfc2822,
    /// `2020-03-18T23:31:36Z`
    Iso8601,
    /// `2024-02-29`
    Date,
    /// The method of an HTTP request.
    Method,
    /// Absolute, or relative to where the API is.
    Uri,
    Ipv4,
    /// IPv4 or IPv6.
    IpAddress,
    /// A decimal fraction, written as a string.
    Decimal,
    /// The URIs of the resources below, under these keys.
    Links(&'static [&'static str]),
    /// Values under these keys, all of them there.
    Object(&'static [(&'static str, Kind)]),
    /// Texts under keys that somebody else chose.
    Texts,
    ListOf(&'static Kind),
    Nullable(&'static Kind),
}
