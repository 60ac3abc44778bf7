//! `GET /2010-04-01/Accounts/{AC}/Calls/{CA}/Events`

use std::borrow::Cow;

use ringway_engine::calls::CallControl;
use ringway_model::sid::CallSid;
use ringway_store::CallEvent;

use super::find;
use crate::error::Fault;
use crate::page::Listing;
use crate::parameters::Sent;
use crate::reply::Listed;
use crate::representation::{Field, Kind, Personal, Property, Represent, Shape, Value, property};
use crate::request::Request;

/// The requests that the call made to its application, newest first.
pub(super) async fn list<C: CallControl>(
    request: Request<C>,
    sid: CallSid,
    sent: Sent<Listing<()>>,
) -> Result<Listed<CallEvent>, Fault> {
    find(&request, &sid).await?;
    let asked = sent.read()?;
    let page = request.store().call_events(&request.account.sid, &sid, &asked.query)?;
    Ok(asked.of(page))
}

impl Represent for CallEvent {
    const SHAPE: Shape =
        Shape { name: "CallEvent", key: "events", element: "Event", elements: "Events", xml_first: &[] };
    const PROPERTIES: &'static [Property<Self>] = &[
        property(
            "request",
            Kind::Object(&[("method", Kind::Method), ("url", Kind::Text), ("parameters", Kind::Texts)]),
            "What was asked.",
            |event: &Self, _| asked(event),
        )
        .personal(Personal::SENSITIVE),
        property(
            "response",
            Kind::Object(&[
                ("response_code", Kind::Nullable(&Kind::Integer)),
                ("request_duration", Kind::Integer),
                ("content_type", Kind::Nullable(&Kind::Text)),
                ("response_body", Kind::Text),
                ("date_created", Kind::Rfc2822),
            ]),
            "What came back, and after how many milliseconds.",
            |event: &Self, _| answered(event),
        )
        .personal(Personal::SENSITIVE),
    ];

    fn row_name(&self, _: &[Field]) -> String {
        self.id.to_string()
    }
}

fn asked(event: &CallEvent) -> Value {
    let parameter = |(name, value): &(String, String)| (Cow::Owned(snake_case(name)), value.clone().into());
    Value::Object(vec![
        ("method".into(), event.request_method.as_str().into()),
        ("url".into(), event.request_url.clone().into()),
        ("parameters".into(), Value::Object(event.request_params.iter().map(parameter).collect())),
    ])
}

fn answered(event: &CallEvent) -> Value {
    Value::Object(vec![
        ("response_code".into(), event.response_code.map(i64::from).into()),
        ("request_duration".into(), Value::Integer(event.duration_ms.into())),
        ("content_type".into(), event.response_content_type.clone().into()),
        ("response_body".into(), event.response_body.clone().into()),
        ("date_created".into(), event.created.into()),
    ])
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
