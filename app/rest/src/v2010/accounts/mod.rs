//! `/2010-04-01/Accounts` (contract, rest.md 2).

mod addresses;
mod applications;
mod calls;
mod create;
mod fetch;
mod incoming_phone_numbers;
mod keys;
mod list;
mod notifications;
mod outgoing_caller_ids;
mod sip;
mod update;
mod usage;

use ringway_engine::calls::CallControl;
use ringway_store::{Account, AccountStatus};

use super::API_VERSION;
use crate::error::Code;
use crate::parameters::parameters;
use crate::representation::{Kind, Personal, Property, Represent, Shape, Value, link_keys, property, text};
use crate::rules;
use crate::tree::{Group, Scope, Tree};

/// Contract, rest.md 0.3, 20002.
const FRIENDLY_NAME_MAX: usize = 64;

static GROUP: Group = Group {
    name: "Accounts",
    about: "The account and its subaccounts. An account may act on its subaccounts, never the other way round.",
    is_administrative: true,
};

/// Adds accounts and everything below them.
pub(super) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    tree.at(&GROUP, Scope::Accounts, "")
        .get("ListAccount", "Lists the account and its subaccounts, newest first.", list::list)
        .post("CreateAccount", "Makes a subaccount.", create::create);
    tree.at(&GROUP, Scope::Account, "").get("FetchAccount", "Shows an account.", fetch::fetch).post(
        "UpdateAccount",
        "Renames an account; its owner may also suspend it, revive it, or close it for good.",
        update::update,
    );
    addresses::grow(tree);
    applications::grow(tree);
    calls::grow(tree);
    incoming_phone_numbers::grow(tree);
    keys::grow(tree);
    notifications::grow(tree);
    outgoing_caller_ids::grow(tree);
    sip::grow(tree);
    usage::grow(tree);
}

const STATUSES: &[(&str, AccountStatus)] = &[
    ("active", AccountStatus::Active),
    ("suspended", AccountStatus::Suspended),
    ("closed", AccountStatus::Closed),
];

parameters! {
    /// What create and update share.
    struct Name {
        /// A text that describes the account. Without one, a new account is named by when it was made.
        friendly_name: Option<String> =
            "FriendlyName", rules::text(0..=FRIENDLY_NAME_MAX, Code::InvalidFriendlyName);
    }
}

impl Name {
    fn given(self) -> Option<String> {
        self.friendly_name.filter(|name| !name.is_empty())
    }
}

/// The collections below an account, by their key and their path.
const SUBRESOURCES: [(&str, &str); 20] = [
    ("available_phone_numbers", "/AvailablePhoneNumbers"),
    ("calls", "/Calls"),
    ("conferences", "/Conferences"),
    ("incoming_phone_numbers", "/IncomingPhoneNumbers"),
    ("notifications", "/Notifications"),
    ("outgoing_caller_ids", "/OutgoingCallerIds"),
    ("recordings", "/Recordings"),
    ("transcriptions", "/Transcriptions"),
    ("addresses", "/Addresses"),
    ("signing_keys", "/SigningKeys"),
    ("connect_apps", "/ConnectApps"),
    ("sip", "/SIP"),
    ("authorized_connect_apps", "/AuthorizedConnectApps"),
    ("usage", "/Usage"),
    ("keys", "/Keys"),
    ("applications", "/Applications"),
    ("short_codes", "/SMS/ShortCodes"),
    ("queues", "/Queues"),
    ("messages", "/Messages"),
    ("balance", "/Balance"),
];

impl Represent for Account {
    const SHAPE: Shape = Shape {
        name: "Account",
        key: "accounts",
        element: "Account",
        elements: "Accounts",
        xml_first: &[
            "sid",
            "friendly_name",
            "type",
            "status",
            "date_created",
            "date_updated",
            "auth_token",
            "uri",
        ],
    };
    const PROPERTIES: &'static [Property<Self>] = &[
        property(
            "auth_token",
            Kind::Text,
            "The token that requests prove themselves with.",
            |account: &Self, _| account.auth_token.expose().to_owned().into(),
        )
        .personal(Personal::SENSITIVE),
        property("date_created", Kind::Rfc2822, "When it was made.", |account: &Self, _| {
            account.created.into()
        }),
        property("date_updated", Kind::Rfc2822, "When it was last changed.", |account: &Self, _| {
            account.updated.into()
        }),
        property("friendly_name", Kind::Text, "A text that describes it.", |account: &Self, _| {
            account.friendly_name.clone().into()
        })
        .personal(Personal::STANDARD),
        property("owner_account_sid", Kind::Sid("AC"), "The account that owns it.", |account: &Self, _| {
            text(account.owner_account_sid)
        }),
        property("sid", Kind::Sid("AC"), "What it is called in paths.", |account: &Self, _| {
            text(account.sid)
        }),
        property(
            "status",
            Kind::OneOf(&["active", "suspended", "closed"]),
            "Whether it may do anything.",
            |account: &Self, _| account.status.as_str().into(),
        ),
        property(
            "subresource_uris",
            Kind::Links(&link_keys(SUBRESOURCES)),
            "The collections below it.",
            |account: &Self, place| {
                let links = SUBRESOURCES.map(|(key, path)| (key, place.uri(&account.sid, path)));
                Value::Links(links.into())
            },
        ),
        property("type", Kind::OneOf(&["Trial", "Full"]), "Always Full.", |_, _| "Full".into()),
        property("uri", Kind::Uri, "Where it is.", |account: &Self, place| {
            place.uri(&account.sid, "").into()
        }),
    ];
}
