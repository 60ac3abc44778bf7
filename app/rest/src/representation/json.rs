//! JSON as the hosted service writes it: one line, a space after each colon and comma, nulls explicit.

use super::{Field, Shape, Value};
use crate::page::Paging;

/// `{"account_sid": "AC...", ...}`
pub(super) fn instance(fields: &[Field]) -> String {
    let mut out = String::with_capacity(1024);
    write_object(&mut out, fields);
    out
}

/// `{"domains": [{...}, ...], "end": 0, ...}`; exactly one key besides those of the envelope, because
/// that is how client libraries find the collection (contract, rest.md 0.1).
pub(super) fn list(shape: &Shape, rows: &[Vec<Field>], paging: &Paging) -> String {
    let mut out = String::with_capacity(512 + 1024 * rows.len());
    out.push('{');
    write_rows(&mut out, shape.key, rows);
    for (key, value) in paging.fields() {
        out.push_str(", ");
        write_key(&mut out, key);
        write_value(&mut out, &value);
    }
    out.push('}');
    out
}

/// `{"meta": {"page": 0, ...}, "byoc_trunks": [{...}, ...]}`, as the product APIs have it.
pub(crate) fn product_list(key: &'static str, rows: &[Vec<Field>], paging: &Paging) -> String {
    let mut out = String::with_capacity(512 + 1024 * rows.len());
    out.push('{');
    write_key(&mut out, "meta");
    write_object(&mut out, &paging.meta(key));
    out.push_str(", ");
    write_rows(&mut out, key, rows);
    out.push('}');
    out
}

fn write_rows(out: &mut String, key: &str, rows: &[Vec<Field>]) {
    write_key(out, key);
    out.push('[');
    for (index, row) in rows.iter().enumerate() {
        separate(out, index);
        write_object(out, row);
    }
    out.push(']');
}

fn write_object(out: &mut String, fields: &[Field]) {
    out.push('{');
    for (index, (key, value)) in fields.iter().enumerate() {
        separate(out, index);
        write_key(out, key);
        write_value(out, value);
    }
    out.push('}');
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Text(text) => write_string(out, text),
        Value::Integer(number) => out.push_str(&number.to_string()),
        Value::Boolean(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Links(links) => {
            out.push('{');
            for (index, (key, uri)) in links.iter().enumerate() {
                separate(out, index);
                write_key(out, key);
                write_string(out, uri);
            }
            out.push('}');
        }
        Value::Object(values) => {
            out.push('{');
            for (index, (key, value)) in values.iter().enumerate() {
                separate(out, index);
                write_key(out, key);
                write_value(out, value);
            }
            out.push('}');
        }
        Value::List(values) => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                separate(out, index);
                write_value(out, value);
            }
            out.push(']');
        }
    }
}

fn separate(out: &mut String, index: usize) {
    if index > 0 {
        out.push_str(", ");
    }
}

fn write_key(out: &mut String, key: &str) {
    write_string(out, key);
    out.push_str(": ");
}

fn write_string(out: &mut String, text: &str) {
    out.push('"');
    let mut plain = 0;
    for (index, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[plain..index]);
        plain = index + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            _ => out.push_str(&format!("\\u{byte:04x}")),
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SHAPE, paging, thing};
    use super::*;

    #[test]
    fn an_instance_is_one_line_in_the_order_of_its_fields() {
        assert_eq!(
            instance(&thing()),
            r#"{"account_sid": "AC1", "friendly_name": "a \"b\" <c> & d,\n\u0001é", "sid": "XX1", "count": 32, "secure": false, "voice_url": null, "subresource_uris": {"ip_addresses": "/x"}}"#
        );
    }

    #[test]
    fn a_list_has_one_key_besides_the_envelope() {
        assert_eq!(
            list(&SHAPE, &[vec![("sid", "XX1".into())], vec![("sid", "XX2".into())]], &paging()),
            r#"{"things": [{"sid": "XX1"}, {"sid": "XX2"}], "end": 3, "first_page_uri": "/T.json?PageSize=2&Page=0", "next_page_uri": null, "page": 1, "page_size": 2, "previous_page_uri": "/T.json?PageSize=2&Page=0&PageToken=PBXX1", "start": 2, "uri": "/T.json?PageSize=2&Page=1"}"#
        );
        assert!(list(&SHAPE, &[], &paging()).starts_with(r#"{"things": [], "end""#));
    }

    #[test]
    fn every_string_survives_a_strict_parser() {
        let hostile = "\u{0}\u{1f}\"\\/\u{7f}\u{2028}é😀";
        let parsed: serde_json::Value =
            serde_json::from_str(&instance(&[("a", hostile.into())])).expect("valid JSON");
        assert_eq!(parsed["a"], hostile);
    }
}
