//! XML of the 2010 API (contract, rest.md 0.2): PascalCase elements without whitespace between them
//! (one old client wants the list to be the very first child), nulls as empty elements, paging as
//! attributes in lower case.

use super::{Field, Shape, Value};
use crate::page::Paging;

const HEAD: &str = "<?xml version='1.0' encoding='UTF-8'?>\n<TwilioResponse>";
const TAIL: &str = "</TwilioResponse>";

/// `<TwilioResponse><SipDomain>...</SipDomain></TwilioResponse>`
pub(super) fn instance(shape: &Shape, fields: &[Field]) -> String {
    let mut out = String::from(HEAD);
    write_instance(&mut out, shape, fields);
    out.push_str(TAIL);
    out
}

/// `<TwilioResponse><SipDomains page="0" ...><SipDomain>...</SipDomain></SipDomains></TwilioResponse>`
pub(super) fn list(shape: &Shape, rows: &[Vec<Field>], paging: &Paging) -> String {
    let mut out = String::from(HEAD);
    out.push('<');
    out.push_str(shape.elements);
    for (key, value) in paging.fields() {
        out.push(' ');
        out.extend(key.chars().filter(|&letter| letter != '_'));
        out.push_str("=\"");
        write_text(&mut out, &value);
        out.push('"');
    }
    out.push('>');
    for row in rows {
        write_instance(&mut out, shape, row);
    }
    close(&mut out, shape.elements);
    out.push_str(TAIL);
    out
}

fn write_instance(out: &mut String, shape: &Shape, fields: &[Field]) {
    let first = shape.xml_first.iter().filter_map(|name| fields.iter().find(|(key, _)| key == name));
    let others = fields.iter().filter(|(key, _)| !shape.xml_first.contains(key));
    open(out, shape.element);
    for (key, value) in first.chain(others) {
        write_field(out, &pascal_case(key), value);
    }
    close(out, shape.element);
}

fn write_field(out: &mut String, name: &str, value: &Value) {
    let empty = match value {
        Value::Null => true,
        Value::Text(text) => text.is_empty(),
        _ => false,
    };
    if empty {
        out.push('<');
        out.push_str(name);
        out.push_str("/>");
        return;
    }
    open(out, name);
    match value {
        Value::Links(links) => {
            for (key, uri) in links {
                write_field(out, &pascal_case(key), &uri.clone().into());
            }
        }
        Value::Object(values) => {
            for (key, value) in values {
                write_field(out, &element_name(key), value);
            }
        }
        other => write_text(out, other),
    }
    close(out, name);
}

fn write_text(out: &mut String, value: &Value) {
    match value {
        Value::Null | Value::Links(_) | Value::Object(_) | Value::List(_) => {}
        Value::Text(text) => escape(out, text),
        Value::Integer(number) => out.push_str(&number.to_string()),
        Value::Boolean(truth) => out.push_str(if *truth { "true" } else { "false" }),
    }
}

fn open(out: &mut String, name: &str) {
    out.push('<');
    out.push_str(name);
    out.push('>');
}

fn close(out: &mut String, name: &str) {
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// Escapes for elements and attributes alike. What XML 1.0 cannot say at all becomes U+FFFD.
fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            '\n' | '\t' => out.push(character),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(character),
        }
    }
}

/// The element of a name that a peer may have chosen: what cannot be in one becomes `_`.
fn element_name(key: &str) -> String {
    let name = match key {
        "sms" | "mms" => key.to_ascii_uppercase(),
        _ => pascal_case(key),
    };
    let carried = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
    let name: String = name.chars().map(|letter| if carried(letter) { letter } else { '_' }).collect();
    match name.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        true => name,
        false => format!("_{name}"),
    }
}

/// `voice_url` is `VoiceUrl`.
pub(crate) fn pascal_case(key: &str) -> String {
    let mut name = String::with_capacity(key.len());
    for word in key.split('_') {
        let mut letters = word.chars();
        name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SHAPE, paging, thing};
    use super::*;

    #[test]
    fn an_instance_has_its_own_order_and_empty_elements_for_nulls() {
        assert_eq!(
            instance(&SHAPE, &thing()),
            "<?xml version='1.0' encoding='UTF-8'?>\n<TwilioResponse><SipThing><Sid>XX1</Sid>\
             <FriendlyName>a &quot;b&quot; &lt;c&gt; &amp; d,\n\u{fffd}é</FriendlyName>\
             <AccountSid>AC1</AccountSid><Count>32</Count><Secure>false</Secure><VoiceUrl/>\
             <SubresourceUris><IpAddresses>/x</IpAddresses></SubresourceUris></SipThing></TwilioResponse>"
        );
    }

    #[test]
    fn a_list_carries_its_paging_as_attributes() {
        assert_eq!(
            list(&SHAPE, &[vec![("sid", "XX1".into())]], &paging()),
            "<?xml version='1.0' encoding='UTF-8'?>\n<TwilioResponse><SipThings end=\"3\" \
             firstpageuri=\"/T.json?PageSize=2&amp;Page=0\" nextpageuri=\"\" page=\"1\" pagesize=\"2\" \
             previouspageuri=\"/T.json?PageSize=2&amp;Page=0&amp;PageToken=PBXX1\" start=\"2\" \
             uri=\"/T.json?PageSize=2&amp;Page=1\"><SipThing><Sid>XX1</Sid></SipThing></SipThings>\
             </TwilioResponse>"
        );
    }
}
