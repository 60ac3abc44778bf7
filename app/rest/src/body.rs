//! Reading what a client sends. A client whose large form is cut short reports a broken connection and
//! not the status, so the rest of it is read and dropped first (contract, rest.md 5).

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http_body_util::BodyExt;

use crate::error::{Code, Fault};

/// How much of a request is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimits {
    /// The largest form that is accepted, in bytes.
    pub form_bytes_max: usize,
    /// How much of a form that is too large is read before the answer, in bytes.
    pub drained_bytes_max: usize,
    /// How long the whole body may take.
    pub timeout: Duration,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self { form_bytes_max: 256 << 10, drained_bytes_max: 16 << 20, timeout: Duration::from_secs(60) }
    }
}

/// The whole body; 413 when it is larger than allowed, 408 when it takes too long.
pub(crate) async fn receive(headers: &HeaderMap, body: Body, limits: &BodyLimits) -> Result<Bytes, Fault> {
    let too_large = || {
        let sentence = format!("the body must have at most {} bytes", limits.form_bytes_max);
        Fault::because(Code::TooLarge, sentence)
    };
    if waits_for_permission(headers, limits) {
        return Err(too_large().closing());
    }
    match tokio::time::timeout(limits.timeout, collect(body, limits)).await {
        Ok(Ok(Collected::Whole(bytes))) => Ok(bytes),
        Ok(Ok(Collected::Dropped)) => Err(too_large()),
        Ok(Ok(Collected::Endless)) => Err(too_large().closing()),
        Ok(Err(_)) => Err(Fault::because(Code::InvalidParameter, "the body ended early").closing()),
        Err(_) => Err(Fault::of(Code::RequestTimeout).closing()),
    }
}

/// 415 for a body that says it is something other than a form. GET requests of some clients have the
/// content type of a form and no body, others send a form without any type: both are taken as they are.
pub(crate) fn check_media_type(headers: &HeaderMap, body: &[u8]) -> Result<(), Fault> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if body.is_empty() || essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(());
    }
    let sentence = "the body must be application/x-www-form-urlencoded";
    Err(Fault::because(Code::UnsupportedMediaType, sentence))
}

enum Collected {
    Whole(Bytes),
    /// Too large, read to its end.
    Dropped,
    /// Too large even to be read to its end.
    Endless,
}

async fn collect(mut body: Body, limits: &BodyLimits) -> Result<Collected, axum::Error> {
    let mut kept = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        length += data.len();
        if length > limits.drained_bytes_max.max(limits.form_bytes_max) {
            return Ok(Collected::Endless);
        }
        if length > limits.form_bytes_max {
            kept = BytesMut::new();
        } else {
            kept.extend_from_slice(&data);
        }
    }
    Ok(if length > limits.form_bytes_max { Collected::Dropped } else { Collected::Whole(kept.freeze()) })
}

/// Whether the client announced a body that is too large and has not sent it yet.
fn waits_for_permission(headers: &HeaderMap, limits: &BodyLimits) -> bool {
    let number = |value: &http::HeaderValue| value.to_str().ok()?.parse::<usize>().ok();
    let length = headers.get(CONTENT_LENGTH).and_then(number).unwrap_or(0);
    headers.contains_key(EXPECT) && length > limits.form_bytes_max
}
