//! The lists that guard a domain: three sets behind five paths (contract, rest.md 1). The legacy paths
//! and those below `Auth/Calls` are two doors to the same sets, which show the same mapping differently.

mod create;
mod delete;
mod fetch;
mod list;

use ringway_model::sid::DomainSid;
use ringway_store::{ListSid, Mapping, MappingKind};

use crate::error::Fault;
use crate::reply::Reply;
use crate::representation::{Field, Shape, text};
use crate::request::{Place, Request, Verb};

/// By which path a set is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// `Domains/{SD}/...Mappings`
    Legacy(MappingKind),
    /// `Domains/{SD}/Auth/{Calls or Registrations}/...Mappings`
    Auth(MappingKind),
}

const fn shape(key: &'static str, element: &'static str, elements: &'static str) -> Shape {
    let xml_first = &["sid", "account_sid", "friendly_name", "date_created", "date_updated", "uri"];
    Shape { key, element, elements, xml_first }
}

const LEGACY_ADDRESSES: Shape =
    shape("ip_access_control_list_mappings", "IpAccessControlListMapping", "IpAccessControlListMappings");
const LEGACY_CREDENTIALS: Shape =
    shape("credential_list_mappings", "CredentialListMapping", "CredentialListMappings");
const AUTH_ADDRESSES: Shape = shape("contents", "IpAccessControlListMapping", "IpAccessControlListMappings");
const AUTH_CREDENTIALS: Shape = shape("contents", "CredentialListMapping", "CredentialListMappings");

impl Door {
    fn kind(self) -> MappingKind {
        match self {
            Self::Legacy(kind) | Self::Auth(kind) => kind,
        }
    }

    fn shape(self) -> &'static Shape {
        match (self, self.kind()) {
            (Self::Legacy(_), MappingKind::CallsIpAccessControlList) => &LEGACY_ADDRESSES,
            (Self::Legacy(_), _) => &LEGACY_CREDENTIALS,
            (Self::Auth(_), MappingKind::CallsIpAccessControlList) => &AUTH_ADDRESSES,
            (Self::Auth(_), _) => &AUTH_CREDENTIALS,
        }
    }

    /// The path of the set, below the account.
    fn path(self, domain: &DomainSid) -> String {
        let below = match self {
            Self::Legacy(_) => "",
            Self::Auth(MappingKind::RegistrationsCredentialList) => "Auth/Registrations/",
            Self::Auth(_) => "Auth/Calls/",
        };
        format!("/SIP/Domains/{domain}/{below}{}", self.shape().elements)
    }

    /// Reads the SID of a list of the kind that is mapped here.
    fn list_sid(self, text: &str) -> Option<ListSid> {
        match self.kind() {
            MappingKind::CallsIpAccessControlList => text.parse().ok().map(ListSid::IpAccessControl),
            MappingKind::CallsCredentialList | MappingKind::RegistrationsCredentialList => {
                text.parse().ok().map(ListSid::Credential)
            }
        }
    }

    fn describe(self, mapping: &Mapping, place: &Place) -> Vec<Field> {
        let mut fields = vec![
            ("account_sid", text(mapping.account_sid)),
            ("date_created", mapping.created.into()),
            ("date_updated", mapping.updated.into()),
            ("friendly_name", mapping.friendly_name.clone().into()),
        ];
        if matches!(self, Self::Legacy(_)) {
            fields.push(("domain_sid", text(mapping.domain_sid)));
        }
        fields.push(("sid", text(mapping.list_sid)));
        if matches!(self, Self::Legacy(_)) {
            let path = format!("{}/{}", self.path(&mapping.domain_sid), mapping.list_sid);
            fields.push(("uri", place.uri(&path).into()));
        }
        fields
    }
}

pub(super) async fn dispatch<C>(
    request: &Request<C>,
    domain: DomainSid,
    door: Door,
    path: &[&str],
) -> Result<Reply, Fault> {
    match path {
        [] => match request.verb {
            Verb::Get => list::list(request, &domain, door),
            Verb::Post => create::create(request, domain, door).await,
            _ => Err(Fault::wrong_verb("GET, POST")),
        },
        [sid] => {
            let sid = door.list_sid(sid).ok_or_else(Fault::not_found)?;
            match request.verb {
                Verb::Get => fetch::fetch(request, &domain, door, &sid),
                Verb::Delete => delete::delete(request, domain, door, sid).await,
                _ => Err(Fault::wrong_verb("GET, DELETE")),
            }
        }
        _ => Err(Fault::not_found()),
    }
}
