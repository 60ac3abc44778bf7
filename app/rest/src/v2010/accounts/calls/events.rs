//! `GET /2010-04-01/Accounts/{AC}/Calls/{CA}/Events`

use std::borrow::Cow;

use ringway_model::sid::CallSid;
use ringway_store::CallEvent;

use super::find;
use crate::error::Fault;
use crate::reply::Reply;
use crate::representation::{Field, Shape, Value};
use crate::request::Request;

const SHAPE: Shape = Shape { key: "events", element: "Event", elements: "Events", xml_first: &[] };

/// The requests that the call made to its application, newest first.
pub(super) fn list<C>(request: &Request<C>, sid: &CallSid) -> Result<Reply, Fault> {
    find(request, sid)?;
    let query = request.page()?;
    let page = request.store().call_events(&request.account.sid, sid, &query)?;
    let path = format!("/Calls/{sid}/Events");
    let name = |event: &CallEvent| event.id.to_string();
    Ok(request.place.page_of_named(&SHAPE, &path, (&query, &[]), &page, (name, describe)))
}

fn describe(event: &CallEvent) -> Vec<Field> {
    let parameter = |(name, value): &(String, String)| (Cow::Owned(snake_case(name)), value.clone().into());
    let request = vec![
        ("method".into(), event.request_method.as_str().into()),
        ("url".into(), event.request_url.clone().into()),
        ("parameters".into(), Value::Object(event.request_params.iter().map(parameter).collect())),
    ];
    let response = vec![
        ("response_code".into(), event.response_code.map(|code| Value::Integer(code.into())).into()),
        ("request_duration".into(), Value::Integer(event.duration_ms.into())),
        ("content_type".into(), event.response_content_type.clone().into()),
        ("response_body".into(), event.response_body.clone().into()),
        ("date_created".into(), event.created.into()),
    ];
    vec![("request", Value::Object(request)), ("response", Value::Object(response))]
}

/// `CallSid` is `call_sid`; what an application or peer named is left as it is.
fn snake_case(name: &str) -> String {
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return name.to_owned();
    }
    let mut snake = String::with_capacity(name.len() + 4);
    for (index, letter) in name.char_indices() {
        if index > 0 && letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_named_as_fields_are() {
        for (name, expected) in
            [("CallSid", "call_sid"), ("To", "to"), ("SipHeader_X-A", "SipHeader_X-A"), ("", ""), ("é", "é")]
        {
            assert_eq!(snake_case(name), expected);
        }
    }
}
