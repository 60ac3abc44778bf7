//! `POST /2010-04-01/Accounts/{AC}/SIP/CredentialLists/{CL}`

use ringway_engine::calls::CallControl;
use ringway_model::sid::CredentialListSid;
use ringway_store::{CredentialList, UpdateListError};

use super::fetch::find;
use super::{Name, friendly_name_taken};
use crate::error::Fault;
use crate::parameters::Sent;
use crate::reply::Found;
use crate::request::Request;

pub(super) async fn update<C: CallControl>(
    request: Request<C>,
    sid: CredentialListSid,
    sent: Sent<Name>,
) -> Result<Found<CredentialList>, Fault> {
    find(&request, &sid)?;
    let Name { friendly_name } = sent.read()?;
    let updated = request.store().update_credential_list(request.account.sid, sid, friendly_name).await;
    Ok(Found(updated.map_err(explain)?.ok_or_else(Fault::not_found)?))
}

fn explain(error: UpdateListError) -> Fault {
    match error {
        UpdateListError::FriendlyNameTaken => friendly_name_taken(),
        UpdateListError::Store(error) => error.into(),
    }
}
