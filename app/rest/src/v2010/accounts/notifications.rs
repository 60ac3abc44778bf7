//! `/2010-04-01/Accounts/{AC}/Notifications`, and `Calls/{CA}/Notifications`: the same notifications, of
//! one call (contract, rest.md 2).

use ringway_engine::calls::CallControl;
use ringway_model::UnixTime;
use ringway_model::sid::{CallSid, NotificationSid};
use ringway_store::{LogLevel, Notification, NotificationFilter};

use super::{API_VERSION, calls};
use crate::error::{Code, Fault};
use crate::page::Listing;
use crate::parameters::{Sent, parameters};
use crate::reply::{Found, Listed};
use crate::representation::{Kind, Personal, Property, Represent, Shape, property, text};
use crate::request::{Place, Request};
use crate::rules;
use crate::tree::{Group, Scope, Tree};

static GROUP: Group = Group {
    name: "Notifications",
    about: "What went wrong in calls and in what was asked for them, for the developer to read.",
    is_administrative: false,
};

pub(super) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    tree.at(&GROUP, Scope::BelowAccount, "/Notifications").get(
        "ListNotification",
        "Lists the notifications, newest first.",
        list,
    );
    tree.at(&GROUP, Scope::BelowAccount, "/Notifications/{Sid}").get(
        "FetchNotification",
        "Shows a notification, with what was sent to the application and what it answered.",
        fetch,
    );
    tree.at(&GROUP, Scope::BelowAccount, "/Calls/{CallSid}/Notifications").get(
        "ListCallNotification",
        "Lists the notifications of a call, newest first.",
        list_of_call,
    );
    tree.at(&GROUP, Scope::BelowAccount, "/Calls/{CallSid}/Notifications/{Sid}").get(
        "FetchCallNotification",
        "Shows a notification of a call, with what was sent to the application and what it answered.",
        fetch_of_call,
    );
}

parameters! {
    struct Filters {
        /// Only errors (0) or only warnings (1).
        log: Option<LogLevel> = "Log", rules::choice(
            &[("0", LogLevel::Error), ("1", LogLevel::Warning)],
            Code::InvalidParameter,
        );
        /// Only those of this day, in UTC.
        on: Option<UnixTime> = "MessageDate", rules::instant();
        /// Only those from before.
        before: Option<UnixTime> = "MessageDate<", rules::instant();
        /// Only those from then on.
        after: Option<UnixTime> = "MessageDate>", rules::instant();
    }
}

async fn list<C: CallControl>(
    request: Request<C>,
    sent: Sent<Listing<Filters>>,
) -> Result<Listed<Shown>, Fault> {
    listed(&request, None, &sent)
}

async fn list_of_call<C: CallControl>(
    request: Request<C>,
    call: CallSid,
    sent: Sent<Listing<Filters>>,
) -> Result<Listed<Shown>, Fault> {
    calls::find(&request, &call).await?;
    listed(&request, Some(call), &sent)
}

fn listed<C>(
    request: &Request<C>,
    call: Option<CallSid>,
    sent: &Sent<Listing<Filters>>,
) -> Result<Listed<Shown>, Fault> {
    let asked = sent.read()?;
    let Filters { log, on, before, after } = asked.filters;
    let filter = NotificationFilter { call_sid: call, log, dates: rules::range(on, before, after) };
    let page = request.store().notifications(&request.account.sid, &filter, &asked.query)?;
    Ok(asked.of(page.map(|notification| Shown { notification, call })))
}

async fn fetch<C: CallControl>(request: Request<C>, sid: NotificationSid) -> Result<Found<Whole>, Fault> {
    fetched(&request, None, &sid)
}

async fn fetch_of_call<C: CallControl>(
    request: Request<C>,
    call: CallSid,
    sid: NotificationSid,
) -> Result<Found<Whole>, Fault> {
    calls::find(&request, &call).await?;
    fetched(&request, Some(call), &sid)
}

fn fetched<C>(
    request: &Request<C>,
    call: Option<CallSid>,
    sid: &NotificationSid,
) -> Result<Found<Whole>, Fault> {
    let found = request.store().notification(&request.account.sid, call.as_ref(), sid)?;
    Ok(Found(Whole(Shown { notification: found.ok_or_else(Fault::not_found)?, call })))
}

/// A notification as lists show it.
struct Shown {
    notification: Notification,
    /// The call of the path that it was reached by.
    call: Option<CallSid>,
}

impl Shown {
    fn uri(&self, place: &Place) -> String {
        let sid = self.notification.sid;
        let path = match self.call {
            None => format!("/Notifications/{sid}"),
            Some(call) => format!("/Calls/{call}/Notifications/{sid}"),
        };
        place.uri(&self.notification.account_sid, &path)
    }
}

/// A notification with what was sent to the application, and what it answered.
struct Whole(Shown);

const XML_FIRST: &[&str] = &[
    "sid",
    "account_sid",
    "call_sid",
    "log",
    "error_code",
    "more_info",
    "message_text",
    "message_date",
    "response_body",
    "request_method",
    "request_url",
    "request_variables",
    "response_headers",
    "date_created",
    "api_version",
    "date_updated",
    "uri",
];

/// The fields that both have, for a `$shown` that gives the notification.
macro_rules! common {
    ($shown:expr, [$($more:expr),*]) => {
        &[
            property("account_sid", Kind::Sid("AC"), "Whose it is.", |it: &Self, _| {
                text($shown(it).notification.account_sid)
            }),
            property("api_version", Kind::Text, "The version of the API.", |_, _| API_VERSION.into()),
            property("call_sid", Kind::Sid("CA"), "The call that it is about.", |it: &Self, _| {
                $shown(it).notification.call_sid.map(text).into()
            })
            .nullable(),
            property("date_created", Kind::Rfc2822, "When it was made.", |it: &Self, _| {
                $shown(it).notification.created.into()
            }),
            property("date_updated", Kind::Rfc2822, "When it was last changed.", |it: &Self, _| {
                $shown(it).notification.updated.into()
            }),
            property("error_code", Kind::Digits, "The number of the error.", |it: &Self, _| {
                text($shown(it).notification.error_code)
            }),
            property("log", Kind::OneOf(&["0", "1"]), "An error (0) or a warning (1).", |it: &Self, _| {
                match $shown(it).notification.log {
                    LogLevel::Error => "0",
                    LogLevel::Warning => "1",
                }
                .into()
            }),
            property("message_date", Kind::Rfc2822, "When it happened.", |it: &Self, _| {
                $shown(it).notification.message_date.into()
            }),
            property("message_text", Kind::Text, "What happened.", |it: &Self, _| {
                $shown(it).notification.message_text.clone().into()
            }),
            property("more_info", Kind::Uri, "The page about the error.", |it: &Self, place| {
                place.more_info($shown(it).notification.error_code).into()
            }),
            property("request_method", Kind::Method, "How the application was asked.", |it: &Self, _| {
                let method = &$shown(it).notification.request_method;
                Some(method.clone()).filter(|method| !method.is_empty()).into()
            })
            .nullable(),
            property("request_url", Kind::Text, "What was asked of the application.", |it: &Self, _| {
                $shown(it).notification.request_url.clone().into()
            })
            .personal(Personal::STANDARD),
            $($more,)*
            property("sid", Kind::Sid("NO"), "What it is called in paths.", |it: &Self, _| {
                text($shown(it).notification.sid)
            }),
            property("uri", Kind::Uri, "Where it is.", |it: &Self, place| $shown(it).uri(place).into()),
        ]
    };
}

fn itself(shown: &Shown) -> &Shown {
    shown
}

fn inside(whole: &Whole) -> &Shown {
    &whole.0
}

impl Represent for Shown {
    const SHAPE: Shape = Shape {
        name: "Notification",
        key: "notifications",
        element: "Notification",
        elements: "Notifications",
        xml_first: XML_FIRST,
    };
    const PROPERTIES: &'static [Property<Self>] = common!(itself, []);
}

impl Represent for Whole {
    const SHAPE: Shape = Shape { name: "NotificationInstance", ..Shown::SHAPE };
    const PROPERTIES: &'static [Property<Self>] = common!(
        inside,
        [
            property("request_variables", Kind::Text, "The parameters of the request.", |it: &Whole, _| {
                it.0.notification.request_variables.clone().into()
            })
            .personal(Personal::SENSITIVE),
            property("response_body", Kind::Text, "What the application answered.", |it: &Whole, _| {
                it.0.notification.response_body.clone().into()
            })
            .personal(Personal::SENSITIVE),
            property("response_headers", Kind::Text, "The headers of the answer.", |it: &Whole, _| {
                it.0.notification.response_headers.clone().into()
            })
        ]
    );
}
