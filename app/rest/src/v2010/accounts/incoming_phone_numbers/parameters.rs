//! What create and update of a number share.

use ringway_model::sid::{AddressSid, ApplicationSid, BundleSid, IdentitySid, TrunkSid};
use ringway_store::{HttpMethod, IncomingPhoneNumberFields, ReceiveMode};

use crate::error::{Code, Fault};
use crate::parameters::parameters;
use crate::rules::{self, clearable_sid};
use crate::v2010::accounts::applications::set;

const FRIENDLY_NAME_MAX: usize = 64;
const APPLICATION: &str = "an application of this account";
const INVALID: Code = Code::InvalidParameter;

parameters! {
    pub(super) struct Changes {
        /// An address of this account for a number that needs one; given empty, none.
        address_sid: Option<Option<AddressSid>> =
            "AddressSid", clearable_sid::<AddressSid>(INVALID, "an address of this account");
        /// The version of the API that calls to the number say they are of.
        api_version: Option<&'static str> = "ApiVersion", rules::api_version();
        /// Kept, and without effect.
        bundle_sid: Option<Option<BundleSid>> = "BundleSid", clearable_sid::<BundleSid>(INVALID, "a bundle");
        /// An address of this account with `EmergencyEnabled`, where help is sent; given empty, none.
        emergency_address_sid: Option<Option<AddressSid>> = "EmergencyAddressSid", clearable_sid::<AddressSid>(
            Code::EmergencyAddress,
            "an address of this account for emergency calls",
        );
        /// Whether emergency calls from the number are sent with its address.
        emergency_active: Option<bool> =
            "EmergencyStatus", rules::choice(&[("Active", true), ("Inactive", false)], INVALID);
        /// A text that describes the number; unless given, the number.
        friendly_name: Option<String> =
            "FriendlyName", rules::text(0..=FRIENDLY_NAME_MAX, Code::InvalidFriendlyName);
        /// Kept, and without effect.
        identity_sid: Option<Option<IdentitySid>> = "IdentitySid", clearable_sid::<IdentitySid>(INVALID, "an identity");
        /// Kept for messages, which are not served.
        sms_application_sid: Option<Option<ApplicationSid>> =
            "SmsApplicationSid", clearable_sid::<ApplicationSid>(Code::ApplicationNotAccessible, APPLICATION);
        /// Kept for messages, which are not served.
        sms_fallback_method: Option<HttpMethod> = "SmsFallbackMethod", method();
        /// Kept for messages, which are not served.
        sms_fallback_url: Option<Option<String>> = "SmsFallbackUrl", url();
        /// Kept for messages, which are not served.
        sms_method: Option<HttpMethod> = "SmsMethod", method();
        /// Kept for messages, which are not served.
        sms_url: Option<Option<String>> = "SmsUrl", url();
        /// Who is told how calls go.
        status_callback: Option<Option<String>> = "StatusCallback", url();
        /// How it is told.
        status_callback_method: Option<HttpMethod> = "StatusCallbackMethod", method();
        /// A trunk that takes the calls; takes the place of an application.
        trunk_sid: Option<Option<TrunkSid>> = "TrunkSid", clearable_sid::<TrunkSid>(INVALID, "a trunk");
        /// An application that takes the calls; takes the place of a trunk.
        voice_application_sid: Option<Option<ApplicationSid>> =
            "VoiceApplicationSid", clearable_sid::<ApplicationSid>(Code::ApplicationNotAccessible, APPLICATION);
        /// Whether the caller's name is looked up.
        voice_caller_id_lookup: Option<bool> = "VoiceCallerIdLookup", rules::boolean(INVALID);
        /// How the fallback is asked.
        voice_fallback_method: Option<HttpMethod> = "VoiceFallbackMethod", method();
        /// Who is asked when the voice URL has no good answer.
        voice_fallback_url: Option<Option<String>> = "VoiceFallbackUrl", url();
        /// How the voice URL is asked.
        voice_method: Option<HttpMethod> = "VoiceMethod", method();
        /// Whether the number takes calls or faxes. Faxes are not served.
        voice_receive_mode: Option<ReceiveMode> = "VoiceReceiveMode", rules::choice(
            &[("voice", ReceiveMode::Voice), ("fax", ReceiveMode::Fax)],
            INVALID,
        );
        /// Who is asked what a call should do.
        voice_url: Option<Option<String>> = "VoiceUrl", url();
    }
}

fn url() -> impl rules::Rule<Value = Option<Option<String>>> {
    rules::url(Code::InvalidUrl)
}

fn method() -> impl rules::Rule<Value = Option<HttpMethod>> {
    rules::method(Code::InvalidMethod)
}

impl Changes {
    pub(super) fn apply(&self, fields: &mut IncomingPhoneNumberFields) {
        fields.api_version = self.api_version.map_or(std::mem::take(&mut fields.api_version), str::to_owned);
        set(&mut fields.address_sid, &self.address_sid);
        set(&mut fields.bundle_sid, &self.bundle_sid);
        set(&mut fields.emergency_address_sid, &self.emergency_address_sid);
        set(&mut fields.emergency_active, &self.emergency_active);
        set(&mut fields.friendly_name, &self.friendly_name);
        set(&mut fields.identity_sid, &self.identity_sid);
        set(&mut fields.sms_application_sid, &self.sms_application_sid);
        set(&mut fields.sms_fallback_method, &self.sms_fallback_method);
        set(&mut fields.sms_fallback_url, &self.sms_fallback_url);
        set(&mut fields.sms_method, &self.sms_method);
        set(&mut fields.sms_url, &self.sms_url);
        set(&mut fields.status_callback, &self.status_callback);
        set(&mut fields.status_callback_method, &self.status_callback_method);
        self.apply_voice(fields);
    }

    fn apply_voice(&self, fields: &mut IncomingPhoneNumberFields) {
        // A number has either a trunk or an application: whichever is set last takes the other's place.
        if let Some(trunk) = self.trunk_sid {
            fields.trunk_sid = trunk;
            fields.voice_application_sid = fields.voice_application_sid.filter(|_| trunk.is_none());
        }
        if let Some(application) = self.voice_application_sid {
            fields.voice_application_sid = application;
            fields.trunk_sid = fields.trunk_sid.filter(|_| application.is_none());
        }
        set(&mut fields.voice_caller_id_lookup, &self.voice_caller_id_lookup);
        set(&mut fields.voice_fallback_method, &self.voice_fallback_method);
        set(&mut fields.voice_fallback_url, &self.voice_fallback_url);
        set(&mut fields.voice_method, &self.voice_method);
        set(&mut fields.voice_receive_mode, &self.voice_receive_mode);
        set(&mut fields.voice_url, &self.voice_url);
    }

    /// Refuses a fallback that is set where nothing is that it could stand in for.
    pub(super) fn check(&self, fields: &IncomingPhoneNumberFields) -> Result<(), Fault> {
        let sets = |url: &Option<Option<String>>| matches!(url, Some(Some(_)));
        rules::fallback("Voice", sets(&self.voice_fallback_url), fields.voice_url.is_some())?;
        rules::fallback("Sms", sets(&self.sms_fallback_url), fields.sms_url.is_some())
    }
}
