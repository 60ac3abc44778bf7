//! `GET /2010-04-01/Accounts/{AC}/Keys`

use super::{Name, describe};
use crate::error::Fault;
use crate::reply::Reply;
use crate::request::Request;

pub(super) fn list<C>(request: &Request<C>, name: &'static Name) -> Result<Reply, Fault> {
    let query = request.page()?;
    let page = request.store().keys(&request.account.sid, &query)?;
    Ok(request.place.page(&name.shape, name.path, (&query, &[]), &page, |key, _| describe(key)))
}
