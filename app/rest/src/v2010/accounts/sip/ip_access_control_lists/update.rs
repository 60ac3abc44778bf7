//! `POST /2010-04-01/Accounts/{AC}/SIP/IpAccessControlLists/{AL}`

use ringway_model::sid::IpAccessControlListSid;
use ringway_store::UpdateListError;

use super::{SHAPE, describe, fetch, friendly_name, friendly_name_taken};
use crate::error::Fault;
use crate::reply::Reply;
use crate::request::Request;

pub(super) async fn update<C>(request: &Request<C>, sid: IpAccessControlListSid) -> Result<Reply, Fault> {
    fetch::fetch(request, &sid)?;
    let friendly_name = friendly_name(&request.form)?;
    let updated =
        request.store().update_ip_access_control_list(request.account.sid, sid, friendly_name).await;
    let list = updated.map_err(explain)?.ok_or_else(Fault::not_found)?;
    Ok(Reply::Found(&SHAPE, describe(&list, &request.place)))
}

fn explain(error: UpdateListError) -> Fault {
    match error {
        UpdateListError::FriendlyNameTaken => friendly_name_taken(),
        UpdateListError::Store(error) => error.into(),
    }
}
