//! What is served beside the API and without credentials: whether the service is well, the OpenAPI document, and
//! the pages for people that are made from it.

use axum::body::Body;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Response, StatusCode};
use ringway_store::Store;
use serde_json::{Map, Value as Json, json};

use crate::error::Fault;
use crate::openapi;
use crate::pages;
use crate::tree::{Group, Tree};

pub(crate) static GROUP: Group =
    Group { name: "Service", about: "What is served without credentials.", is_administrative: false };

/// A page of the site.
struct Page {
    path: &'static str,
    id: &'static str,
    about: &'static str,
    content_type: &'static str,
    is_for: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Health,
    Document,
    Reference,
    Errors,
}

const PAGES: [Page; 4] = [
    Page {
        path: "/healthz",
        id: "FetchHealth",
        about: "Whether the service can answer.",
        content_type: "text/plain; charset=utf-8",
        is_for: What::Health,
    },
    Page {
        path: "/openapi.json",
        id: "FetchDocument",
        about: "This document.",
        content_type: "application/json",
        is_for: What::Document,
    },
    Page {
        path: "/docs",
        id: "FetchReference",
        about: "This document for people to read.",
        content_type: HTML,
        is_for: What::Reference,
    },
    Page {
        path: "/docs/errors",
        id: "ListErrors",
        about: "The errors, each with a page of its own at `/docs/errors/{number}`.",
        content_type: HTML,
        is_for: What::Errors,
    },
];

const HTML: &str = "text/html; charset=utf-8";

/// The site, written once: nothing of it changes while the service runs.
pub(crate) struct Site {
    document: Bytes,
    reference: Bytes,
    errors: Bytes,
}

impl Site {
    pub(crate) fn new<C>(tree: &Tree<C>) -> Self {
        let document = openapi::document(tree);
        Self {
            reference: pages::reference(&document).into(),
            errors: pages::errors().into(),
            document: document.to_string().into(),
        }
    }

    /// The page at this path, if it is one of the site.
    pub(crate) fn answer(
        &self,
        method: &Method,
        path: &str,
        store: &Store,
    ) -> Option<Result<Response<Body>, Fault>> {
        let stem = if path == "/" { path } else { path.trim_end_matches('/') };
        let found = PAGES.iter().find(|page| page.path == stem);
        let number = stem.strip_prefix("/docs/errors/");
        if found.is_none() && number.is_none() {
            return None;
        }
        if !matches!(*method, Method::GET | Method::HEAD) {
            return Some(Err(Fault::wrong_verb("GET".to_owned())));
        }
        Some(match found {
            Some(page) => Ok(self.page(page, store)),
            None => error_page(number.unwrap_or_default()),
        })
    }

    fn page(&self, page: &Page, store: &Store) -> Response<Body> {
        match page.is_for {
            What::Health => health(page, store),
            What::Document => written(page.content_type, self.document.clone()),
            What::Reference => written(page.content_type, self.reference.clone()),
            What::Errors => written(page.content_type, self.errors.clone()),
        }
    }
}

fn health(page: &Page, store: &Store) -> Response<Body> {
    match store.probe() {
        Ok(()) => written(page.content_type, Bytes::from_static(b"ok\n")),
        Err(error) => {
            tracing::error!(%error, "the store failed its probe");
            let mut response = written(page.content_type, Bytes::from_static(b"the store does not answer\n"));
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            response
        }
    }
}

fn error_page(number: &str) -> Result<Response<Body>, Fault> {
    let number = number.parse().map_err(|_| Fault::not_found())?;
    let page = pages::error(number).ok_or_else(Fault::not_found)?;
    Ok(written(HTML, page.into()))
}

fn written(content_type: &'static str, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// What the document says of the site.
pub(crate) fn operations() -> Map<String, Json> {
    let operation = |page: &Page| {
        let schema = match page.is_for {
            What::Document => json!({"type": "object"}),
            What::Health | What::Reference | What::Errors => json!({"type": "string"}),
        };
        let content_type = page.content_type.split(';').next().unwrap_or_default();
        let mut responses = json!({
            "200": {"description": "OK", "content": {content_type: {"schema": schema}}},
            "405": {"$ref": "#/components/responses/405"},
        });
        if matches!(page.is_for, What::Health) {
            responses["503"] = json!({
                "description": "It cannot.",
                "content": {content_type: {"schema": {"type": "string"}}},
            });
        }
        let described = json!({
            "operationId": page.id,
            "summary": page.about,
            "tags": [GROUP.name],
            "security": [],
            "parameters": [],
            "responses": responses,
        });
        (page.path.to_owned(), json!({"get": described}))
    };
    PAGES.iter().map(operation).collect()
}
