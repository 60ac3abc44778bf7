//! `/2010-04-01`: the tree of modules follows the tree of paths, and each level hands what is left of
//! a path to the next.

mod accounts;

use std::sync::Arc;

use ringway_engine::calls::CallControl;

use crate::api::App;
use crate::auth::Caller;
use crate::error::Fault;
use crate::form::Form;
use crate::reply::Reply;
use crate::representation::Extension;
use crate::request::Verb;

/// The version that resources of this tree say they are of.
const API_VERSION: &str = "2010-04-01";

/// A request before it is known which account it is for.
pub(crate) struct Asked<'a, C> {
    pub(crate) app: &'a Arc<App<C>>,
    pub(crate) verb: Verb,
    pub(crate) caller: Caller,
    pub(crate) query: Form,
    pub(crate) form: Form,
    pub(crate) extension: Extension,
}

/// Finds the handler of a path below `/2010-04-01`.
pub(crate) async fn dispatch<C: CallControl>(asked: Asked<'_, C>, path: &[&str]) -> Result<Reply, Fault> {
    match path {
        ["Accounts"] => accounts::collection(asked).await,
        ["Accounts", account, rest @ ..] => accounts::dispatch(asked, account, rest).await,
        _ => Err(Fault::not_found()),
    }
}
