//! The rows of Ringway in SQLite, and the directory that the SIP path reads.
//!
//! A write is a method named by its use that is one transaction; it returns a [`Pending`] which may be awaited,
//! waited for, or dropped. What comes back from it is on disk. A read is a plain method that runs where it is
//! called. Not found is `None` or `false`; each operation's errors say what the request did wrong.

mod accounts;
mod addresses;
mod applications;
mod auth_tokens;
mod byoc_trunks;
mod call_events;
mod callbacks;
mod calls;
mod connection_policies;
mod connection_policy_targets;
mod credential_lists;
mod credentials;
mod directory;
mod domain_names;
mod domains;
mod error;
mod incoming_phone_numbers;
mod ip_access_control_lists;
mod ip_addresses;
mod ip_records;
mod keys;
mod limits;
mod lists;
mod lock;
mod mappings;
mod notifications;
mod outgoing_caller_ids;
mod page;
mod random;
mod records;
mod recovery;
mod registration_log;
mod retention;
mod seal;
mod source_ip_mappings;
mod sqlite;
mod store;
mod usage;
mod voice_settings;
mod writer;

pub use accounts::{
    Account, AccountFilter, AccountStatus, AccountUpdate, EnsureRootAccountError, EnsuredAccount,
    RootAccount, UpdateAccountError, root_account_of,
};
pub use addresses::{Address, AddressFields, AddressFilter, AddressInUseError};
pub use applications::{Application, ApplicationFields};
pub use auth_tokens::CreateSecondaryTokenError;
pub use byoc_trunks::{ByocTrunk, ByocTrunkUpdate, SaveByocTrunkError};
pub use call_events::{CallEvent, NewCallEvent};
pub use callbacks::{Callback, CallbackId, CallbackRequest, Claim, NewCallback};
pub use calls::{Call, CallFilter, DeleteCallError, FinishedCall, NewCall, TimeRange};
pub use connection_policies::{ConnectionPolicy, CreateConnectionPolicyError, DeleteUsedError};
pub use connection_policy_targets::{
    ConnectionPolicyTarget, ConnectionPolicyTargetUpdate, CreateTargetError, NewConnectionPolicyTarget,
};
pub use credential_lists::CredentialList;
pub use credentials::{CreateCredentialError, Credential, NewCredential};
pub use directory::StoreDirectory;
pub use domains::{
    AuthTypes, CreateDomainError, DeleteDomainError, Domain, DomainUpdate, NewDomain, UpdateDomainError,
};
pub use error::{OpenError, StoreError};
pub use incoming_phone_numbers::{
    IncomingPhoneNumber, IncomingPhoneNumberFields, NumberKind, PhoneNumberError, PhoneNumberFilter,
    ReceiveMode,
};
pub use ip_access_control_lists::IpAccessControlList;
pub use ip_addresses::{
    CreateIpAddressError, IpAddress, IpAddressUpdate, NewIpAddress, UpdateIpAddressError,
};
pub use ip_records::IpRecord;
pub use keys::{Key, KeyKind, NewKey};
pub use limits::Limits;
pub use lists::{CreateListError, DeleteListError, UpdateListError};
pub use mappings::{CreateMappingError, ListSid, Mapping, MappingKind};
pub use notifications::{LogLevel, NewNotification, Notification, NotificationFilter};
pub use outgoing_caller_ids::{CreateCallerIdError, OutgoingCallerId, OutgoingCallerIdFields};
pub use page::{ListError, Page, PageQuery, PageToken};
pub use recovery::{Recovered, UnfinishedCall};
pub use registration_log::RegistrationLog;
pub use retention::Retention;
pub use ringway_call::HttpMethod;
pub use ringway_sip::digest::DigestHashes;
pub use source_ip_mappings::{SaveSourceIpMappingError, SourceIpMapping};
pub use store::{Store, StoreOptions};
pub use usage::UsageDay;
pub use voice_settings::DialingPermission;
pub use writer::Pending;
