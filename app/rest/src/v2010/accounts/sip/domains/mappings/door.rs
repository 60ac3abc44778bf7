//! The five paths to the three sets.

use ringway_model::sid::{CredentialListSid, IpAccessControlListSid};
use ringway_store::{ListSid, MappingKind};

use crate::error::Code;
use crate::parameters::{self, parameters};
use crate::representation::Shape;
use crate::rules::{self, Sid, required};

/// By which path a set is reached.
pub(super) trait Door: Send + Sync + 'static {
    /// The SID of what is mapped.
    type List: Sid;
    /// What maps one.
    type Parameters: parameters::Parameters + Into<ListSid>;
    const KIND: MappingKind;
    /// Below the domain.
    const PATH: &'static str;
    const SHAPE: Shape;
    /// What lists, creates, fetches and deletes is called.
    const IDS: [&'static str; 4];
    /// The parameter that says what is mapped.
    const PARAMETER: &'static str;
    /// Whether a mapping shows its domain and where it is.
    const IS_LEGACY: bool;
    const PREFIX: &'static str = <Self::List as Sid>::PREFIX;

    fn list_sid(list: Self::List) -> ListSid;
}

parameters! {
    pub(super) struct Addresses {
        /// The IP access control list, of this account.
        sid: IpAccessControlListSid = "IpAccessControlListSid", required(
            rules::sid::<IpAccessControlListSid>(Code::DomainValidation, "a list of this account"),
            Code::DomainValidation,
        );
    }
}

parameters! {
    pub(super) struct Credentials {
        /// The credential list, of this account.
        sid: CredentialListSid = "CredentialListSid", required(
            rules::sid::<CredentialListSid>(Code::DomainValidation, "a list of this account"),
            Code::DomainValidation,
        );
    }
}

impl From<Addresses> for ListSid {
    fn from(addresses: Addresses) -> Self {
        Self::IpAccessControl(addresses.sid)
    }
}

impl From<Credentials> for ListSid {
    fn from(credentials: Credentials) -> Self {
        Self::Credential(credentials.sid)
    }
}

const fn shape(
    name: &'static str,
    key: &'static str,
    element: &'static str,
    elements: &'static str,
) -> Shape {
    let xml_first = &["sid", "account_sid", "friendly_name", "date_created", "date_updated", "uri"];
    Shape { name, key, element, elements, xml_first }
}

macro_rules! doors {
    ($(
        $(#[$doc:meta])*
        $door:ident = $path:literal, $kind:ident of $parameters:ident ($list:ident, $wrap:ident, $parameter:literal),
        $name:literal, $key:literal, $element:literal, legacy: $legacy:literal, $ids:expr;
    )*) => {$(
        $(#[$doc])*
        pub(super) struct $door;

        impl Door for $door {
            type List = $list;
            type Parameters = $parameters;
            const KIND: MappingKind = MappingKind::$kind;
            const PATH: &'static str = $path;
            const SHAPE: Shape = shape($name, $key, $element, concat!($element, "s"));
            const IDS: [&'static str; 4] = $ids;
            const PARAMETER: &'static str = $parameter;
            const IS_LEGACY: bool = $legacy;

            fn list_sid(list: $list) -> ListSid {
                ListSid::$wrap(list)
            }
        }
    )*};
}

doors! {
    /// Addresses that calls may come from, at the older path.
    LegacyAddresses = "IpAccessControlListMappings",
        CallsIpAccessControlList of Addresses (IpAccessControlListSid, IpAccessControl, "IpAccessControlListSid"),
        "IpAccessControlListMapping", "ip_access_control_list_mappings", "IpAccessControlListMapping",
        legacy: true,
        [
            "ListSipIpAccessControlListMapping",
            "CreateSipIpAccessControlListMapping",
            "FetchSipIpAccessControlListMapping",
            "DeleteSipIpAccessControlListMapping",
        ];
    /// Credentials that calls may come with, at the older path.
    LegacyCredentials = "CredentialListMappings",
        CallsCredentialList of Credentials (CredentialListSid, Credential, "CredentialListSid"),
        "CredentialListMapping", "credential_list_mappings", "CredentialListMapping",
        legacy: true,
        [
            "ListSipCredentialListMapping",
            "CreateSipCredentialListMapping",
            "FetchSipCredentialListMapping",
            "DeleteSipCredentialListMapping",
        ];
    /// Addresses that calls may come from.
    CallsAddresses = "Auth/Calls/IpAccessControlListMappings",
        CallsIpAccessControlList of Addresses (IpAccessControlListSid, IpAccessControl, "IpAccessControlListSid"),
        "AuthCallsIpAccessControlListMapping", "contents", "IpAccessControlListMapping",
        legacy: false,
        [
            "ListSipAuthCallsIpAccessControlListMapping",
            "CreateSipAuthCallsIpAccessControlListMapping",
            "FetchSipAuthCallsIpAccessControlListMapping",
            "DeleteSipAuthCallsIpAccessControlListMapping",
        ];
    /// Credentials that calls may come with.
    CallsCredentials = "Auth/Calls/CredentialListMappings",
        CallsCredentialList of Credentials (CredentialListSid, Credential, "CredentialListSid"),
        "AuthCallsCredentialListMapping", "contents", "CredentialListMapping",
        legacy: false,
        [
            "ListSipAuthCallsCredentialListMapping",
            "CreateSipAuthCallsCredentialListMapping",
            "FetchSipAuthCallsCredentialListMapping",
            "DeleteSipAuthCallsCredentialListMapping",
        ];
    /// Credentials that phones may register with.
    Registrations = "Auth/Registrations/CredentialListMappings",
        RegistrationsCredentialList of Credentials (CredentialListSid, Credential, "CredentialListSid"),
        "AuthRegistrationsCredentialListMapping", "contents", "CredentialListMapping",
        legacy: false,
        [
            "ListSipAuthRegistrationsCredentialListMapping",
            "CreateSipAuthRegistrationsCredentialListMapping",
            "FetchSipAuthRegistrationsCredentialListMapping",
            "DeleteSipAuthRegistrationsCredentialListMapping",
        ];
}
