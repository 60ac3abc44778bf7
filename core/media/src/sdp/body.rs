//! Finds the session description in the body of a SIP message.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fmt;

const NESTING_MAX: usize = 3;
const PARTS_MAX: usize = 32;

/// Why a body has no session description. The SIP answer is 415 with `Accept: application/sdp`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyError {
    /// Neither `application/sdp` nor a multipart body; the content type as it came.
    NotSdp(String),
    /// A multipart body without a part that is SDP, or one that cannot be taken apart.
    NoSdpPart,
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BodyError::NotSdp(content_type) => write!(f, "the body is not SDP but {content_type:?}"),
            BodyError::NoSdpPart => f.write_str("no part of the multipart body is SDP"),
        }
    }
}

impl std::error::Error for BodyError {}

/// The session description inside `body`: all of it, or the first such part of a multipart body
/// (RFC 2046 5.1, RFC 5621 3).
///
/// # Errors
/// [`BodyError`] when there is none.
pub fn sdp_from_body<'a>(content_type: &str, body: &'a [u8]) -> Result<&'a [u8], BodyError> {
    if is_multipart(content_type) {
        find_in_parts(content_type, body, NESTING_MAX).ok_or(BodyError::NoSdpPart)
    } else if is_sdp(content_type) {
        Ok(body)
    } else {
        Err(BodyError::NotSdp(content_type.chars().take(100).collect()))
    }
}

fn find_in_parts<'a>(content_type: &str, body: &'a [u8], nesting: usize) -> Option<&'a [u8]> {
    let boundary = boundary(content_type)?;
    parts(&boundary, body).take(PARTS_MAX).find_map(|part| {
        let (headers, content) = split_part(part);
        let content_type = content_type_of(headers)?;
        if is_sdp(content_type) {
            Some(content)
        } else if is_multipart(content_type) && nesting > 1 {
            find_in_parts(content_type, content, nesting - 1)
        } else {
            None
        }
    })
}

fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

fn is_sdp(content_type: &str) -> bool {
    media_type(content_type).eq_ignore_ascii_case("application/sdp")
}

fn is_multipart(content_type: &str) -> bool {
    media_type(content_type).get(..10).is_some_and(|start| start.eq_ignore_ascii_case("multipart/"))
}

/// The delimiter between the parts, as it stands in the body.
fn boundary(content_type: &str) -> Option<Vec<u8>> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches('"');
        let valid = name.trim().eq_ignore_ascii_case("boundary") && (1..=70).contains(&value.len());
        valid.then(|| [b"--", value.as_bytes()].concat())
    })
}

/// The parts between the delimiters; what stands before the first one is no part.
fn parts<'a>(delimiter: &[u8], body: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = find_delimiter(delimiter, body).map(|(_, after)| after);
    std::iter::from_fn(move || {
        let current = rest?;
        // Two more dashes close the whole.
        if current.starts_with(b"--") {
            return None;
        }
        let (part, after) = find_delimiter(delimiter, current)?;
        rest = Some(after);
        Some(strip_line_end(part))
    })
}

/// Splits at the delimiter, which must stand at the start of a line.
fn find_delimiter<'a>(delimiter: &[u8], bytes: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let mut start = 0;
    loop {
        let rest = bytes.get(start..)?;
        if let Some(after) = rest.strip_prefix(delimiter) {
            return Some((bytes.get(..start)?, after));
        }
        start += rest.iter().position(|byte| *byte == b'\n')? + 1;
    }
}

/// Headers and content of a part, whose first line is what is left of the delimiter's.
fn split_part(part: &[u8]) -> (&[u8], &[u8]) {
    let mut start = part.iter().position(|byte| *byte == b'\n').map_or(part.len(), |end| end + 1);
    let headers_start = start;
    loop {
        let rest = part.get(start..).unwrap_or_default();
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            return (part.get(headers_start..).unwrap_or_default(), &[]);
        };
        let line = rest.get(..end).unwrap_or_default();
        if line.trim_ascii().is_empty() {
            let headers = part.get(headers_start..start).unwrap_or_default();
            return (headers, rest.get(end + 1..).unwrap_or_default());
        }
        start += end + 1;
    }
}

fn content_type_of(headers: &[u8]) -> Option<&str> {
    headers.split(|byte| *byte == b'\n').find_map(|line| {
        let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
        let name = name.trim();
        let is_it = name.eq_ignore_ascii_case("content-type") || name.eq_ignore_ascii_case("c");
        is_it.then(|| value.trim())
    })
}

/// The line end before a delimiter belongs to the delimiter.
fn strip_line_end(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sdp_itself_is_all_of_the_body() {
        for content_type in ["application/sdp", "Application/SDP;charset=utf-8", " application/sdp "] {
            assert_eq!(sdp_from_body(content_type, b"v=0\r\n").unwrap(), b"v=0\r\n");
        }
        assert_eq!(sdp_from_body("text/plain", b"v=0"), Err(BodyError::NotSdp("text/plain".into())));
    }

    #[test]
    fn a_part_of_a_multipart_body() {
        let body = b"preamble\r\n--b1\r\nContent-Type: application/pidf+xml\r\n\r\n<x/>\r\n--b1\r\n\
            C: application/sdp\r\nContent-Disposition: session\r\n\r\nv=0\r\no=x\r\n\r\n--b1--\r\nepilogue";
        assert_eq!(sdp_from_body("multipart/mixed;boundary=b1", body).unwrap(), b"v=0\r\no=x\r\n");
        assert_eq!(sdp_from_body("Multipart/Mixed; Boundary=\"b1\"", body).unwrap(), b"v=0\r\no=x\r\n");
        assert_eq!(sdp_from_body("multipart/mixed;boundary=b2", body), Err(BodyError::NoSdpPart));
        assert_eq!(sdp_from_body("multipart/mixed", body), Err(BodyError::NoSdpPart));
    }

    #[test]
    fn a_multipart_body_inside_another() {
        let body =
            b"--a\nContent-Type: multipart/alternative; boundary=i\n\n--i\nContent-Type: text/plain\n\n\
            hello\n--i\nContent-Type: application/sdp\n\nv=0\n--i--\n--a--\n";
        assert_eq!(sdp_from_body("multipart/mixed;boundary=a", body).unwrap(), b"v=0");
    }

    #[test]
    fn a_body_that_is_cut_off_has_no_part() {
        let body = b"--a\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n";
        assert_eq!(sdp_from_body("multipart/mixed;boundary=a", body), Err(BodyError::NoSdpPart));
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(text in "[-ab \r\n:;=cC/]{0,200}", boundary in "[ab]{0,3}") {
            let _ = sdp_from_body(&format!("multipart/mixed;boundary={boundary}"), text.as_bytes());
        }
    }
}
