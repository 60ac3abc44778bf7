//! `/v1` of the voice product (contract, rest.md 2, "voice.twilio.com/v1"): trunks of other carriers and what
//! belongs to them. The account is that of the credentials, dates are ISO 8601, URLs are absolute, and the
//! envelope of a list is `meta`.

mod byoc_trunks;
mod connection_policies;
mod dialing_permissions;
mod ip_records;
mod parameters;
mod settings;
mod source_ip_mappings;
mod targets;

use ringway_model::UnixTime;
use ringway_model::sid::AccountSid;
use ringway_store::{DeleteUsedError, Page, PageQuery, Store};

use crate::error::{Code, Fault};
use crate::form::Form;
use crate::page::{self, Paging};
use crate::reply::Reply;
use crate::representation::{Field, Value};
use crate::request::{Verb, sid};
use crate::v2010::Asked;

/// Contract, rest.md 4.
const FRIENDLY_NAME_MAX: usize = 255;

/// A request for the account that makes it.
struct Request<'a, C> {
    asked: Asked<'a, C>,
    /// What URLs begin with, up to the path.
    base_url: &'a str,
}

/// Finds the handler of a path below `/v1`. `base_url` is what the client reached us by.
pub(crate) async fn dispatch<C>(asked: Asked<'_, C>, path: &[&str], base_url: &str) -> Result<Reply, Fault> {
    let request = Request { asked, base_url };
    match path {
        ["ByocTrunks", rest @ ..] => byoc_trunks::dispatch(&request, rest).await,
        ["ConnectionPolicies", policy, "Targets", rest @ ..] => {
            targets::dispatch(&request, policy, rest).await
        }
        ["ConnectionPolicies", rest @ ..] => connection_policies::dispatch(&request, rest).await,
        ["DialingPermissions", rest @ ..] => dialing_permissions::dispatch(&request, rest).await,
        ["IpRecords", rest @ ..] => ip_records::dispatch(&request, rest).await,
        ["Settings"] => settings::dispatch(&request).await,
        ["SourceIpMappings", rest @ ..] => source_ip_mappings::dispatch(&request, rest).await,
        _ => Err(Fault::not_found()),
    }
}

impl<C> Request<'_, C> {
    fn store(&self) -> &Store {
        &self.asked.app.store
    }

    fn account(&self) -> AccountSid {
        self.asked.caller.account.sid
    }

    fn verb(&self) -> Verb {
        self.asked.verb
    }

    fn form(&self) -> &Form {
        &self.asked.form
    }

    fn query(&self) -> &Form {
        &self.asked.query
    }

    /// The URL of `path` below `/v1`.
    fn url(&self, path: &str) -> String {
        format!("{}/v1{path}", self.base_url)
    }

    /// The page that the query asks for.
    fn page(&self) -> Result<PageQuery, Fault> {
        page::query(self.query())
    }

    /// The reply for a page of the list at `path`, whose array is called `key`.
    fn listed<T>(
        &self,
        key: &'static str,
        path: &str,
        query: &PageQuery,
        page: &Page<T>,
        describe: impl Fn(&Self, &T) -> Vec<Field>,
    ) -> Reply {
        let rows: Vec<_> = page.rows.iter().map(|row| describe(self, row)).collect();
        let sids: Vec<_> = rows.iter().map(|row| sid(row)).collect();
        let paging = Paging::new(&self.url(path), &[], query, &sids, page.has_next);
        Reply::ProductList { key, rows, paging }
    }
}

fn date(time: UnixTime) -> Value {
    time.iso8601().into()
}

fn deleted(outcome: Result<bool, DeleteUsedError>) -> Result<Reply, Fault> {
    match outcome {
        Ok(true) => Ok(Reply::Deleted),
        Ok(false) => Err(Fault::not_found()),
        Err(DeleteUsedError::InUse { by }) => {
            Err(Fault::because(Code::Conflict, format!("{by} uses this resource")))
        }
        Err(DeleteUsedError::Store(error)) => Err(error.into()),
    }
}

fn list_verbs() -> Fault {
    Fault::wrong_verb("GET, POST")
}

fn instance_verbs() -> Fault {
    Fault::wrong_verb("GET, POST, DELETE")
}
