//! `POST .../SIP/Domains/{SD}/...Mappings`

use ringway_model::sid::DomainSid;
use ringway_store::{CreateMappingError, MappingKind};

use super::Door;
use crate::error::{Code, Fault};
use crate::reply::Reply;
use crate::request::Request;
use crate::rules;

pub(super) async fn create<C>(request: &Request<C>, domain: DomainSid, door: Door) -> Result<Reply, Fault> {
    let account = request.account.sid;
    request.store().domain(&account, &domain)?.ok_or_else(Fault::not_found)?;
    let name = parameter(door.kind());
    let list = rules::required(&request.form, name, Code::DomainValidation)?;
    let list = door.list_sid(list).ok_or_else(|| no_such_list(name))?;
    let mapped = request.store().create_mapping(account, domain, door.kind(), list).await;
    let mapping = mapped.map_err(|error| explain(error, name))?.ok_or_else(Fault::not_found)?;
    Ok(Reply::Created(door.shape(), door.describe(&mapping, &request.place)))
}

fn parameter(kind: MappingKind) -> &'static str {
    match kind {
        MappingKind::CallsIpAccessControlList => "IpAccessControlListSid",
        MappingKind::CallsCredentialList | MappingKind::RegistrationsCredentialList => "CredentialListSid",
    }
}

fn explain(error: CreateMappingError, name: &str) -> Fault {
    match error {
        CreateMappingError::NoSuchList => no_such_list(name),
        CreateMappingError::AlreadyMapped => {
            let sentence = format!("{name} is already associated with the domain");
            Fault::because(Code::DomainValidation, sentence)
        }
        CreateMappingError::Store(error) => error.into(),
    }
}

fn no_such_list(name: &str) -> Fault {
    Fault::because(Code::DomainValidation, format!("{name} must be the SID of a list of this account"))
}
