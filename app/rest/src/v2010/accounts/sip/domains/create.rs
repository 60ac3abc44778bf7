//! `POST /2010-04-01/Accounts/{AC}/SIP/Domains`

use ringway_engine::calls::CallControl;
use ringway_store::{CreateDomainError, Domain, NewDomain};

use super::parameters::{Changes, Name};
use super::{name_taken, no_emergency_caller, no_parent, no_trunk, outside_suffixes};
use crate::error::{Code, Fault};
use crate::parameters::Sent;
use crate::reply::Created;
use crate::request::Request;

pub(super) async fn create<C: CallControl>(
    request: Request<C>,
    sent: Sent<(Changes, Name)>,
) -> Result<Created<Domain>, Fault> {
    let (changes, Name { domain_name }) = sent.read()?;
    changes.check_fallback(None)?;
    let domain = changes.apply(NewDomain::named(request.account.sid, domain_name));
    Ok(Created(request.store().create_domain(domain).await.map_err(explain)?))
}

impl Changes {
    fn apply(self, defaults: NewDomain) -> NewDomain {
        NewDomain {
            friendly_name: self.friendly_name,
            voice_url: self.voice_url.flatten(),
            voice_method: self.voice_method.unwrap_or_default(),
            voice_fallback_url: self.voice_fallback_url.flatten(),
            voice_fallback_method: self.voice_fallback_method.unwrap_or_default(),
            voice_status_callback_url: self.voice_status_callback_url.flatten(),
            voice_status_callback_method: self.voice_status_callback_method.unwrap_or_default(),
            sip_registration: self.sip_registration.unwrap_or_default(),
            emergency_calling_enabled: self.emergency_calling_enabled.unwrap_or_default(),
            emergency_caller_sid: self.emergency_caller_sid.flatten(),
            secure: self.secure.unwrap_or_default(),
            byoc_trunk_sid: self.byoc_trunk_sid.flatten(),
            ..defaults
        }
    }
}

fn explain(error: CreateDomainError) -> Fault {
    match error {
        CreateDomainError::LimitReached { limit } => {
            Fault::because(Code::MaximumDomains, format!("an account may have {limit} domains"))
        }
        CreateDomainError::NoSuchAccount => Fault::not_found(),
        CreateDomainError::NoEmergencyCaller => no_emergency_caller(),
        CreateDomainError::NameTaken => name_taken(),
        CreateDomainError::OutsideSuffixes => outside_suffixes(),
        CreateDomainError::NoParentDomain { parent } => no_parent(&parent),
        CreateDomainError::NoSuchByocTrunk => no_trunk(),
        CreateDomainError::Store(error) => error.into(),
    }
}
