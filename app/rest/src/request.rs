//! What a handler works with: an authenticated request for an account it may act on.

use std::sync::Arc;

use http::Method;
use ringway_store::{Account, Page, PageQuery, Store};

use crate::api::App;
use crate::auth::Caller;
use crate::error::Fault;
use crate::form::Form;
use crate::page::{self, Paging};
use crate::reply::Reply;
use crate::representation::{Extension, Field, Shape, Value};

/// What the API does with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// GET; HEAD too, whose body the server leaves out.
    Get,
    /// POST: creates in a list, updates an instance.
    Post,
    /// DELETE
    Delete,
    /// A method that no resource has.
    Other,
}

impl From<&Method> for Verb {
    fn from(method: &Method) -> Self {
        match *method {
            Method::GET | Method::HEAD => Self::Get,
            Method::POST => Self::Post,
            Method::DELETE => Self::Delete,
            _ => Self::Other,
        }
    }
}

/// A request, once it is known who makes it and for which account.
pub(crate) struct Request<C> {
    pub(crate) app: Arc<App<C>>,
    pub(crate) verb: Verb,
    pub(crate) caller: Caller,
    /// The account of the path.
    pub(crate) account: Arc<Account>,
    pub(crate) query: Form,
    /// The body of a POST; empty for other verbs, whatever they carried.
    pub(crate) form: Form,
    pub(crate) place: Place,
}

impl<C> Request<C> {
    pub(crate) fn store(&self) -> &Store {
        &self.app.store
    }

    /// The page that the query asks for.
    pub(crate) fn page(&self) -> Result<PageQuery, Fault> {
        page::query(&self.query)
    }
}

/// Where replies are, for the URIs in them.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// `/2010-04-01/Accounts/AC...`
    pub(crate) account_uri: String,
    pub(crate) extension: Extension,
    /// What the number of an error is appended to.
    pub(crate) more_info: Arc<str>,
}

impl Place {
    /// The URI of `path` below the account, in the representation that was asked for.
    pub(crate) fn uri(&self, path: &str) -> String {
        format!("{}{path}{}", self.account_uri, self.extension.suffix())
    }

    /// The reply for a page of the list at `path`.
    pub(crate) fn page<T>(
        &self,
        shape: &'static Shape,
        path: &str,
        (query, filters): (&PageQuery, &[(&str, &str)]),
        page: &Page<T>,
        describe: impl Fn(&T, &Place) -> Vec<Field>,
    ) -> Reply {
        let rows: Vec<_> = page.rows.iter().map(|row| describe(row, self)).collect();
        let sids: Vec<_> = rows.iter().map(|row| sid(row)).collect();
        let paging = Paging::new(&self.uri(path), filters, query, &sids, page.has_next);
        Reply::List { shape, rows, paging }
    }

    /// The same for rows without a SID; `name` is what tokens call a row.
    pub(crate) fn page_of_named<T>(
        &self,
        shape: &'static Shape,
        path: &str,
        (query, filters): (&PageQuery, &[(&str, &str)]),
        page: &Page<T>,
        (name, describe): (impl Fn(&T) -> String, impl Fn(&T) -> Vec<Field>),
    ) -> Reply {
        let rows: Vec<_> = page.rows.iter().map(describe).collect();
        let names: Vec<_> = page.rows.iter().map(name).collect();
        let paging = Paging::new(&self.uri(path), filters, query, &names, page.has_next);
        Reply::List { shape, rows, paging }
    }
}

/// The SID among the fields of a resource.
pub(crate) fn sid(row: &[Field]) -> String {
    match row.iter().find(|(key, _)| *key == "sid") {
        Some((_, Value::Text(sid))) => sid.to_string(),
        _ => String::new(),
    }
}
