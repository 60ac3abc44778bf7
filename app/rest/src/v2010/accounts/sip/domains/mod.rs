//! `/2010-04-01/Accounts/{AC}/SIP/Domains` (contract, rest.md 1).

mod create;
mod delete;
mod fetch;
mod list;
mod mappings;
mod parameters;
mod registrations;
mod update;

use ringway_engine::calls::CallControl;
use ringway_store::{AuthTypes, Domain};

use crate::error::{Code, Fault};
use crate::representation::{Kind, Personal, Property, Represent, Shape, Value, property, text};
use crate::tree::{Group, Scope, Tree};
use crate::v2010::API_VERSION;

static GROUP: Group = Group {
    name: "SIP domains",
    about: "Names that phones and carriers call in to, what is done with those calls, and who may make them.",
    is_administrative: false,
};

pub(super) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    tree.at(&GROUP, Scope::BelowAccount, "/SIP/Domains")
        .get("ListSipDomain", "Lists the domains, newest first.", list::list)
        .post("CreateSipDomain", "Adds a domain.", create::create);
    tree.at(&GROUP, Scope::BelowAccount, "/SIP/Domains/{Sid}")
        .get("FetchSipDomain", "Shows a domain.", fetch::fetch)
        .post("UpdateSipDomain", "Changes what is given of a domain.", update::update)
        .delete(
            "DeleteSipDomain",
            "Deletes a domain that has no subdomains, with its mappings.",
            delete::delete,
        );
    mappings::grow(tree);
    registrations::grow(tree);
}

impl Represent for Domain {
    const SHAPE: Shape = Shape {
        name: "SipDomain",
        key: "domains",
        element: "SipDomain",
        elements: "SipDomains",
        xml_first: &[
            "sid",
            "account_sid",
            "friendly_name",
            "api_version",
            "domain_name",
            "auth_type",
            "voice_url",
            "voice_method",
            "voice_fallback_url",
            "voice_fallback_method",
            "voice_status_callback_url",
            "voice_status_callback_method",
            "sip_registration",
            "emergency_calling_enabled",
            "secure",
            "byoc_trunk_sid",
            "emergency_caller_sid",
            "date_created",
            "date_updated",
            "uri",
            "subresource_uris",
        ],
    };
    const PROPERTIES: &'static [Property<Self>] = &[
        property("account_sid", Kind::Sid("AC"), "Whose it is.", |domain: &Self, _| text(domain.account_sid)),
        property("api_version", Kind::Text, "The version of the API that its calls are of.", |_, _| {
            API_VERSION.into()
        }),
        property(
            "auth_type",
            Kind::OneOf(&["", "IP_ACL", "CREDENTIAL_LIST", "IP_ACL,CREDENTIAL_LIST"]),
            "Which kinds of lists are mapped for calls. Without any, nobody may call.",
            |domain: &Self, _| auth_type(&domain.auth).into(),
        ),
        property("date_created", Kind::Rfc2822, "When it was made.", |domain: &Self, _| {
            domain.created.into()
        }),
        property("date_updated", Kind::Rfc2822, "When it was last changed.", |domain: &Self, _| {
            domain.updated.into()
        }),
        property("domain_name", Kind::Text, "Its name in SIP addresses.", |domain: &Self, _| {
            domain.domain_name.clone().into()
        }),
        property("friendly_name", Kind::Text, "A text that describes it.", |domain: &Self, _| {
            domain.friendly_name.clone().into()
        })
        .nullable(),
        property("sip_registration", Kind::Boolean, "Whether phones may register.", |domain: &Self, _| {
            domain.sip_registration.into()
        }),
        property("sid", Kind::Sid("SD"), "What it is called in paths.", |domain: &Self, _| text(domain.sid)),
        property(
            "subresource_uris",
            Kind::Links(&["credential_list_mappings", "ip_access_control_list_mappings"]),
            "The lists that are mapped for calls.",
            |domain: &Self, place| {
                let below = |name: &str| {
                    place.uri(&domain.account_sid, &format!("/SIP/Domains/{}/{name}", domain.sid))
                };
                Value::Links(vec![
                    ("credential_list_mappings", below("CredentialListMappings")),
                    ("ip_access_control_list_mappings", below("IpAccessControlListMappings")),
                ])
            },
        ),
        property("uri", Kind::Uri, "Where it is.", |domain: &Self, place| {
            place.uri(&domain.account_sid, &format!("/SIP/Domains/{}", domain.sid)).into()
        }),
        property("voice_fallback_method", Kind::Method, "How the fallback is asked.", |domain: &Self, _| {
            domain.voice_fallback_method.as_str().into()
        }),
        property(
            "voice_fallback_url",
            Kind::Uri,
            "Who is asked when the voice URL fails.",
            |domain: &Self, _| domain.voice_fallback_url.clone().into(),
        )
        .nullable()
        .personal(Personal::STANDARD),
        property("voice_method", Kind::Method, "How the voice URL is asked.", |domain: &Self, _| {
            domain.voice_method.as_str().into()
        }),
        property("voice_status_callback_method", Kind::Method, "How it is told.", |domain: &Self, _| {
            domain.voice_status_callback_method.as_str().into()
        }),
        property("voice_status_callback_url", Kind::Uri, "Who is told how calls go.", |domain: &Self, _| {
            domain.voice_status_callback_url.clone().into()
        })
        .nullable()
        .personal(Personal::STANDARD),
        property("voice_url", Kind::Uri, "Who is asked what a call should do.", |domain: &Self, _| {
            domain.voice_url.clone().into()
        })
        .nullable()
        .personal(Personal::STANDARD),
        property(
            "emergency_calling_enabled",
            Kind::Boolean,
            "Whether emergency calls are taken.",
            |domain: &Self, _| domain.emergency_calling_enabled.into(),
        ),
        property(
            "secure",
            Kind::Boolean,
            "Whether calls must come over TLS with SRTP.",
            |domain: &Self, _| domain.secure.into(),
        ),
        property("byoc_trunk_sid", Kind::Sid("BY"), "The trunk that it belongs to.", |domain: &Self, _| {
            domain.byoc_trunk_sid.map(text).into()
        })
        .nullable(),
        property(
            "emergency_caller_sid",
            Kind::Sid("PN"),
            "The number that emergency calls come from.",
            |domain: &Self, _| domain.emergency_caller_sid.map(text).into(),
        )
        .nullable(),
    ];
}

/// Computed from what is mapped for calls; separator and order are a choice (contract, rest.md 6).
fn auth_type(auth: &AuthTypes) -> &'static str {
    match (auth.ip_access_control_list, auth.credential_list) {
        (true, true) => "IP_ACL,CREDENTIAL_LIST",
        (true, false) => "IP_ACL",
        (false, true) => "CREDENTIAL_LIST",
        (false, false) => "",
    }
}

fn no_trunk() -> Fault {
    let sentence = "ByocTrunkSid must be the SID of a BYOC trunk of this account";
    Fault::because(Code::InvalidByocTrunk, sentence)
}

fn no_emergency_caller() -> Fault {
    let sentence = "EmergencyCallerSid must be the SID of a phone number of this account with a registered \
                    emergency address";
    Fault::because(Code::EmergencyAddress, sentence)
}

fn name_taken() -> Fault {
    Fault::because(Code::InvalidDomain, "DomainName is in use")
}

fn outside_suffixes() -> Fault {
    Fault::because(Code::InvalidDomain, "DomainName must end with a suffix that is served here")
}

fn no_parent(parent: &str) -> Fault {
    let sentence = format!("DomainName is a subdomain of {parent}, which is not a domain of this account");
    Fault::because(Code::InvalidDomain, sentence)
}
