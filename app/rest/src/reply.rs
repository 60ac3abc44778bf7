//! What a handler answers with, and how that becomes an HTTP response.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

use crate::error::{Code, Fault};
use crate::page::Paging;
use crate::representation::{Extension, Field, Shape, Value, product_list, text};

/// One client library asks without credentials first and repeats only when it sees this challenge
/// (contract, rest.md 0.3, 5).
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"Twilio API\"");
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("1");

const ERROR: Shape = Shape { key: "", element: "RestException", elements: "", xml_first: &[] };

/// A good answer.
#[derive(Debug)]
pub(crate) enum Reply {
    /// 200 with one resource.
    Found(&'static Shape, Vec<Field>),
    /// The same of a resource that is nothing but its rows: true until one of them is changed through the API.
    Row(&'static Shape, Vec<Field>),
    /// 200 with what was written before.
    Kept(Bytes),
    /// 201 with the new resource.
    Created(&'static Shape, Vec<Field>),
    /// 202 with one resource.
    Accepted(&'static Shape, Vec<Field>),
    /// 204 with no body at all: client libraries take one for an error.
    Deleted,
    /// 200 with a page of resources.
    List { shape: &'static Shape, rows: Vec<Vec<Field>>, paging: Paging },
    /// The same in the envelope of the product APIs, which are JSON alone.
    ProductList { key: &'static str, rows: Vec<Vec<Field>>, paging: Paging },
}

impl Reply {
    /// Writes the answer as `extension` asks.
    pub(crate) fn into_response(self, extension: Extension) -> Response<Body> {
        let (status, body) = match self {
            Self::Found(shape, fields) | Self::Row(shape, fields) => {
                (StatusCode::OK, extension.instance(shape, &fields))
            }
            Self::Kept(body) => return written(StatusCode::OK, extension, body.into()),
            Self::Created(shape, fields) => (StatusCode::CREATED, extension.instance(shape, &fields)),
            Self::Accepted(shape, fields) => (StatusCode::ACCEPTED, extension.instance(shape, &fields)),
            Self::List { shape, rows, paging } => (StatusCode::OK, extension.list(shape, &rows, &paging)),
            Self::ProductList { key, rows, paging } => (StatusCode::OK, product_list(key, &rows, &paging)),
            Self::Deleted => return empty(StatusCode::NO_CONTENT),
        };
        written(status, extension, body.into())
    }
}

impl Fault {
    /// Writes the error as `extension` asks; `path` is what the client asked for.
    pub(crate) fn into_response(
        self,
        extension: Extension,
        path: &str,
        more_info: &Arc<str>,
    ) -> Response<Body> {
        let status = self.code.status();
        let body = extension.instance(&ERROR, &self.fields(path, more_info));
        let mut response = written(status, extension, body.into());
        let headers = response.headers_mut();
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        match self.code {
            Code::Unauthenticated => drop(headers.insert(WWW_AUTHENTICATE, CHALLENGE)),
            Code::Unavailable | Code::TooManyRequests => drop(headers.insert(RETRY_AFTER, RETRY_AFTER_S)),
            _ => {}
        }
        if self.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    fn fields(&self, path: &str, more_info: &str) -> Vec<Field> {
        let number = self.code.number();
        let mut fields = vec![("code", number.map_or(Value::Null, |number| Value::Integer(number.into())))];
        if let Some(detail) = self.detail {
            fields.push(("detail", detail.into()));
        }
        fields.push(("message", text(self.message(path))));
        fields.push(("more_info", number.map(|number| format!("{more_info}{number}")).into()));
        fields.push(("status", Value::Integer(self.code.status().as_u16().into())));
        fields
    }
}

/// A response without body.
pub(crate) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn written(status: StatusCode, extension: Extension, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(extension.content_type()));
    response
}
