//! `POST /2010-04-01/Accounts/{AC}/SIP/CredentialLists`

use ringway_engine::calls::CallControl;
use ringway_store::{CreateListError, CredentialList};

use super::{Name, friendly_name_taken};
use crate::error::{Code, Fault};
use crate::parameters::Sent;
use crate::reply::Created;
use crate::request::Request;

pub(super) async fn create<C: CallControl>(
    request: Request<C>,
    sent: Sent<Name>,
) -> Result<Created<CredentialList>, Fault> {
    let Name { friendly_name } = sent.read()?;
    let created = request.store().create_credential_list(request.account.sid, friendly_name).await;
    Ok(Created(created.map_err(explain)?))
}

fn explain(error: CreateListError) -> Fault {
    match error {
        CreateListError::LimitReached { limit } => Fault::because(
            Code::MaximumCredentialLists,
            format!("an account may have {limit} credential lists"),
        ),
        CreateListError::NoSuchAccount => Fault::not_found(),
        CreateListError::FriendlyNameTaken => friendly_name_taken(),
        CreateListError::Store(error) => error.into(),
    }
}
