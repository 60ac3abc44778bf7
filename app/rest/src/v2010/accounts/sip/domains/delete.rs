//! `DELETE /2010-04-01/Accounts/{AC}/SIP/Domains/{SD}`

use ringway_engine::calls::CallControl;
use ringway_model::sid::DomainSid;
use ringway_store::DeleteDomainError;

use crate::error::{Code, Fault};
use crate::reply::Deleted;
use crate::request::Request;

/// Takes the domain's mappings with it; subdomains must go first (21233).
pub(super) async fn delete<C: CallControl>(request: Request<C>, sid: DomainSid) -> Result<Deleted, Fault> {
    match request.store().delete_domain(request.account.sid, sid).await {
        Ok(was_there) => Deleted::if_so(was_there),
        Err(DeleteDomainError::HasSubdomains) => {
            Err(Fault::because(Code::DomainHasSubdomains, "delete its subdomains first"))
        }
        Err(DeleteDomainError::Store(error)) => Err(error.into()),
    }
}
