//! `/v1/ConnectionPolicies/{NY}/Targets`

use ringway_model::sid::{ConnectionPolicySid, ConnectionPolicyTargetSid};
use ringway_store::{
    ConnectionPolicyTarget, ConnectionPolicyTargetUpdate, CreateTargetError, NewConnectionPolicyTarget,
};

use super::{Request, date, deleted, instance_verbs, list_verbs, parameters};
use crate::error::{Code, Fault};
use crate::form::Form;
use crate::reply::Reply;
use crate::representation::{Field, Shape, Value, text};
use crate::request::Verb;
use crate::rules;

const SHAPE: Shape = Shape { key: "targets", element: "Target", elements: "Targets", xml_first: &[] };
/// Contract, rest.md 2.
const PRIORITY: u16 = 10;
const WEIGHT: u16 = 10;

pub(super) async fn dispatch<C>(
    request: &Request<'_, C>,
    policy: &str,
    path: &[&str],
) -> Result<Reply, Fault> {
    let policy: ConnectionPolicySid = policy.parse().map_err(|_| Fault::not_found())?;
    match (path, request.verb()) {
        ([], Verb::Get) => list(request, &policy),
        ([], Verb::Post) => create(request, policy).await,
        ([], _) => Err(list_verbs()),
        ([sid], verb) => {
            let sid: ConnectionPolicyTargetSid = sid.parse().map_err(|_| Fault::not_found())?;
            match verb {
                Verb::Get => fetch(request, &policy, &sid),
                Verb::Post => update(request, policy, sid).await,
                Verb::Delete => delete(request, policy, sid).await,
                Verb::Other => Err(instance_verbs()),
            }
        }
        _ => Err(Fault::not_found()),
    }
}

fn list<C>(request: &Request<'_, C>, policy: &ConnectionPolicySid) -> Result<Reply, Fault> {
    let query = request.page()?;
    let page = request.store().connection_policy_targets(&request.account(), policy, &query)?;
    let page = page.ok_or_else(Fault::not_found)?;
    let path = format!("/ConnectionPolicies/{policy}/Targets");
    Ok(request.listed(SHAPE.key, &path, &query, &page, describe))
}

async fn create<C>(request: &Request<'_, C>, policy: ConnectionPolicySid) -> Result<Reply, Fault> {
    rules::required(request.form(), "Target", Code::InvalidParameter)?;
    let fields = read(request.form())?;
    let new = NewConnectionPolicyTarget {
        account_sid: request.account(),
        connection_policy_sid: policy,
        friendly_name: fields.friendly_name,
        target: fields.target.unwrap_or_default(),
        priority: fields.priority.unwrap_or(PRIORITY),
        weight: fields.weight.unwrap_or(WEIGHT),
        enabled: fields.enabled.unwrap_or(true),
    };
    match request.store().create_connection_policy_target(new).await {
        Ok(Some(target)) => Ok(Reply::Created(&SHAPE, describe(request, &target))),
        Ok(None) => Err(Fault::not_found()),
        Err(CreateTargetError::LimitReached { limit }) => {
            let sentence = format!("a connection policy may have {limit} targets");
            Err(Fault::because(Code::MaximumConnectionPolicyTargets, sentence))
        }
        Err(CreateTargetError::Store(error)) => Err(error.into()),
    }
}

fn fetch<C>(
    request: &Request<'_, C>,
    policy: &ConnectionPolicySid,
    sid: &ConnectionPolicyTargetSid,
) -> Result<Reply, Fault> {
    let found = request.store().connection_policy_target(&request.account(), policy, sid)?;
    let target = found.ok_or_else(Fault::not_found)?;
    Ok(Reply::Found(&SHAPE, describe(request, &target)))
}

async fn update<C>(
    request: &Request<'_, C>,
    policy: ConnectionPolicySid,
    sid: ConnectionPolicyTargetSid,
) -> Result<Reply, Fault> {
    let fields = read(request.form())?;
    let updated =
        request.store().update_connection_policy_target(request.account(), policy, sid, fields).await?;
    let target = updated.ok_or_else(Fault::not_found)?;
    Ok(Reply::Found(&SHAPE, describe(request, &target)))
}

async fn delete<C>(
    request: &Request<'_, C>,
    policy: ConnectionPolicySid,
    sid: ConnectionPolicyTargetSid,
) -> Result<Reply, Fault> {
    let outcome = request.store().delete_connection_policy_target(request.account(), policy, sid).await?;
    deleted(Ok(outcome))
}

fn read(form: &Form) -> Result<ConnectionPolicyTargetUpdate, Fault> {
    Ok(ConnectionPolicyTargetUpdate {
        enabled: rules::boolean(form, "Enabled", Code::InvalidParameter)?,
        friendly_name: parameters::friendly_name(form)?,
        priority: parameters::number(form, "Priority", 0..=u16::MAX)?,
        target: parameters::target(form)?,
        weight: parameters::number(form, "Weight", 1..=u16::MAX)?,
    })
}

fn describe<C>(request: &Request<'_, C>, target: &ConnectionPolicyTarget) -> Vec<Field> {
    let path = format!("/ConnectionPolicies/{}/Targets/{}", target.connection_policy_sid, target.sid);
    vec![
        ("account_sid", text(target.account_sid)),
        ("connection_policy_sid", text(target.connection_policy_sid)),
        ("sid", text(target.sid)),
        ("friendly_name", target.friendly_name.clone().into()),
        ("target", target.target.clone().into()),
        ("priority", Value::Integer(target.priority.into())),
        ("weight", Value::Integer(target.weight.into())),
        ("enabled", target.enabled.into()),
        ("date_created", date(target.created)),
        ("date_updated", date(target.updated)),
        ("url", request.url(&path).into()),
    ]
}
