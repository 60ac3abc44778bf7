//! How numbers are shown.

use std::marker::PhantomData;

use ringway_store::IncomingPhoneNumber;

use super::kinds::Numbers;
use crate::representation::{Kind, Personal, Property, Represent, Shape, Value, property, text};

const XML_FIRST: &[&str] = &[
    "sid",
    "account_sid",
    "friendly_name",
    "phone_number",
    "voice_url",
    "voice_method",
    "voice_fallback_url",
    "voice_fallback_method",
    "status_callback",
    "status_callback_method",
    "voice_caller_id_lookup",
    "voice_application_sid",
    "date_created",
    "date_updated",
    "sms_url",
    "sms_method",
    "sms_fallback_url",
    "sms_fallback_method",
    "sms_application_sid",
    "capabilities",
    "beta",
    "api_version",
    "uri",
];

/// A number, as the lists of `N` show it.
pub(super) struct Shown<N> {
    number: IncomingPhoneNumber,
    list: PhantomData<N>,
}

impl<N> Shown<N> {
    pub(super) fn new(number: IncomingPhoneNumber) -> Self {
        Self { number, list: PhantomData }
    }
}

/// A number, as the list of those that have an address shows it.
pub(in super::super) struct Dependent(pub(super) IncomingPhoneNumber);

/// The fields that all have, for a `$number` that gives the number, and `$more`.
macro_rules! common {
    ($number:expr, [$($more:expr),*]) => {
        &[
            property("account_sid", Kind::Sid("AC"), "Whose it is.", |it: &Self, _| text($number(it).account_sid)),
            property(
                "address_requirements",
                Kind::OneOf(&["none", "any", "local", "foreign"]),
                "Which address it needs: none.",
                |_, _| "none".into(),
            ),
            property("api_version", Kind::Text, "The version of the API that calls to it are of.", |it: &Self, _| {
                $number(it).fields.api_version.clone().into()
            }),
            property("date_created", Kind::Rfc2822, "When it was made.", |it: &Self, _| $number(it).created.into()),
            property("date_updated", Kind::Rfc2822, "When it was last changed.", |it: &Self, _| {
                $number(it).updated.into()
            }),
            property("emergency_address_sid", Kind::Sid("AD"), "Where help is sent.", |it: &Self, _| {
                $number(it).fields.emergency_address_sid.map(text).into()
            })
            .nullable(),
            property(
                "emergency_status",
                Kind::OneOf(&["Active", "Inactive"]),
                "Whether emergency calls are sent with its address.",
                |it: &Self, _| if $number(it).fields.emergency_active { "Active" } else { "Inactive" }.into(),
            ),
            property("friendly_name", Kind::Text, "A text that describes it.", |it: &Self, _| {
                $number(it).fields.friendly_name.clone().into()
            })
            .personal(Personal::STANDARD),
            property("phone_number", Kind::Text, "The number, in E.164.", |it: &Self, _| {
                $number(it).fields.phone_number.clone().into()
            }),
            property("sid", Kind::Sid("PN"), "What it is called in paths.", |it: &Self, _| text($number(it).sid)),
            property("sms_application_sid", Kind::Sid("AP"), "Kept for messages.", |it: &Self, _| {
                $number(it).fields.sms_application_sid.map(text).into()
            })
            .nullable(),
            property("sms_fallback_method", Kind::Method, "Kept for messages.", |it: &Self, _| {
                $number(it).fields.sms_fallback_method.as_str().into()
            }),
            property("sms_fallback_url", Kind::Uri, "Kept for messages.", |it: &Self, _| {
                $number(it).fields.sms_fallback_url.clone().into()
            })
            .nullable(),
            property("sms_method", Kind::Method, "Kept for messages.", |it: &Self, _| {
                $number(it).fields.sms_method.as_str().into()
            }),
            property("sms_url", Kind::Uri, "Kept for messages.", |it: &Self, _| {
                $number(it).fields.sms_url.clone().into()
            })
            .nullable(),
            property("status_callback", Kind::Uri, "Who is told how calls go.", |it: &Self, _| {
                $number(it).fields.status_callback.clone().into()
            })
            .nullable(),
            property("status_callback_method", Kind::Method, "How it is told.", |it: &Self, _| {
                $number(it).fields.status_callback_method.as_str().into()
            }),
            property("trunk_sid", Kind::Sid("TK"), "The trunk that takes the calls.", |it: &Self, _| {
                $number(it).fields.trunk_sid.map(text).into()
            })
            .nullable(),
            property("uri", Kind::Uri, "Where it is.", |it: &Self, place| {
                let number = $number(it);
                place.uri(&number.account_sid, &format!("/IncomingPhoneNumbers/{}", number.sid)).into()
            }),
            property("voice_application_sid", Kind::Sid("AP"), "The application that takes the calls.", |it: &Self, _| {
                $number(it).fields.voice_application_sid.map(text).into()
            })
            .nullable(),
            property(
                "voice_caller_id_lookup",
                Kind::Boolean,
                "Whether the caller's name is looked up.",
                |it: &Self, _| $number(it).fields.voice_caller_id_lookup.into(),
            ),
            property("voice_fallback_method", Kind::Method, "How the fallback is asked.", |it: &Self, _| {
                $number(it).fields.voice_fallback_method.as_str().into()
            }),
            property("voice_fallback_url", Kind::Uri, "Who is asked when the voice URL fails.", |it: &Self, _| {
                $number(it).fields.voice_fallback_url.clone().into()
            })
            .nullable(),
            property("voice_method", Kind::Method, "How the voice URL is asked.", |it: &Self, _| {
                $number(it).fields.voice_method.as_str().into()
            }),
            property("voice_url", Kind::Uri, "Who is asked what a call should do.", |it: &Self, _| {
                $number(it).fields.voice_url.clone().into()
            })
            .nullable(),
            $($more,)*
        ]
    };
}

fn shown<N>(shown: &Shown<N>) -> &IncomingPhoneNumber {
    &shown.number
}

fn dependent(dependent: &Dependent) -> &IncomingPhoneNumber {
    &dependent.0
}

const fn shape(name: &'static str) -> Shape {
    Shape {
        name,
        key: "incoming_phone_numbers",
        element: "IncomingPhoneNumber",
        elements: "IncomingPhoneNumbers",
        xml_first: XML_FIRST,
    }
}

/// The fields of a number, `$more` at the end.
macro_rules! properties {
    ($($more:expr),*) => {
        common!(shown, [
            property("address_sid", Kind::Sid("AD"), "The address that it has.", |it: &Self, _| {
                shown(it).fields.address_sid.map(text).into()
            })
            .nullable(),
            property("beta", Kind::Boolean, "Always false: no number is new to anybody.", |_, _| false.into()),
            property("bundle_sid", Kind::Sid("BU"), "Kept, and without effect.", |it: &Self, _| {
                shown(it).fields.bundle_sid.map(text).into()
            })
            .nullable(),
            property(
                "capabilities",
                Kind::Object(&[
                    ("voice", Kind::Boolean),
                    ("sms", Kind::Boolean),
                    ("mms", Kind::Boolean),
                    ("fax", Kind::Boolean),
                ]),
                "What it can do: calls.",
                |_, _| {
                    let can = |name: &'static str, can: bool| (name.into(), can.into());
                    Value::Object(vec![can("voice", true), can("sms", false), can("mms", false), can("fax", false)])
                },
            ),
            property(
                "emergency_address_status",
                Kind::OneOf(&[
                    "registered",
                    "unregistered",
                    "pending-registration",
                    "registration-failure",
                    "pending-unregistration",
                    "unregistration-failure",
                ]),
                "Whether an address for emergency calls is known.",
                |it: &Self, _| match shown(it).fields.emergency_address_sid {
                    Some(_) => "registered".into(),
                    None => "unregistered".into(),
                },
            ),
            property("identity_sid", Kind::Sid("RI"), "Kept, and without effect.", |it: &Self, _| {
                shown(it).fields.identity_sid.map(text).into()
            })
            .nullable(),
            property("origin", Kind::Text, "Always hosted: numbers are brought along.", |_, _| "hosted".into()),
            property("status", Kind::Text, "Always in-use.", |_, _| "in-use".into()),
            property("voice_receive_mode", Kind::OneOf(&["voice", "fax"]), "Calls or faxes.", |it: &Self, _| {
                shown(it).fields.voice_receive_mode.as_str().into()
            })
            $(, $more)*
        ])
    };
}

impl<N: Numbers> Represent for Shown<N> {
    const SHAPE: Shape = shape(N::NAME);
    /// In a list of one kind, the kind goes without saying.
    const PROPERTIES: &'static [Property<Self>] = match N::KIND {
        Some(_) => properties!(),
        None => properties!(property(
            "type",
            Kind::OneOf(&["local", "mobile", "toll-free"]),
            "Its kind.",
            |it: &Self, _| shown(it).fields.kind.as_str().into()
        )),
    };
}

impl Represent for Dependent {
    const SHAPE: Shape = Shape {
        name: "DependentPhoneNumber",
        key: "dependent_phone_numbers",
        element: "DependentPhoneNumber",
        elements: "DependentPhoneNumbers",
        xml_first: XML_FIRST,
    };
    const PROPERTIES: &'static [Property<Self>] = common!(
        dependent,
        [property(
            "capabilities",
            Kind::Object(&[("Voice", Kind::Boolean), ("SMS", Kind::Boolean), ("MMS", Kind::Boolean)]),
            "What it can do: calls. The keys are those of the oldest documents.",
            |_, _| {
                let can = |name: &'static str, can: bool| (name.into(), can.into());
                Value::Object(vec![can("Voice", true), can("SMS", false), can("MMS", false)])
            }
        )]
    );
}
