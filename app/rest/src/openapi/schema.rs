//! The tables of resources as JSON schemas.

use serde_json::{Map, Value as Json, json};

use crate::reply::ResourceOutline;
use crate::representation::{Kind, Personal, Property};
use crate::request::ApiKind;
use crate::rules;

const RFC_2822: &str = "^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-3][0-9] \
                        (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} [+]0000$";
const ISO_8601: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$";

/// Where the schema of a resource is.
pub(super) fn reference(resource: &ResourceOutline) -> Json {
    json!({"$ref": format!("#/components/schemas/{}", resource.shape.name)})
}

/// One resource: these fields, all of them, and no others.
pub(super) fn object(resource: &ResourceOutline) -> Json {
    let properties: Map<_, _> =
        resource.properties.iter().map(|it| (it.name.to_owned(), property(it))).collect();
    let required: Vec<_> = resource.properties.iter().map(|it| it.name).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// The body of an error, whose `detail` is left out where there is none.
pub(super) fn error_object(error: &ResourceOutline) -> Json {
    let mut schema = object(error);
    if let Some(required) = schema["required"].as_array_mut() {
        required.retain(|name| name != "detail");
    }
    schema
}

/// A page of resources in the envelope of its kind of API (contract, rest.md 0.1).
pub(super) fn page(api: ApiKind, resource: &ResourceOutline) -> Json {
    let number = json!({"type": "integer", "minimum": 0});
    let uri = json!({"type": "string", "format": "uri-reference"});
    let or_null = nullable(uri.clone());
    let rows = json!({"type": "array", "items": reference(resource)});
    let key = resource.shape.key;
    match api {
        ApiKind::V2010 => closed(&[
            (key, rows),
            ("end", number.clone()),
            ("first_page_uri", uri.clone()),
            ("next_page_uri", or_null.clone()),
            ("page", number.clone()),
            ("page_size", number.clone()),
            ("previous_page_uri", or_null),
            ("start", number),
            ("uri", uri),
        ]),
        ApiKind::Product => {
            let meta = closed(&[
                ("first_page_url", uri.clone()),
                ("key", json!({"const": key})),
                ("next_page_url", or_null.clone()),
                ("page", number.clone()),
                ("page_size", number),
                ("previous_page_url", or_null),
                ("url", uri),
            ]);
            closed(&[("meta", meta), (key, rows)])
        }
    }
}

/// How what tells about a person is to be handled.
pub(super) fn personal(personal: Personal) -> Json {
    json!({"pii": {"handling": personal.handling, "deleteSla": personal.days}})
}

pub(super) fn described(mut schema: Json, about: &str) -> Json {
    schema["description"] = about.into();
    schema
}

fn property(property: &Property<()>) -> Json {
    let plain = kind(&property.kind);
    let schema = if property.nullable { nullable(plain) } else { plain };
    let mut schema = described(schema, property.about);
    if let Some(it) = property.personal {
        schema["x-ringway"] = personal(it);
    }
    schema
}

fn kind(it: &Kind) -> Json {
    match it {
        Kind::Text => json!({"type": "string"}),
        Kind::OneOf(words) => json!({"type": "string", "enum": words}),
        Kind::Sid(prefix) => rules::sid::schema(prefix),
        Kind::Integer => json!({"type": "integer"}),
        Kind::Digits => json!({"type": "string", "pattern": "^[0-9]+$"}),
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Rfc2822 => json!({"type": "string", "format": "date-time-rfc-2822", "pattern": RFC_2822}),
        Kind::Iso8601 => json!({"type": "string", "format": "date-time", "pattern": ISO_8601}),
        Kind::Date => json!({"type": "string", "format": "date"}),
        Kind::Method => {
            json!({"type": "string", "enum": ["GET", "POST", "HEAD", "PUT", "PATCH", "DELETE"]})
        }
        Kind::Uri => json!({"type": "string", "format": "uri-reference"}),
        Kind::Ipv4 => json!({"type": "string", "format": "ipv4"}),
        Kind::IpAddress => json!({"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}),
        Kind::Decimal => json!({"type": "string", "pattern": "^[0-9]+([.][0-9]+)?$"}),
        Kind::Links(keys) => {
            let link = json!({"type": "string", "format": "uri-reference"});
            closed(&keys.iter().map(|key| (*key, link.clone())).collect::<Vec<_>>())
        }
        Kind::Object(members) => {
            closed(&members.iter().map(|(name, of)| (*name, kind(of))).collect::<Vec<_>>())
        }
        Kind::Texts => json!({"type": "object", "additionalProperties": {"type": "string"}}),
        Kind::ListOf(of) => json!({"type": "array", "items": kind(of)}),
        Kind::Nullable(of) => nullable(kind(of)),
    }
}

/// These members, all of them, and no others.
fn closed(members: &[(&str, Json)]) -> Json {
    let properties: Map<_, _> = members.iter().map(|(name, of)| ((*name).to_owned(), of.clone())).collect();
    let required: Vec<_> = members.iter().map(|(name, _)| *name).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn nullable(mut schema: Json) -> Json {
    schema["type"] = json!([schema["type"], "null"]);
    if let Some(Json::Array(words)) = schema.get_mut("enum") {
        words.push(Json::Null);
    }
    schema
}
