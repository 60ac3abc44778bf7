//! What a handler works with: an authenticated request for an account it may act on.

use std::sync::Arc;

use http::Method;
use ringway_model::sid::AccountSid;
use ringway_store::{Account, Store};

use crate::api::App;
use crate::auth::Caller;
use crate::origin::{ErrorPages, Origin};
use crate::representation::Extension;
use crate::v2010::API_VERSION;

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
    pub(crate) caller: Caller,
    /// The account of the path; that of the caller where the path names none.
    pub(crate) account: Arc<Account>,
    pub(crate) place: Arc<Place>,
}

impl<C> Request<C> {
    pub(crate) fn store(&self) -> &Store {
        &self.app.store
    }
}

/// Where replies are, for the URIs in them.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) api: ApiKind,
    /// What the client reached us by.
    pub(crate) origin: Origin,
    pub(crate) extension: Extension,
    /// The path that was asked for, without its extension.
    pub(crate) path: String,
    pub(crate) error_pages: ErrorPages,
}

/// Which of the two kinds of API a resource belongs to (contract, rest.md 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ApiKind {
    /// `/2010-04-01`: the account is in the path, URIs are relative and have the extension of the request.
    V2010,
    /// `/v1`: the account is that of the credentials, URLs are absolute.
    Product,
}

impl Place {
    /// The URI of `path` below the account of a resource, in the representation that was asked for.
    pub(crate) fn uri(&self, account: &AccountSid, path: &str) -> String {
        format!("/{API_VERSION}/Accounts/{account}{path}{}", self.extension.suffix())
    }

    /// The URL of `path` below `/v1`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/v1{path}", self.origin)
    }

    /// The path that was asked for.
    pub(crate) fn asked(&self) -> String {
        match self.api {
            ApiKind::V2010 => format!("{}{}", self.path, self.extension.suffix()),
            ApiKind::Product => self.path.clone(),
        }
    }

    /// The URI of what was asked for, without a query.
    pub(crate) fn here(&self) -> String {
        match self.api {
            ApiKind::V2010 => self.asked(),
            ApiKind::Product => format!("{}{}", self.origin, self.path),
        }
    }

    /// The page about the error with this number.
    pub(crate) fn more_info(&self, number: u32) -> String {
        self.error_pages.url(&self.origin, number)
    }
}
