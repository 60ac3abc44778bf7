//! `/v1/Settings`

use super::Request;
use crate::error::{Code, Fault};
use crate::reply::Reply;
use crate::representation::{Field, Shape};
use crate::request::Verb;
use crate::rules;

const SHAPE: Shape = Shape { key: "settings", element: "Settings", elements: "Settings", xml_first: &[] };

pub(super) async fn dispatch<C>(request: &Request<'_, C>) -> Result<Reply, Fault> {
    match request.verb() {
        Verb::Get => Ok(Reply::Found(&SHAPE, describe(request)?)),
        Verb::Post => update(request).await,
        _ => Err(Fault::wrong_verb("GET, POST")),
    }
}

/// Answered 202, unlike any other update (contract, rest.md 0).
async fn update<C>(request: &Request<'_, C>) -> Result<Reply, Fault> {
    let inherit = rules::boolean(request.form(), "DialingPermissionsInheritance", Code::InvalidParameter)?;
    if let Some(inherit) = inherit {
        request.store().set_dialing_permissions_inheritance(request.account(), inherit).await?;
    }
    Ok(Reply::Accepted(&SHAPE, describe(request)?))
}

fn describe<C>(request: &Request<'_, C>) -> Result<Vec<Field>, Fault> {
    let inherit = request.store().dialing_permissions_inheritance(&request.account())?;
    Ok(vec![("dialing_permissions_inheritance", inherit.into()), ("url", request.url("/Settings").into())])
}
