//! What create and update of a number share.

use ringway_model::sid::{ApplicationSid, TrunkSid};
use ringway_store::{IncomingPhoneNumberFields, ReceiveMode};

use crate::changes::{self, Changes, sid};
use crate::error::{Code, Fault};
use crate::form::Form;
use crate::rules;

const FRIENDLY_NAME_MAX: usize = 64;
const APPLICATION: &str = "an application of this account";

type Numbers = IncomingPhoneNumberFields;

/// Reads and checks what the form changes.
pub(super) fn read(form: &Form) -> Result<Changes<Numbers>, Fault> {
    let mut changes = Changes::default();
    let invalid = Code::InvalidParameter;
    changes.set(changes::api_version(form)?, |fields: &mut Numbers, value| fields.api_version = value);
    changes.set(sid(form, "AddressSid", invalid, "an address of this account")?, |fields, value| {
        fields.address_sid = value;
    });
    changes.set(sid(form, "BundleSid", invalid, "a bundle")?, |fields, value| fields.bundle_sid = value);
    let address = "an address of this account for emergency calls";
    changes.set(sid(form, "EmergencyAddressSid", Code::EmergencyAddress, address)?, |fields, value| {
        fields.emergency_address_sid = value;
    });
    changes.set(emergency_status(form)?, |fields, value| fields.emergency_active = value);
    let name = rules::friendly_name(form, FRIENDLY_NAME_MAX, Code::InvalidFriendlyName)?.map(str::to_owned);
    changes.set(name, |fields, value| fields.friendly_name = value);
    changes
        .set(sid(form, "IdentitySid", invalid, "an identity")?, |fields, value| fields.identity_sid = value);
    let callback = rules::url(form, "StatusCallback", Code::InvalidUrl)?;
    changes.set(callback, |fields, value| fields.status_callback = value);
    let method = rules::method(form, "StatusCallbackMethod", Code::InvalidMethod)?;
    changes.set(method, |fields, value| fields.status_callback_method = value);
    read_messages(form, &mut changes)?;
    read_voice(form, &mut changes)?;
    Ok(changes)
}

fn read_messages(form: &Form, changes: &mut Changes<Numbers>) -> Result<(), Fault> {
    let url = |name| rules::url(form, name, Code::InvalidUrl);
    let method = |name| rules::method(form, name, Code::InvalidMethod);
    let application = sid(form, "SmsApplicationSid", Code::ApplicationNotAccessible, APPLICATION)?;
    changes.set(application, |fields, value| fields.sms_application_sid = value);
    changes.set(method("SmsFallbackMethod")?, |fields, value| fields.sms_fallback_method = value);
    changes.set(url("SmsFallbackUrl")?, |fields, value| fields.sms_fallback_url = value);
    changes.set(method("SmsMethod")?, |fields, value| fields.sms_method = value);
    changes.set(url("SmsUrl")?, |fields, value| fields.sms_url = value);
    Ok(())
}

fn read_voice(form: &Form, changes: &mut Changes<Numbers>) -> Result<(), Fault> {
    let url = |name| rules::url(form, name, Code::InvalidUrl);
    let method = |name| rules::method(form, name, Code::InvalidMethod);
    // A number has either a trunk or an application: whichever is set last takes the other's place.
    let trunk: Option<Option<TrunkSid>> = sid(form, "TrunkSid", Code::InvalidParameter, "a trunk")?;
    changes.set(trunk, |fields, value| {
        fields.trunk_sid = value;
        fields.voice_application_sid = fields.voice_application_sid.filter(|_| value.is_none());
    });
    let application: Option<Option<ApplicationSid>> =
        sid(form, "VoiceApplicationSid", Code::ApplicationNotAccessible, APPLICATION)?;
    changes.set(application, |fields, value| {
        fields.voice_application_sid = value;
        fields.trunk_sid = fields.trunk_sid.filter(|_| value.is_none());
    });
    let lookup = rules::boolean(form, "VoiceCallerIdLookup", Code::InvalidParameter)?;
    changes.set(lookup, |fields, value| fields.voice_caller_id_lookup = value);
    changes.set(method("VoiceFallbackMethod")?, |fields, value| fields.voice_fallback_method = value);
    changes.set(url("VoiceFallbackUrl")?, |fields, value| fields.voice_fallback_url = value);
    changes.set(method("VoiceMethod")?, |fields, value| fields.voice_method = value);
    changes.set(receive_mode(form)?, |fields, value| fields.voice_receive_mode = value);
    changes.set(url("VoiceUrl")?, |fields, value| fields.voice_url = value);
    Ok(())
}

/// Refuses a fallback that the form sets where nothing is that it could stand in for.
pub(super) fn check(form: &Form, fields: &Numbers) -> Result<(), Fault> {
    rules::fallback(form, "Voice", fields.voice_url.as_deref())?;
    rules::fallback(form, "Sms", fields.sms_url.as_deref())
}

fn emergency_status(form: &Form) -> Result<Option<bool>, Fault> {
    match form.text("EmergencyStatus") {
        None => Ok(None),
        Some(text) if text.eq_ignore_ascii_case("Active") => Ok(Some(true)),
        Some(text) if text.eq_ignore_ascii_case("Inactive") => Ok(Some(false)),
        Some(_) => Err(Fault::because(Code::InvalidParameter, "EmergencyStatus must be Active or Inactive")),
    }
}

fn receive_mode(form: &Form) -> Result<Option<ReceiveMode>, Fault> {
    let mode = form.text("VoiceReceiveMode").map(str::parse).transpose();
    mode.map_err(|()| Fault::because(Code::InvalidParameter, "VoiceReceiveMode must be voice or fax"))
}
