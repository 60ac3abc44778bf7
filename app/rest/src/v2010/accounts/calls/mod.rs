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

use super::API_VERSION;
use crate::error::Fault;
use crate::representation::{Kind, Personal, Property, Represent, Shape, Value, link_keys, property, text};
use crate::request::Request;
use crate::tree::{Group, Scope, Tree};

static GROUP: Group = Group {
    name: "Calls",
    about: "Calls, live and finished, and what they asked of their application.",
    is_administrative: false,
};

pub(super) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    tree.at(&GROUP, Scope::BelowAccount, "/Calls")
        .get(
            "ListCall",
            "Lists the calls, newest first. The operators `<` and `>` are part of a parameter's name.",
            list::list,
        )
        .post("CreateCall", "Begins a call to a number, a SIP address or a client.", create::create);
    tree.at(&GROUP, Scope::BelowAccount, "/Calls/{Sid}")
        .get("FetchCall", "Shows a call.", fetch::fetch)
        .post("UpdateCall", "Ends a live call, or sends it to other TwiML.", update::update)
        .delete("DeleteCall", "Deletes the record of a finished call.", delete::delete);
    tree.at(&GROUP, Scope::BelowAccount, "/Calls/{CallSid}/Events").get(
        "ListCallEvent",
        "Lists the requests that a call made to its application, newest first.",
        events::list,
    );
}

/// The call of a path. An application knows of its call as soon as it is asked for TwiML, while the row is still
/// being written.
pub(super) async fn find<C>(request: &Request<C>, sid: &CallSid) -> Result<Call, Fault> {
    if let Some(call) = request.store().call(&request.account.sid, sid)? {
        return Ok(call);
    }
    request.store().settled().await?;
    request.store().call(&request.account.sid, sid)?.ok_or_else(Fault::not_found)
}

const STATUSES: &[(&str, CallStatus)] = &[
    ("queued", CallStatus::Queued),
    ("ringing", CallStatus::Ringing),
    ("in-progress", CallStatus::InProgress),
    ("canceled", CallStatus::Canceled),
    ("completed", CallStatus::Completed),
    ("failed", CallStatus::Failed),
    ("busy", CallStatus::Busy),
    ("no-answer", CallStatus::NoAnswer),
];

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

impl Represent for Call {
    const SHAPE: Shape = Shape {
        name: "Call",
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
    const PROPERTIES: &'static [Property<Self>] = &[
        property("account_sid", Kind::Sid("AC"), "Whose it is.", |call: &Self, _| text(call.account_sid)),
        property("answered_by", Kind::Text, "Who answered: a person or a machine.", |call: &Self, _| {
            call.answered_by.clone().into()
        })
        .nullable(),
        property("api_version", Kind::Text, "The version of the API.", |_, _| API_VERSION.into()),
        property("caller_name", Kind::Text, "The name of the caller.", |call: &Self, _| {
            call.caller_name.clone().into()
        })
        .nullable()
        .personal(Personal::OF_CALLS),
        property("date_created", Kind::Rfc2822, "When it was made.", |call: &Self, _| call.created.into()),
        property("date_updated", Kind::Rfc2822, "When it was last changed.", |call: &Self, _| {
            call.updated.into()
        }),
        property(
            "direction",
            Kind::OneOf(&["inbound", "outbound-api", "outbound-dial"]),
            "Who began it.",
            |call: &Self, _| call.direction.as_str().into(),
        ),
        property(
            "duration",
            Kind::Digits,
            "How long it was, in seconds, once it is completed.",
            |call: &Self, _| duration_s(call).map(text).into(),
        )
        .nullable(),
        property("end_time", Kind::Rfc2822, "When it ended.", |call: &Self, _| call.end_time.into())
            .nullable(),
        property("forwarded_from", Kind::Text, "Who sent it on.", |call: &Self, _| {
            call.forwarded_from.clone().into()
        })
        .nullable()
        .personal(Personal::OF_CALLS),
        property("from", Kind::Text, "The caller: a number or a SIP address.", |call: &Self, _| {
            call.from.clone().into()
        })
        .personal(Personal::OF_CALLS),
        property("from_formatted", Kind::Text, "The caller, for people to read.", |call: &Self, _| {
            formatted(&call.from).into()
        })
        .personal(Personal::OF_CALLS),
        property("group_sid", Kind::Sid("GP"), "The group of calls that it belongs to.", |call: &Self, _| {
            call.group_sid.clone().into()
        })
        .nullable(),
        property("parent_call_sid", Kind::Sid("CA"), "The call that dialled it.", |call: &Self, _| {
            call.parent_call_sid.map(text).into()
        })
        .nullable(),
        property(
            "phone_number_sid",
            Kind::Sid("PN"),
            "The number of ours that it used.",
            |call: &Self, _| call.phone_number_sid.map(text).into(),
        )
        .nullable(),
        property("price", Kind::Text, "What it cost; nothing has a price here.", |call: &Self, _| {
            call.price.clone().into()
        })
        .nullable(),
        property("price_unit", Kind::Text, "The currency of the price.", |call: &Self, _| {
            call.price_unit.clone().into()
        })
        .nullable(),
        property("sid", Kind::Sid("CA"), "What it is called in paths.", |call: &Self, _| text(call.sid)),
        property("start_time", Kind::Rfc2822, "When it began.", |call: &Self, _| call.start_time.into())
            .nullable(),
        property(
            "status",
            Kind::OneOf(&[
                "queued",
                "ringing",
                "in-progress",
                "canceled",
                "completed",
                "failed",
                "busy",
                "no-answer",
            ]),
            "How it is, or how it ended.",
            |call: &Self, _| status(call.status).into(),
        ),
        property(
            "subresource_uris",
            Kind::Links(&link_keys(SUBRESOURCES)),
            "The collections below it.",
            |call: &Self, place| {
                let path = format!("/Calls/{}", call.sid);
                let links = SUBRESOURCES
                    .map(|(key, name)| (key, place.uri(&call.account_sid, &format!("{path}/{name}"))));
                Value::Links(links.into())
            },
        ),
        property("to", Kind::Text, "Who was called: a number or a SIP address.", |call: &Self, _| {
            call.to.clone().into()
        })
        .personal(Personal::OF_CALLS),
        property("to_formatted", Kind::Text, "Who was called, for people to read.", |call: &Self, _| {
            formatted(&call.to).into()
        })
        .personal(Personal::OF_CALLS),
        property("trunk_sid", Kind::Sid("TK"), "The trunk that it came over.", |call: &Self, _| {
            call.trunk_sid.clone().into()
        })
        .nullable(),
        property("uri", Kind::Uri, "Where it is.", |call: &Self, place| {
            place.uri(&call.account_sid, &format!("/Calls/{}", call.sid)).into()
        }),
        property(
            "queue_time",
            Kind::Digits,
            "How long it waited to begin, in milliseconds.",
            |call: &Self, _| text(call.queue_time_ms),
        ),
    ];
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
