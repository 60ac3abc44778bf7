//! `POST /2010-04-01/Accounts/{AC}/SIP/IpAccessControlLists`

use ringway_store::CreateListError;

use super::{SHAPE, describe, friendly_name, friendly_name_taken};
use crate::error::{Code, Fault};
use crate::reply::Reply;
use crate::request::Request;

pub(super) async fn create<C>(request: &Request<C>) -> Result<Reply, Fault> {
    let friendly_name = friendly_name(&request.form)?;
    let created = request.store().create_ip_access_control_list(request.account.sid, friendly_name).await;
    let list = created.map_err(explain)?;
    Ok(Reply::Created(&SHAPE, describe(&list, &request.place)))
}

fn explain(error: CreateListError) -> Fault {
    match error {
        CreateListError::LimitReached { limit } => {
            let sentence = format!("an account may have {limit} IP access control lists");
            Fault::because(Code::MaximumLists, sentence)
        }
        CreateListError::NoSuchAccount => Fault::not_found(),
        CreateListError::FriendlyNameTaken => friendly_name_taken(),
        CreateListError::Store(error) => error.into(),
    }
}
