//! CSV (contract, rest.md 0.2): a row of names, then one row an item. Names are those of the XML
//! elements; the URIs of subresources and nested values have no column.

use super::{Field, Value, xml::pascal_case};

/// The rows under their header; nothing at all when there are none to take the names from.
pub(super) fn rows<R: AsRef<[Field]>>(rows: &[R]) -> String {
    let mut out = String::new();
    if let Some(first) = rows.first() {
        line(&mut out, columns(first.as_ref()).map(|(key, _)| pascal_case(key)));
    }
    for row in rows {
        line(&mut out, columns(row.as_ref()).map(|(_, value)| cell(value)));
    }
    out
}

fn columns(fields: &[Field]) -> impl Iterator<Item = &Field> {
    fields.iter().filter(|(_, value)| !matches!(value, Value::Links(_) | Value::Object(_)))
}

fn line(out: &mut String, cells: impl Iterator<Item = String>) {
    let cells: Vec<String> = cells.map(|cell| quote(&cell)).collect();
    out.push_str(&cells.join(","));
    out.push_str("\r\n");
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null | Value::Links(_) | Value::Object(_) | Value::List(_) => String::new(),
        Value::Text(text) => text.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Boolean(truth) => truth.to_string(),
    }
}

/// RFC 4180 2.5 to 2.7.
fn quote(cell: &str) -> String {
    if cell.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::thing;
    use super::*;

    #[test]
    fn a_header_and_a_row_an_item() {
        assert_eq!(
            rows(&[thing()]),
            "AccountSid,FriendlyName,Sid,Count,Secure,VoiceUrl\r\n\
             AC1,\"a \"\"b\"\" <c> & d,\n\u{1}é\",XX1,32,false,\r\n"
        );
        assert_eq!(rows::<Vec<Field>>(&[]), "");
    }
}
