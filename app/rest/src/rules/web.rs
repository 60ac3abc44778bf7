//! URLs and methods.

use ringway_store::HttpMethod;
use serde_json::{Value as Json, json};
use url::{Host, Url as Parsed};

use super::Rule;
use super::choice::listed;
use crate::error::{Code, Fault};
use crate::form::Form;

/// Longer than any URL a browser or proxy carries reliably.
const URL_LENGTH_MAX: usize = 4096;
/// The methods of the documents, the default first.
const METHODS: [HttpMethod; 6] = [
    HttpMethod::Post,
    HttpMethod::Get,
    HttpMethod::Head,
    HttpMethod::Put,
    HttpMethod::Patch,
    HttpMethod::Delete,
];

/// A URL to clear (`Some(None)`, when it is given empty) or to set, kept as it was written: an absolute
/// http or https URL whose host name has no underscore (contract, runtime.md 1.4). Userinfo and
/// fragment are allowed; both mean something to the webhook client.
pub(crate) fn url(code: Code) -> Url {
    Url { code }
}

pub(crate) struct Url {
    code: Code,
}

impl Rule for Url {
    type Value = Option<Option<String>>;

    fn read(&self, form: &Form, name: &str) -> Result<Self::Value, Fault> {
        match form.value(name) {
            None => Ok(None),
            Some("") => Ok(Some(None)),
            Some(text) => match complaint(text) {
                None => Ok(Some(Some(text.to_owned()))),
                Some(complaint) => Err(Fault::because(self.code, format!("{name} {complaint}"))),
            },
        }
    }

    fn schema(&self) -> Json {
        json!({"type": "string", "format": "uri", "pattern": "^([Hh][Tt][Tt][Pp][Ss]?://|$)",
               "maxLength": URL_LENGTH_MAX})
    }
}

fn complaint(text: &str) -> Option<&'static str> {
    if text.len() > URL_LENGTH_MAX {
        return Some("is too long");
    }
    if text.chars().any(|character| character.is_control() || character.is_whitespace()) {
        return Some("must not have spaces or control characters");
    }
    match Parsed::parse(text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => Some("must be an http or https URL"),
        // The parser takes `http:host` and `http:///host` for the URLs they might have meant.
        Ok(_) if !has_authority(text) => Some("must be an absolute URL"),
        Ok(url) if matches!(url.host(), Some(Host::Domain(host)) if host.contains('_')) => {
            Some("must not have an underscore in its host name")
        }
        Ok(_) => None,
        Err(_) => Some("must be an absolute URL"),
    }
}

fn has_authority(url: &str) -> bool {
    let after = url.split_once("://").map(|(_, rest)| rest);
    after.is_some_and(|rest| !rest.starts_with(['/', '?', '#', '\\']))
}

/// One of the six methods of the documents in any case; given empty, the default.
pub(crate) fn method(code: Code) -> Method {
    Method { code }
}

pub(crate) struct Method {
    code: Code,
}

impl Rule for Method {
    type Value = Option<HttpMethod>;

    fn read(&self, form: &Form, name: &str) -> Result<Self::Value, Fault> {
        match form.value(name) {
            None => Ok(None),
            Some("") => Ok(Some(HttpMethod::default())),
            Some(text) => text.parse().map(Some).map_err(|()| {
                let methods = listed(METHODS.iter().map(|method| method.as_str()));
                Fault::because(self.code, format!("{name} must be {methods}"))
            }),
        }
    }

    fn schema(&self) -> Json {
        json!({"type": "string", "enum": METHODS.map(|method| method.as_str()), "default": "POST"})
    }
}

/// Refuses a `{what}FallbackUrl` that is set where no first URL is (21405, 21406).
pub(crate) fn fallback(what: &str, sets_fallback: bool, has_url: bool) -> Result<(), Fault> {
    if !sets_fallback || has_url {
        return Ok(());
    }
    let code = if what == "Sms" { Code::SmsFallbackWithoutUrl } else { Code::FallbackWithoutUrl };
    Err(Fault::because(code, format!("{what}FallbackUrl needs a {what}Url")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::tests::read;
    use super::*;

    #[test]
    fn urls_are_absolute_and_http() {
        for good in [
            "http://example.com",
            "https://user:secret@example.com:8443/twiml?a=b#rc=2&rp=all",
            "HTTP://[::1]/",
            "http://127.0.0.1:8090/twiml",
        ] {
            assert_eq!(read(url(Code::InvalidUrl), good).unwrap(), Some(Some(good.into())));
        }
        for bad in [
            "/relative",
            "example.com",
            "ftp://example.com",
            "sip:a@b",
            "http:example.com",
            "http:///x",
            "http://",
            "http://under_score.example.com/",
            "http://a b/",
            "http://example.com/\n",
            "javascript:alert(1)",
            "http://example.com:99999/",
            "http://?x",
        ] {
            assert_eq!(read(url(Code::InvalidUrl), bad), Err(Code::InvalidUrl), "{bad}");
        }
        assert!(read(url(Code::InvalidUrl), &format!("http://a/{}", "x".repeat(5000))).is_err());
    }

    #[test]
    fn an_empty_url_clears_and_an_absent_one_leaves() {
        assert_eq!(read(url(Code::InvalidUrl), "").unwrap(), Some(None));
        assert_eq!(url(Code::InvalidUrl).read(&Form::default(), "VoiceUrl").unwrap(), None);
    }

    #[test]
    fn methods_come_in_any_case() {
        assert_eq!(read(method(Code::InvalidMethod), "get").unwrap(), Some(HttpMethod::Get));
        assert_eq!(read(method(Code::InvalidMethod), "").unwrap(), Some(HttpMethod::Post));
        assert_eq!(read(method(Code::InvalidMethod), "FETCH"), Err(Code::InvalidMethod));
    }
}
