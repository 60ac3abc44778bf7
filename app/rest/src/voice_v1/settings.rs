//! `/v1/Settings`

use ringway_engine::calls::CallControl;

use crate::error::{Code, Fault};
use crate::parameters::{Sent, parameters};
use crate::reply::{Accepted, Found};
use crate::representation::{Kind, Property, Represent, Shape, property};
use crate::request::Request;
use crate::rules;
use crate::tree::{Group, Scope, Tree};

static GROUP: Group = Group {
    name: "Voice settings",
    about: "Whether a subaccount dials what its owner may dial.",
    is_administrative: false,
};

pub(super) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    tree.at(&GROUP, Scope::Product, "/Settings")
        .get("FetchDialingPermissionsSettings", "Shows the settings.", fetch)
        .post("UpdateDialingPermissionsSettings", "Changes the settings.", update);
}

parameters! {
    struct Changes {
        /// Whether the dialing permissions of the owner count in place of the account's own.
        inherit: Option<bool> = "DialingPermissionsInheritance", rules::boolean(Code::InvalidParameter);
    }
}

async fn fetch<C: CallControl>(request: Request<C>) -> Result<Found<Settings>, Fault> {
    find(&request).map(Found)
}

/// Answered 202, unlike any other update (contract, rest.md 0).
async fn update<C: CallControl>(
    request: Request<C>,
    sent: Sent<Changes>,
) -> Result<Accepted<Settings>, Fault> {
    if let Some(inherit) = sent.read()?.inherit {
        request.store().set_dialing_permissions_inheritance(request.account.sid, inherit).await?;
    }
    find(&request).map(Accepted)
}

fn find<C>(request: &Request<C>) -> Result<Settings, Fault> {
    Ok(Settings { inherit: request.store().dialing_permissions_inheritance(&request.account.sid)? })
}

struct Settings {
    inherit: bool,
}

impl Represent for Settings {
    const SHAPE: Shape = Shape {
        name: "DialingPermissionsSettings",
        key: "settings",
        element: "Settings",
        elements: "Settings",
        xml_first: &[],
    };
    const PROPERTIES: &'static [Property<Self>] = &[
        property(
            "dialing_permissions_inheritance",
            Kind::Boolean,
            "Whether the dialing permissions of the owner count.",
            |settings: &Self, _| settings.inherit.into(),
        ),
        property("url", Kind::Uri, "Where they are.", |_, place| place.url("/Settings").into()),
    ];
}
