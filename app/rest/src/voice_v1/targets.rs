//! `/v1/ConnectionPolicies/{NY}/Targets`

use ringway_engine::calls::CallControl;
use ringway_model::sid::{ConnectionPolicySid, ConnectionPolicyTargetSid};
use ringway_store::{
    ConnectionPolicyTarget, ConnectionPolicyTargetUpdate, CreateTargetError, NewConnectionPolicyTarget,
};

use super::connection_policies::GROUP;
use super::{date, friendly_name};
use crate::error::{Code, Fault};
use crate::page::Listing;
use crate::parameters::{Sent, parameters};
use crate::reply::{Created, Deleted, Found, Listed};
use crate::representation::{Kind, Personal, Property, Represent, Shape, Value, property, text};
use crate::request::Request;
use crate::rules::{self, required};
use crate::tree::{Scope, Tree};

/// Contract, rest.md 2.
const PRIORITY: u16 = 10;
const WEIGHT: u16 = 10;

pub(super) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    tree.at(&GROUP, Scope::Product, "/ConnectionPolicies/{ConnectionPolicySid}/Targets")
        .get("ListConnectionPolicyTarget", "Lists the targets of a policy, newest first.", list)
        .post("CreateConnectionPolicyTarget", "Adds a target to a policy.", create);
    tree.at(&GROUP, Scope::Product, "/ConnectionPolicies/{ConnectionPolicySid}/Targets/{Sid}")
        .get("FetchConnectionPolicyTarget", "Shows a target.", fetch)
        .post("UpdateConnectionPolicyTarget", "Changes what is given of a target.", update)
        .delete("DeleteConnectionPolicyTarget", "Deletes a target.", delete);
}

parameters! {
    for ConnectionPolicyTargetUpdate {
        /// Whether calls may go to it; they may unless this is false.
        enabled = "Enabled", rules::boolean(Code::InvalidParameter);
        /// A text that describes the target.
        friendly_name = "FriendlyName", friendly_name();
        /// Lower ones are tried first; 10 unless given.
        priority = "Priority", rules::number(0..=u16::MAX, Code::InvalidParameter);
        /// The `sip:` URI that calls go to.
        target = "Target", rules::target();
        /// Among targets of one priority, how much of the calls it gets; 10 unless given.
        weight = "Weight", rules::number(1..=u16::MAX, Code::InvalidParameter);
    }
}

parameters! {
    /// What a new target must have.
    struct Where {
        /// The `sip:` URI that calls go to.
        target: String = "Target", required(rules::target(), Code::InvalidParameter);
    }
}

async fn list<C: CallControl>(
    request: Request<C>,
    policy: ConnectionPolicySid,
    sent: Sent<Listing<()>>,
) -> Result<Listed<ConnectionPolicyTarget>, Fault> {
    let asked = sent.read()?;
    let found = request.store().connection_policy_targets(&request.account.sid, &policy, &asked.query)?;
    let page = found.ok_or_else(Fault::not_found)?;
    Ok(asked.of(page))
}

async fn create<C: CallControl>(
    request: Request<C>,
    policy: ConnectionPolicySid,
    sent: Sent<(Where, ConnectionPolicyTargetUpdate)>,
) -> Result<Created<ConnectionPolicyTarget>, Fault> {
    let (Where { target }, fields) = sent.read()?;
    let new = NewConnectionPolicyTarget {
        account_sid: request.account.sid,
        connection_policy_sid: policy,
        friendly_name: fields.friendly_name,
        target,
        priority: fields.priority.unwrap_or(PRIORITY),
        weight: fields.weight.unwrap_or(WEIGHT),
        enabled: fields.enabled.unwrap_or(true),
    };
    match request.store().create_connection_policy_target(new).await {
        Ok(Some(target)) => Ok(Created(target)),
        Ok(None) => Err(Fault::not_found()),
        Err(CreateTargetError::LimitReached { limit }) => {
            let sentence = format!("a connection policy may have {limit} targets");
            Err(Fault::because(Code::MaximumConnectionPolicyTargets, sentence))
        }
        Err(CreateTargetError::Store(error)) => Err(error.into()),
    }
}

async fn fetch<C: CallControl>(
    request: Request<C>,
    policy: ConnectionPolicySid,
    sid: ConnectionPolicyTargetSid,
) -> Result<Found<ConnectionPolicyTarget>, Fault> {
    find(&request, &policy, &sid).map(Found)
}

async fn update<C: CallControl>(
    request: Request<C>,
    policy: ConnectionPolicySid,
    sid: ConnectionPolicyTargetSid,
    sent: Sent<ConnectionPolicyTargetUpdate>,
) -> Result<Found<ConnectionPolicyTarget>, Fault> {
    find(&request, &policy, &sid)?;
    let (account, fields) = (request.account.sid, sent.read()?);
    let updated = request.store().update_connection_policy_target(account, policy, sid, fields).await?;
    Ok(Found(updated.ok_or_else(Fault::not_found)?))
}

async fn delete<C: CallControl>(
    request: Request<C>,
    policy: ConnectionPolicySid,
    sid: ConnectionPolicyTargetSid,
) -> Result<Deleted, Fault> {
    let account = request.account.sid;
    Deleted::if_so(request.store().delete_connection_policy_target(account, policy, sid).await?)
}

fn find<C>(
    request: &Request<C>,
    policy: &ConnectionPolicySid,
    sid: &ConnectionPolicyTargetSid,
) -> Result<ConnectionPolicyTarget, Fault> {
    let found = request.store().connection_policy_target(&request.account.sid, policy, sid)?;
    found.ok_or_else(Fault::not_found)
}

impl Represent for ConnectionPolicyTarget {
    const SHAPE: Shape = Shape {
        name: "ConnectionPolicyTarget",
        key: "targets",
        element: "Target",
        elements: "Targets",
        xml_first: &[],
    };
    const PROPERTIES: &'static [Property<Self>] = &[
        property("account_sid", Kind::Sid("AC"), "Whose it is.", |target: &Self, _| text(target.account_sid)),
        property(
            "connection_policy_sid",
            Kind::Sid("NY"),
            "The policy that it is of.",
            |target: &Self, _| text(target.connection_policy_sid),
        ),
        property("sid", Kind::Sid("NE"), "What it is called in paths.", |target: &Self, _| text(target.sid)),
        property("friendly_name", Kind::Text, "A text that describes it.", |target: &Self, _| {
            target.friendly_name.clone().into()
        })
        .nullable(),
        property("target", Kind::Text, "The SIP URI that calls go to.", |target: &Self, _| {
            target.target.clone().into()
        })
        .personal(Personal::STANDARD),
        property("priority", Kind::Integer, "Lower ones are tried first.", |target: &Self, _| {
            Value::Integer(target.priority.into())
        }),
        property(
            "weight",
            Kind::Integer,
            "Among those of one priority, how much it gets.",
            |target: &Self, _| Value::Integer(target.weight.into()),
        ),
        property("enabled", Kind::Boolean, "Whether calls may go to it.", |target: &Self, _| {
            target.enabled.into()
        }),
        property("date_created", Kind::Iso8601, "When it was made.", |target: &Self, _| date(target.created)),
        property("date_updated", Kind::Iso8601, "When it was last changed.", |target: &Self, _| {
            date(target.updated)
        }),
        property("url", Kind::Uri, "Where it is.", |target: &Self, place| {
            let path = format!("/ConnectionPolicies/{}/Targets/{}", target.connection_policy_sid, target.sid);
            place.url(&path).into()
        }),
    ];
}
