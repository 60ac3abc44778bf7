//! `POST /2010-04-01/Accounts/{AC}/SIP/Domains/{SD}`

use ringway_engine::calls::CallControl;
use ringway_model::sid::DomainSid;
use ringway_store::{Domain, DomainUpdate, UpdateDomainError};

use super::fetch::find;
use super::parameters::Changes;
use super::{name_taken, no_emergency_caller, no_parent, no_trunk, outside_suffixes};
use crate::error::{Code, Fault};
use crate::parameters::Sent;
use crate::reply::Found;
use crate::request::Request;

/// Changes what the form gives and nothing else; a URL given empty is cleared.
pub(super) async fn update<C: CallControl>(
    request: Request<C>,
    sid: DomainSid,
    sent: Sent<Changes>,
) -> Result<Found<Domain>, Fault> {
    let present = find(&request, &sid)?;
    let changes = sent.read()?;
    changes.check_fallback(present.voice_url.as_deref())?;
    let updated = request.store().update_domain(request.account.sid, sid, changes.into_update()).await;
    Ok(Found(updated.map_err(explain)?.ok_or_else(Fault::not_found)?))
}

impl Changes {
    fn into_update(self) -> DomainUpdate {
        DomainUpdate {
            domain_name: self.domain_name,
            friendly_name: self.friendly_name.map(Some),
            voice_url: self.voice_url,
            voice_method: self.voice_method,
            voice_fallback_url: self.voice_fallback_url,
            voice_fallback_method: self.voice_fallback_method,
            voice_status_callback_url: self.voice_status_callback_url,
            voice_status_callback_method: self.voice_status_callback_method,
            sip_registration: self.sip_registration,
            emergency_calling_enabled: self.emergency_calling_enabled,
            emergency_caller_sid: self.emergency_caller_sid,
            secure: self.secure,
            byoc_trunk_sid: self.byoc_trunk_sid,
        }
    }
}

fn explain(error: UpdateDomainError) -> Fault {
    match error {
        UpdateDomainError::NoEmergencyCaller => no_emergency_caller(),
        UpdateDomainError::NameTaken => name_taken(),
        UpdateDomainError::OutsideSuffixes => outside_suffixes(),
        UpdateDomainError::NoParentDomain { parent } => no_parent(&parent),
        UpdateDomainError::NoSuchByocTrunk => no_trunk(),
        UpdateDomainError::HasSubdomains => {
            Fault::because(Code::DomainHasSubdomains, "a domain with subdomains cannot be renamed")
        }
        UpdateDomainError::Store(error) => error.into(),
    }
}
