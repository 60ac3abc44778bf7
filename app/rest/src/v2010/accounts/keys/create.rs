//! `POST /2010-04-01/Accounts/{AC}/Keys`

use ringway_store::KeyKind;

use super::{Name, describe, friendly_name};
use crate::error::Fault;
use crate::reply::Reply;
use crate::request::Request;

/// Makes a Standard key; no other kind can be made here (contract, rest.md 3).
pub(super) async fn create<C>(request: &Request<C>, name: &'static Name) -> Result<Reply, Fault> {
    let friendly_name = friendly_name(&request.form)?.unwrap_or_default().to_owned();
    let made = request.store().create_key(request.account.sid, friendly_name, KeyKind::Standard).await?;
    let mut fields = describe(&made.key);
    fields.push(("secret", made.secret.expose().to_owned().into()));
    Ok(Reply::Created(&name.shape, fields))
}
