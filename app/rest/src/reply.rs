//! What a handler answers with, and how that becomes an HTTP response. The type of an answer says which status it
//! has and what it shows; the OpenAPI document is made from it.

use axum::body::Body;
use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use ringway_store::{Page, PageQuery};

use crate::error::{Code, Fault};
use crate::page::Paging;
use crate::representation::{
    Extension, Field, Kind, Property, Represent, Shape, product_list, property, text,
};
use crate::request::{ApiKind, Place};

/// One client library asks without credentials first and repeats only when it sees this challenge
/// (contract, rest.md 0.3, 5).
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"Twilio API\"");
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("1");

/// A good answer.
pub(crate) trait Answer: Send + 'static {
    /// What the document says of it.
    fn outline() -> AnswerOutline;

    /// Describes what it shows.
    fn into_reply(self, place: &Place) -> Reply;
}

/// 200 with one resource.
pub(crate) struct Found<T>(pub(crate) T);
/// The same, of which nothing but its row decides how it is written: until the next change whoever asks again is
/// told it again.
pub(crate) struct Row<T>(pub(crate) T);
/// 201 with the new resource.
pub(crate) struct Created<T>(pub(crate) T);
/// 202 with one resource.
pub(crate) struct Accepted<T>(pub(crate) T);
/// 204 with no body at all: client libraries take one for an error.
pub(crate) struct Deleted;
/// 200 with a page of resources.
pub(crate) struct Listed<T> {
    pub(crate) page: Page<T>,
    pub(crate) query: PageQuery,
    /// The parameters that chose the rows.
    pub(crate) given: Vec<(String, String)>,
}

impl Deleted {
    /// 404 when there was nothing to delete.
    pub(crate) fn if_so(was_there: bool) -> Result<Self, Fault> {
        was_there.then_some(Self).ok_or_else(Fault::not_found)
    }
}

impl<T: Represent> Answer for Found<T> {
    fn outline() -> AnswerOutline {
        AnswerOutline::one::<T>(StatusCode::OK)
    }

    fn into_reply(self, place: &Place) -> Reply {
        Reply::One(StatusCode::OK, T::SHAPE, self.0.fields(place))
    }
}

impl<T: Represent> Answer for Row<T> {
    fn outline() -> AnswerOutline {
        AnswerOutline::one::<T>(StatusCode::OK)
    }

    fn into_reply(self, place: &Place) -> Reply {
        Reply::Row(T::SHAPE, self.0.fields(place))
    }
}

impl<T: Represent> Answer for Created<T> {
    fn outline() -> AnswerOutline {
        AnswerOutline::one::<T>(StatusCode::CREATED)
    }

    fn into_reply(self, place: &Place) -> Reply {
        Reply::One(StatusCode::CREATED, T::SHAPE, self.0.fields(place))
    }
}

impl<T: Represent> Answer for Accepted<T> {
    fn outline() -> AnswerOutline {
        AnswerOutline::one::<T>(StatusCode::ACCEPTED)
    }

    fn into_reply(self, place: &Place) -> Reply {
        Reply::One(StatusCode::ACCEPTED, T::SHAPE, self.0.fields(place))
    }
}

impl Answer for Deleted {
    fn outline() -> AnswerOutline {
        AnswerOutline { status: StatusCode::NO_CONTENT, body: BodyOutline::Nothing }
    }

    fn into_reply(self, _: &Place) -> Reply {
        Reply::Nothing
    }
}

impl<T: Represent> Answer for Listed<T> {
    fn outline() -> AnswerOutline {
        AnswerOutline { status: StatusCode::OK, body: BodyOutline::Page(ResourceOutline::of::<T>()) }
    }

    fn into_reply(self, place: &Place) -> Reply {
        let rows: Vec<_> = self.page.rows.iter().map(|row| row.fields(place)).collect();
        let names: Vec<_> =
            self.page.rows.iter().zip(&rows).map(|(row, fields)| row.row_name(fields)).collect();
        let paging = Paging::new(&place.here(), &self.given, &self.query, &names, self.page.has_next);
        Reply::Page { shape: T::SHAPE, api: place.api, rows, paging }
    }
}

/// What the document says of an answer.
#[derive(Debug)]
pub(crate) struct AnswerOutline {
    pub(crate) status: StatusCode,
    pub(crate) body: BodyOutline,
}

impl AnswerOutline {
    fn one<T: Represent>(status: StatusCode) -> Self {
        Self { status, body: BodyOutline::One(ResourceOutline::of::<T>()) }
    }
}

#[derive(Debug)]
pub(crate) enum BodyOutline {
    Nothing,
    One(ResourceOutline),
    Page(ResourceOutline),
}

/// The table of a resource, without where its values come from.
#[derive(Debug)]
pub(crate) struct ResourceOutline {
    pub(crate) shape: Shape,
    pub(crate) properties: Vec<Property<()>>,
}

impl ResourceOutline {
    pub(crate) fn of<T: Represent>() -> Self {
        Self { shape: T::SHAPE, properties: T::PROPERTIES.iter().map(Property::outline).collect() }
    }
}

/// An answer, described.
pub(crate) enum Reply {
    One(StatusCode, Shape, Vec<Field>),
    /// 200 with what is worth keeping.
    Row(Shape, Vec<Field>),
    /// The same, written.
    Kept(Bytes),
    Page {
        shape: Shape,
        api: ApiKind,
        rows: Vec<Vec<Field>>,
        paging: Paging,
    },
    Nothing,
}

impl Reply {
    /// Writes the answer as `extension` asks.
    pub(crate) fn into_response(self, extension: Extension) -> Response<Body> {
        match self {
            Self::One(status, shape, fields) => {
                written(status, extension, extension.instance(&shape, &fields))
            }
            Self::Row(shape, fields) => {
                written(StatusCode::OK, extension, extension.instance(&shape, &fields))
            }
            Self::Kept(body) => written(StatusCode::OK, extension, body),
            Self::Page { shape, api, rows, paging } => {
                let body = match api {
                    ApiKind::V2010 => extension.list(&shape, &rows, &paging),
                    ApiKind::Product => product_list(shape.key, &rows, &paging),
                };
                written(StatusCode::OK, extension, body)
            }
            Self::Nothing => empty(StatusCode::NO_CONTENT),
        }
    }
}

/// The body of an error (contract, rest.md 0.3).
pub(crate) struct ErrorBody {
    code: Code,
    detail: Option<&'static str>,
    message: String,
}

impl Represent for ErrorBody {
    const SHAPE: Shape =
        Shape { name: "Error", key: "", element: "RestException", elements: "", xml_first: &[] };
    const PROPERTIES: &'static [Property<Self>] = &[
        property(
            "code",
            Kind::Integer,
            "The number of the error. A few HTTP errors have none.",
            |error: &Self, _| error.code.number().map(i64::from).into(),
        )
        .nullable(),
        property("detail", Kind::Text, "More about it; left out unless there is more.", |error: &Self, _| {
            error.detail.map(str::to_owned).into()
        })
        .nullable(),
        property("message", Kind::Text, "What went wrong, and with which parameter.", |error: &Self, _| {
            text(&error.message)
        }),
        property("more_info", Kind::Uri, "The page about the error.", |error: &Self, place| {
            error.code.number().map(|number| place.more_info(number)).into()
        })
        .nullable(),
        property("status", Kind::Integer, "The HTTP status.", |error: &Self, _| {
            i64::from(error.code.status().as_u16()).into()
        }),
    ];
}

impl Fault {
    /// Writes the error as the place asks.
    pub(crate) fn into_response(self, place: &Place) -> Response<Body> {
        let status = self.code.status();
        let message = self.message(&place.asked()).into_owned();
        let error = ErrorBody { code: self.code, detail: self.detail, message };
        let mut fields = error.fields(place);
        fields.retain(|(key, _)| *key != "detail" || self.detail.is_some());
        let body = place.extension.instance(&ErrorBody::SHAPE, &fields);
        let mut response = written(status, place.extension, body);
        let headers = response.headers_mut();
        if let Some(allow) = self.allow.and_then(|allow| HeaderValue::try_from(allow).ok()) {
            headers.insert(ALLOW, allow);
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
}

/// A response without body.
pub(crate) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn written(status: StatusCode, extension: Extension, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(extension.content_type()));
    response
}
