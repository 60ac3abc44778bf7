//! `/v1/ConnectionPolicies`

use ringway_model::sid::ConnectionPolicySid;
use ringway_store::{ConnectionPolicy, CreateConnectionPolicyError};

use super::{Request, date, deleted, instance_verbs, list_verbs, parameters};
use crate::error::{Code, Fault};
use crate::reply::Reply;
use crate::representation::{Field, Shape, Value, text};
use crate::request::Verb;

const SHAPE: Shape = Shape {
    key: "connection_policies",
    element: "ConnectionPolicy",
    elements: "ConnectionPolicies",
    xml_first: &[],
};

pub(super) async fn dispatch<C>(request: &Request<'_, C>, path: &[&str]) -> Result<Reply, Fault> {
    match (path, request.verb()) {
        ([], Verb::Get) => list(request),
        ([], Verb::Post) => create(request).await,
        ([], _) => Err(list_verbs()),
        ([sid], verb) => {
            let sid: ConnectionPolicySid = sid.parse().map_err(|_| Fault::not_found())?;
            match verb {
                Verb::Get => fetch(request, &sid),
                Verb::Post => update(request, sid).await,
                Verb::Delete => {
                    deleted(request.store().delete_connection_policy(request.account(), sid).await)
                }
                Verb::Other => Err(instance_verbs()),
            }
        }
        _ => Err(Fault::not_found()),
    }
}

fn list<C>(request: &Request<'_, C>) -> Result<Reply, Fault> {
    let query = request.page()?;
    let page = request.store().connection_policies(&request.account(), &query)?;
    Ok(request.listed(SHAPE.key, "/ConnectionPolicies", &query, &page, describe))
}

async fn create<C>(request: &Request<'_, C>) -> Result<Reply, Fault> {
    let name = parameters::friendly_name(request.form())?;
    match request.store().create_connection_policy(request.account(), name).await {
        Ok(policy) => Ok(Reply::Created(&SHAPE, describe(request, &policy))),
        Err(CreateConnectionPolicyError::LimitReached { limit }) => {
            let sentence = format!("an account may have {limit} connection policies");
            Err(Fault::because(Code::MaximumConnectionPolicies, sentence))
        }
        Err(CreateConnectionPolicyError::NoSuchAccount) => Err(Fault::not_found()),
        Err(CreateConnectionPolicyError::Store(error)) => Err(error.into()),
    }
}

fn fetch<C>(request: &Request<'_, C>, sid: &ConnectionPolicySid) -> Result<Reply, Fault> {
    let policy = request.store().connection_policy(&request.account(), sid)?.ok_or_else(Fault::not_found)?;
    Ok(Reply::Found(&SHAPE, describe(request, &policy)))
}

async fn update<C>(request: &Request<'_, C>, sid: ConnectionPolicySid) -> Result<Reply, Fault> {
    let name = parameters::friendly_name(request.form())?;
    let updated = request.store().update_connection_policy(request.account(), sid, name).await?;
    let policy = updated.ok_or_else(Fault::not_found)?;
    Ok(Reply::Found(&SHAPE, describe(request, &policy)))
}

fn describe<C>(request: &Request<'_, C>, policy: &ConnectionPolicy) -> Vec<Field> {
    let url = request.url(&format!("/ConnectionPolicies/{}", policy.sid));
    vec![
        ("account_sid", text(policy.account_sid)),
        ("sid", text(policy.sid)),
        ("friendly_name", policy.friendly_name.clone().into()),
        ("date_created", date(policy.created)),
        ("date_updated", date(policy.updated)),
        ("links", Value::Links(vec![("targets", format!("{url}/Targets"))])),
        ("url", url.into()),
    ]
}
