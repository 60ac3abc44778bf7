//! `/2010-04-01/Accounts/{AC}/SIP/Domains` (contract, rest.md 1).

mod create;
mod delete;
mod fetch;
mod list;
mod mappings;
mod registrations;
mod update;

use ringway_model::sid::PhoneNumberSid;
use ringway_model::sid::{ByocTrunkSid, DomainSid};
use ringway_store::{AuthTypes, Domain, HttpMethod, MappingKind};

use crate::error::{Code, Fault};
use crate::form::Form;
use crate::reply::Reply;
use crate::representation::{Field, Shape, Value, optional_text, text};
use crate::request::{Place, Request, Verb};
use crate::rules;
use crate::v2010::API_VERSION;
use mappings::Door;

/// Contract, rest.md 4.
const FRIENDLY_NAME_MAX: usize = 64;

const SHAPE: Shape = Shape {
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

pub(super) async fn dispatch<C>(request: &Request<C>, path: &[&str]) -> Result<Reply, Fault> {
    let [sid, rest @ ..] = path else {
        return match request.verb {
            Verb::Get => list::list(request),
            Verb::Post => create::create(request).await,
            _ => Err(Fault::wrong_verb("GET, POST")),
        };
    };
    let sid: DomainSid = sid.parse().map_err(|_| Fault::not_found())?;
    let (door, rest) = match rest {
        [] => return instance(request, sid).await,
        ["IpAccessControlListMappings", rest @ ..] => {
            (Door::Legacy(MappingKind::CallsIpAccessControlList), rest)
        }
        ["CredentialListMappings", rest @ ..] => (Door::Legacy(MappingKind::CallsCredentialList), rest),
        ["Auth", "Calls", "IpAccessControlListMappings", rest @ ..] => {
            (Door::Auth(MappingKind::CallsIpAccessControlList), rest)
        }
        ["Auth", "Calls", "CredentialListMappings", rest @ ..] => {
            (Door::Auth(MappingKind::CallsCredentialList), rest)
        }
        ["Auth", "Registrations", "CredentialListMappings", rest @ ..] => {
            (Door::Auth(MappingKind::RegistrationsCredentialList), rest)
        }
        ["Registrations", rest @ ..] => return registrations::dispatch(request, &sid, rest),
        _ => return Err(Fault::not_found()),
    };
    mappings::dispatch(request, sid, door, rest).await
}

async fn instance<C>(request: &Request<C>, sid: DomainSid) -> Result<Reply, Fault> {
    match request.verb {
        Verb::Get => fetch::fetch(request, &sid),
        Verb::Post => update::update(request, sid).await,
        Verb::Delete => delete::delete(request, sid).await,
        Verb::Other => Err(Fault::wrong_verb("GET, POST, DELETE")),
    }
}

fn describe(domain: &Domain, place: &Place) -> Vec<Field> {
    let path = format!("/SIP/Domains/{}", domain.sid);
    let below = |name: &str| place.uri(&format!("{path}/{name}"));
    let links = vec![
        ("credential_list_mappings", below("CredentialListMappings")),
        ("ip_access_control_list_mappings", below("IpAccessControlListMappings")),
    ];
    vec![
        ("account_sid", text(domain.account_sid)),
        ("api_version", API_VERSION.into()),
        ("auth_type", auth_type(&domain.auth).into()),
        ("date_created", domain.created.into()),
        ("date_updated", domain.updated.into()),
        ("domain_name", domain.domain_name.clone().into()),
        ("friendly_name", domain.friendly_name.clone().into()),
        ("sip_registration", domain.sip_registration.into()),
        ("sid", text(domain.sid)),
        ("subresource_uris", Value::Links(links)),
        ("uri", place.uri(&path).into()),
        ("voice_fallback_method", domain.voice_fallback_method.as_str().into()),
        ("voice_fallback_url", domain.voice_fallback_url.clone().into()),
        ("voice_method", domain.voice_method.as_str().into()),
        ("voice_status_callback_method", domain.voice_status_callback_method.as_str().into()),
        ("voice_status_callback_url", domain.voice_status_callback_url.clone().into()),
        ("voice_url", domain.voice_url.clone().into()),
        ("emergency_calling_enabled", domain.emergency_calling_enabled.into()),
        ("secure", domain.secure.into()),
        ("byoc_trunk_sid", optional_text(domain.byoc_trunk_sid)),
        ("emergency_caller_sid", optional_text(domain.emergency_caller_sid)),
    ]
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

/// The parameters that create and update share, checked in the alphabetical order in which the
/// documents print them, so that the first bad one is the one that is named.
struct Parameters {
    byoc_trunk_sid: Option<Option<ByocTrunkSid>>,
    domain_name: Option<String>,
    emergency_caller_sid: Option<Option<PhoneNumberSid>>,
    emergency_calling_enabled: Option<bool>,
    friendly_name: Option<String>,
    secure: Option<bool>,
    sip_registration: Option<bool>,
    voice_fallback_method: Option<HttpMethod>,
    voice_fallback_url: Option<Option<String>>,
    voice_method: Option<HttpMethod>,
    voice_status_callback_method: Option<HttpMethod>,
    voice_status_callback_url: Option<Option<String>>,
    voice_url: Option<Option<String>>,
}

impl Parameters {
    fn read(form: &Form) -> Result<Self, Fault> {
        let url = |name| rules::url(form, name, Code::InvalidUrl);
        let method = |name| rules::method(form, name, Code::InvalidMethod);
        let boolean = |name| rules::boolean(form, name, Code::DomainValidation);
        let byoc_trunk_sid = byoc_trunk_sid(form)?;
        let domain_name = rules::domain_name(form)?;
        let emergency_caller_sid = emergency_caller(form)?;
        Ok(Self {
            byoc_trunk_sid,
            domain_name,
            emergency_caller_sid,
            emergency_calling_enabled: boolean("EmergencyCallingEnabled")?,
            friendly_name: rules::friendly_name(form, FRIENDLY_NAME_MAX, Code::DomainValidation)?
                .map(str::to_owned),
            secure: boolean("Secure")?,
            sip_registration: boolean("SipRegistration")?,
            voice_fallback_method: method("VoiceFallbackMethod")?,
            voice_fallback_url: url("VoiceFallbackUrl")?,
            voice_method: method("VoiceMethod")?,
            voice_status_callback_method: method("VoiceStatusCallbackMethod")?,
            voice_status_callback_url: url("VoiceStatusCallbackUrl")?,
            voice_url: url("VoiceUrl")?,
        })
    }

    /// Refuses a fallback URL that is set where no first URL is, or stays (21405).
    fn check_fallback(&self, present_voice_url: Option<&str>) -> Result<(), Fault> {
        let sets_fallback = matches!(self.voice_fallback_url, Some(Some(_)));
        let has_url = match &self.voice_url {
            Some(url) => url.is_some(),
            None => present_voice_url.is_some(),
        };
        match sets_fallback && !has_url {
            true => Err(Fault::because(Code::FallbackWithoutUrl, "VoiceFallbackUrl needs a VoiceUrl")),
            false => Ok(()),
        }
    }
}

/// The trunk to set, or, given empty, to clear. Whether it exists is the store's to say.
fn byoc_trunk_sid(form: &Form) -> Result<Option<Option<ByocTrunkSid>>, Fault> {
    match form.value("ByocTrunkSid") {
        None => Ok(None),
        Some("") => Ok(Some(None)),
        Some(sid) => sid.parse().map(|sid| Some(Some(sid))).map_err(|_| no_trunk()),
    }
}

fn no_trunk() -> Fault {
    let sentence = "ByocTrunkSid must be the SID of a BYOC trunk of this account";
    Fault::because(Code::InvalidByocTrunk, sentence)
}

/// The number that emergency calls of the domain come from; the store knows which may be it.
fn emergency_caller(form: &Form) -> Result<Option<Option<PhoneNumberSid>>, Fault> {
    match form.value("EmergencyCallerSid") {
        None => Ok(None),
        Some("") => Ok(Some(None)),
        Some(text) => text.parse().map(|sid| Some(Some(sid))).map_err(|_| no_emergency_caller()),
    }
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
