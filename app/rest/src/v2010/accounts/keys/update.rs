//! `POST /2010-04-01/Accounts/{AC}/Keys/{SK}`

use ringway_model::sid::KeySid;

use super::{Name, describe, fetch, friendly_name};
use crate::error::Fault;
use crate::reply::Reply;
use crate::request::Request;

pub(super) async fn update<C>(
    request: &Request<C>,
    name: &'static Name,
    sid: KeySid,
) -> Result<Reply, Fault> {
    let Some(friendly_name) = friendly_name(&request.form)? else { return fetch::fetch(request, name, &sid) };
    let updated = request.store().update_key(request.account.sid, sid, friendly_name.to_owned()).await?;
    let key = updated.ok_or_else(Fault::not_found)?;
    Ok(Reply::Found(&name.shape, describe(&key)))
}
