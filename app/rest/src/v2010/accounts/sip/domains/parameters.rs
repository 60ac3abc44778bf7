//! What create and update of a domain share.

use ringway_model::sid::{ByocTrunkSid, PhoneNumberSid};
use ringway_store::HttpMethod;

use crate::error::{Code, Fault};
use crate::parameters::parameters;
use crate::rules::{self, Rule, clearable_sid, required};

/// Contract, rest.md 4.
const FRIENDLY_NAME_MAX: usize = 64;

parameters! {
    /// In the alphabetical order in which the documents print them, so that the first bad one is the one that is
    /// named.
    pub(super) struct Changes {
        /// A BYOC trunk of this account that the domain belongs to; given empty, none.
        byoc_trunk_sid: Option<Option<ByocTrunkSid>> = "ByocTrunkSid", clearable_sid::<ByocTrunkSid>(
            Code::InvalidByocTrunk,
            "a BYOC trunk of this account",
        );
        /// The name that phones and carriers call. It ends with a suffix that is served here; below another
        /// domain it can be only when that domain is of this account or its owner.
        domain_name: Option<String> = "DomainName", rules::domain_name();
        /// A number of this account with a registered emergency address, where emergency calls come from;
        /// given empty, none.
        emergency_caller_sid: Option<Option<PhoneNumberSid>> = "EmergencyCallerSid", clearable_sid::<PhoneNumberSid>(
            Code::EmergencyAddress,
            "a phone number of this account with a registered emergency address",
        );
        /// Whether emergency calls are taken.
        emergency_calling_enabled: Option<bool> = "EmergencyCallingEnabled", boolean();
        /// A text that describes the domain.
        friendly_name: Option<String> =
            "FriendlyName", rules::text(0..=FRIENDLY_NAME_MAX, Code::DomainValidation);
        /// Whether calls must come over TLS with SRTP.
        secure: Option<bool> = "Secure", boolean();
        /// Whether phones may register.
        sip_registration: Option<bool> = "SipRegistration", boolean();
        /// How the fallback is asked.
        voice_fallback_method: Option<HttpMethod> = "VoiceFallbackMethod", method();
        /// Who is asked when the voice URL has no good answer; needs a `VoiceUrl`. Given empty, nobody.
        voice_fallback_url: Option<Option<String>> = "VoiceFallbackUrl", url();
        /// How the voice URL is asked.
        voice_method: Option<HttpMethod> = "VoiceMethod", method();
        /// How the status callback is told.
        voice_status_callback_method: Option<HttpMethod> = "VoiceStatusCallbackMethod", method();
        /// Who is told how calls go; given empty, nobody.
        voice_status_callback_url: Option<Option<String>> = "VoiceStatusCallbackUrl", url();
        /// Who is asked what a call to the domain should do; given empty, nobody.
        voice_url: Option<Option<String>> = "VoiceUrl", url();
    }
}

parameters! {
    /// What a new domain must have.
    pub(super) struct Name {
        /// The name that phones and carriers call.
        domain_name: String = "DomainName", required(rules::domain_name(), Code::DomainValidation);
    }
}

fn url() -> impl Rule<Value = Option<Option<String>>> {
    rules::url(Code::InvalidUrl)
}

fn method() -> impl Rule<Value = Option<HttpMethod>> {
    rules::method(Code::InvalidMethod)
}

fn boolean() -> impl Rule<Value = Option<bool>> {
    rules::boolean(Code::DomainValidation)
}

impl Changes {
    /// Refuses a fallback URL that is set where no first URL is, or stays (21405).
    pub(super) fn check_fallback(&self, present_voice_url: Option<&str>) -> Result<(), Fault> {
        let has_url = match &self.voice_url {
            Some(url) => url.is_some(),
            None => present_voice_url.is_some(),
        };
        rules::fallback("Voice", matches!(self.voice_fallback_url, Some(Some(_))), has_url)
    }
}
