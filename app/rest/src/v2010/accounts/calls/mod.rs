//! `/2010-04-01/Accounts/{AC}/Calls` (contract, rest.md 2 "Calls").

mod create;
mod delete;
mod events;
mod fetch;
mod list;
mod update;

use ringway_engine::calls::CallControl;
use ringway_model::CallStatus;
use ringway_model::sid::CallSid;
use ringway_store::Call;

use super::{API_VERSION, notifications};
use crate::error::Fault;
use crate::reply::Reply;
use crate::representation::{Field, Shape, Value, optional_text, text};
use crate::request::{Place, Request, Verb};

const SHAPE: Shape = Shape {
    key: "calls",
    element: "Call",
    elements: "Calls",
    xml_first: &[
        "sid",
        "date_created",
        "date_updated",
        "parent_call_sid",
        "account_sid",
        "to",
        "to_formatted",
        "from",
        "from_formatted",
        "phone_number_sid",
        "status",
        "start_time",
        "end_time",
        "duration",
        "price",
        "price_unit",
        "direction",
        "answered_by",
        "api_version",
        "forwarded_from",
        "caller_name",
        "uri",
        "subresource_uris",
    ],
};

pub(super) async fn dispatch<C: CallControl>(request: &Request<C>, path: &[&str]) -> Result<Reply, Fault> {
    let [sid, rest @ ..] = path else {
        return match request.verb {
            Verb::Get => list::list(request),
            Verb::Post => create::create(request).await,
            _ => Err(Fault::wrong_verb("GET, POST")),
        };
    };
    let sid: CallSid = sid.parse().map_err(|_| Fault::not_found())?;
    if request.store().call(&request.account.sid, &sid)?.is_none() {
        // An application knows of its call as soon as it is asked for TwiML; the row is written meanwhile.
        request.store().settled().await?;
    }
    match rest {
        [] => match request.verb {
            Verb::Get => fetch::fetch(request, &sid),
            Verb::Post => update::update(request, sid).await,
            Verb::Delete => delete::delete(request, sid).await,
            Verb::Other => Err(Fault::wrong_verb("GET, POST, DELETE")),
        },
        ["Notifications", rest @ ..] => {
            find(request, &sid)?;
            notifications::dispatch(request, Some(&sid), rest)
        }
        ["Events"] => match request.verb {
            Verb::Get => events::list(request, &sid),
            _ => Err(Fault::wrong_verb("GET")),
        },
        _ => Err(Fault::not_found()),
    }
}

fn find<C>(request: &Request<C>, sid: &CallSid) -> Result<Call, Fault> {
    request.store().call(&request.account.sid, sid)?.ok_or_else(Fault::not_found)
}

/// The collections below a call, by their key and their path.
const SUBRESOURCES: [(&str, &str); 9] = [
    ("notifications", "Notifications"),
    ("recordings", "Recordings"),
    ("payments", "Payments"),
    ("events", "Events"),
    ("siprec", "Siprec"),
    ("streams", "Streams"),
    ("transcriptions", "Transcriptions"),
    ("user_defined_message_subscriptions", "UserDefinedMessageSubscriptions"),
    ("user_defined_messages", "UserDefinedMessages"),
];

fn describe(call: &Call, place: &Place) -> Vec<Field> {
    let path = format!("/Calls/{}", call.sid);
    let links = SUBRESOURCES.map(|(key, name)| (key, place.uri(&format!("{path}/{name}"))));
    vec![
        ("account_sid", text(call.account_sid)),
        ("answered_by", call.answered_by.clone().into()),
        ("api_version", API_VERSION.into()),
        ("caller_name", call.caller_name.clone().into()),
        ("date_created", call.created.into()),
        ("date_updated", call.updated.into()),
        ("direction", call.direction.as_str().into()),
        ("duration", optional_text(duration_s(call))),
        ("end_time", call.end_time.into()),
        ("forwarded_from", call.forwarded_from.clone().into()),
        ("from", call.from.clone().into()),
        ("from_formatted", formatted(&call.from).into()),
        ("group_sid", call.group_sid.clone().into()),
        ("parent_call_sid", optional_text(call.parent_call_sid)),
        ("phone_number_sid", optional_text(call.phone_number_sid)),
        ("price", call.price.clone().into()),
        ("price_unit", call.price_unit.clone().into()),
        ("sid", text(call.sid)),
        ("start_time", call.start_time.into()),
        ("status", status(call.status).into()),
        ("subresource_uris", Value::Links(links.into())),
        ("to", call.to.clone().into()),
        ("to_formatted", formatted(&call.to).into()),
        ("trunk_sid", call.trunk_sid.clone().into()),
        ("uri", place.uri(&path).into()),
        ("queue_time", text(call.queue_time_ms)),
    ]
}

/// `initiated` is a word of webhooks; the resource says `queued` (contract, runtime.md 2.3).
fn status(status: CallStatus) -> &'static str {
    match status {
        CallStatus::Initiated => CallStatus::Queued.as_str(),
        other => other.as_str(),
    }
}

/// "Empty for busy, failed, unanswered, or ongoing calls".
fn duration_s(call: &Call) -> Option<u32> {
    call.duration_s.filter(|_| call.status == CallStatus::Completed)
}

/// North American numbers as people write them there; everything else as it is.
pub(super) fn formatted(party: &str) -> String {
    let national = party
        .strip_prefix("+1")
        .filter(|digits| digits.len() == 10 && digits.bytes().all(|byte| byte.is_ascii_digit()));
    match national {
        Some(digits) => format!("({}) {}-{}", &digits[..3], &digits[3..6], &digits[6..]),
        None => party.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_north_american_numbers_only() {
        assert_eq!(formatted("+13051416799"), "(305) 141-6799");
        for other in ["+442071838750", "sip:alice@acme.sip.twilio.com", "+1305141679", "+1305141679x", ""] {
            assert_eq!(formatted(other), other);
        }
    }
}
