//! `/v1/ConnectionPolicies`

use ringway_engine::calls::CallControl;
use ringway_model::sid::ConnectionPolicySid;
use ringway_store::{ConnectionPolicy, CreateConnectionPolicyError};

use super::{date, deleted, friendly_name};
use crate::error::{Code, Fault};
use crate::page::Listing;
use crate::parameters::{Sent, parameters};
use crate::reply::{Created, Deleted, Found, Listed};
use crate::representation::{Kind, Property, Represent, Shape, Value, property, text};
use crate::request::Request;
use crate::tree::{Group, Scope, Tree};

pub(super) static GROUP: Group = Group {
    name: "Connection policies",
    about: "Where calls that leave through a BYOC trunk go: targets by priority and weight.",
    is_administrative: false,
};

pub(super) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    tree.at(&GROUP, Scope::Product, "/ConnectionPolicies")
        .get("ListConnectionPolicy", "Lists the policies, newest first.", list)
        .post("CreateConnectionPolicy", "Adds a policy without targets.", create);
    tree.at(&GROUP, Scope::Product, "/ConnectionPolicies/{Sid}")
        .get("FetchConnectionPolicy", "Shows a policy.", fetch)
        .post("UpdateConnectionPolicy", "Renames a policy.", update)
        .delete("DeleteConnectionPolicy", "Deletes a policy that no trunk has, with its targets.", delete);
}

parameters! {
    struct Name {
        /// A text that describes the policy.
        friendly_name: Option<String> = "FriendlyName", friendly_name();
    }
}

async fn list<C: CallControl>(
    request: Request<C>,
    sent: Sent<Listing<()>>,
) -> Result<Listed<ConnectionPolicy>, Fault> {
    let asked = sent.read()?;
    let page = request.store().connection_policies(&request.account.sid, &asked.query)?;
    Ok(asked.of(page))
}

async fn create<C: CallControl>(
    request: Request<C>,
    sent: Sent<Name>,
) -> Result<Created<ConnectionPolicy>, Fault> {
    let Name { friendly_name } = sent.read()?;
    match request.store().create_connection_policy(request.account.sid, friendly_name).await {
        Ok(policy) => Ok(Created(policy)),
        Err(CreateConnectionPolicyError::LimitReached { limit }) => {
            let sentence = format!("an account may have {limit} connection policies");
            Err(Fault::because(Code::MaximumConnectionPolicies, sentence))
        }
        Err(CreateConnectionPolicyError::NoSuchAccount) => Err(Fault::not_found()),
        Err(CreateConnectionPolicyError::Store(error)) => Err(error.into()),
    }
}

async fn fetch<C: CallControl>(
    request: Request<C>,
    sid: ConnectionPolicySid,
) -> Result<Found<ConnectionPolicy>, Fault> {
    find(&request, &sid).map(Found)
}

async fn update<C: CallControl>(
    request: Request<C>,
    sid: ConnectionPolicySid,
    sent: Sent<Name>,
) -> Result<Found<ConnectionPolicy>, Fault> {
    find(&request, &sid)?;
    let Name { friendly_name } = sent.read()?;
    let updated = request.store().update_connection_policy(request.account.sid, sid, friendly_name).await?;
    Ok(Found(updated.ok_or_else(Fault::not_found)?))
}

async fn delete<C: CallControl>(request: Request<C>, sid: ConnectionPolicySid) -> Result<Deleted, Fault> {
    deleted(request.store().delete_connection_policy(request.account.sid, sid).await)
}

fn find<C>(request: &Request<C>, sid: &ConnectionPolicySid) -> Result<ConnectionPolicy, Fault> {
    request.store().connection_policy(&request.account.sid, sid)?.ok_or_else(Fault::not_found)
}

impl Represent for ConnectionPolicy {
    const SHAPE: Shape = Shape {
        name: "ConnectionPolicy",
        key: "connection_policies",
        element: "ConnectionPolicy",
        elements: "ConnectionPolicies",
        xml_first: &[],
    };
    const PROPERTIES: &'static [Property<Self>] = &[
        property("account_sid", Kind::Sid("AC"), "Whose it is.", |policy: &Self, _| text(policy.account_sid)),
        property("sid", Kind::Sid("NY"), "What it is called in paths.", |policy: &Self, _| text(policy.sid)),
        property("friendly_name", Kind::Text, "A text that describes it.", |policy: &Self, _| {
            policy.friendly_name.clone().into()
        })
        .nullable(),
        property("date_created", Kind::Iso8601, "When it was made.", |policy: &Self, _| date(policy.created)),
        property("date_updated", Kind::Iso8601, "When it was last changed.", |policy: &Self, _| {
            date(policy.updated)
        }),
        property("links", Kind::Links(&["targets"]), "Its targets.", |policy: &Self, place| {
            let targets = place.url(&format!("/ConnectionPolicies/{}/Targets", policy.sid));
            Value::Links(vec![("targets", targets)])
        }),
        property("url", Kind::Uri, "Where it is.", |policy: &Self, place| {
            place.url(&format!("/ConnectionPolicies/{}", policy.sid)).into()
        }),
    ];
}
