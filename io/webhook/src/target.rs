//! A developer's URL, taken apart: what is requested, who logs in, how it is sent.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fmt;

use percent_encoding::percent_decode_str;
use ringway_model::Secret;
use url::{Host, Url};

use crate::fault::Fault;
use crate::overrides::Overrides;

/// The longest URL that is requested.
const URL_BYTES_MAX: usize = 16 * 1024;

/// Where a request goes. The URL has neither fragment nor userinfo, so it can be signed, sent and logged.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) url: Url,
    pub(crate) login: Option<Userinfo>,
}

/// The `user:password@` of a URL, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Userinfo {
    pub(crate) user: Secret,
    pub(crate) password: Secret,
}

/// Scheme, host and port: the extent of a login and of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) tls: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Target {
    /// Takes a configured URL apart.
    pub(crate) fn parse(text: &str) -> Result<(Self, Overrides), Fault> {
        if text.len() > URL_BYTES_MAX {
            return Err(Fault::Url(format!("it is longer than {URL_BYTES_MAX} bytes")));
        }
        let url = Url::parse(text).map_err(|error| Fault::Url(error.to_string()))?;
        let overrides = Overrides::parse(url.fragment())?;
        Ok((Self::new(url)?, overrides))
    }

    /// Where a Location header leads from here. Its fragment has no say in how the request is sent.
    pub(crate) fn join(&self, location: &str) -> Result<Self, Fault> {
        if location.len() > URL_BYTES_MAX {
            return Err(Fault::BadRedirect(format!("its URL is longer than {URL_BYTES_MAX} bytes")));
        }
        let url = self.url.join(location).map_err(|error| Fault::BadRedirect(error.to_string()))?;
        Self::new(url).map_err(|fault| Fault::BadRedirect(fault.to_string()))
    }

    fn new(mut url: Url) -> Result<Self, Fault> {
        check_host(&url)?;
        let login = userinfo(&url)?;
        url.set_fragment(None);
        // Both fail only for URLs without a host, which were refused above.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        Ok(Self { url, login })
    }

    pub(crate) fn origin(&self) -> Origin {
        Origin {
            tls: self.url.scheme() == "https",
            host: self.url.host_str().unwrap_or_default().to_owned(),
            port: self.url.port_or_known_default().unwrap_or(80),
        }
    }

    /// Path and query, as the request line has them.
    pub(crate) fn request_target(&self) -> String {
        match self.url.query() {
            Some(query) => format!("{}?{query}", self.url.path()),
            None => self.url.path().to_owned(),
        }
    }

    /// The Host header.
    pub(crate) fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str())
    }
}

/// A URL as it may be shown: without userinfo and fragment, even when it cannot be parsed.
pub(crate) fn shown(text: &str) -> String {
    match Target::parse(text) {
        Ok((target, _)) => target.to_string(),
        Err(_) => {
            let text = text.split('#').next().unwrap_or_default();
            text.rsplit('@').next().unwrap_or_default().chars().take(200).collect()
        }
    }
}

fn check_host(url: &Url) -> Result<(), Fault> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Fault::Url(format!("its scheme is {}, not http or https", url.scheme())));
    }
    match url.host() {
        None => Err(Fault::Url("it has no host".to_owned())),
        // A host name with an underscore is not one (contract, runtime.md 1.4).
        Some(Host::Domain(name)) if name.contains('_') => {
            Err(Fault::Url(format!("the host name {name} has an underscore")))
        }
        Some(_) => Ok(()),
    }
}

fn userinfo(url: &Url) -> Result<Option<Userinfo>, Fault> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let user = percent_decode_str(url.username()).decode_utf8_lossy();
    let password = percent_decode_str(url.password().unwrap_or_default()).decode_utf8_lossy();
    let forbidden = |text: &str| text.contains(['&', ':']) || text.contains(char::is_control);
    if forbidden(&user) || forbidden(&password) {
        return Err(Fault::Url("its user and password may not contain & or :".to_owned()));
    }
    Ok(Some(Userinfo { user: Secret::new(user), password: Secret::new(password) }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn code(url: &str) -> u32 {
        Target::parse(url).unwrap_err().code()
    }

    #[test]
    fn fragment_and_userinfo_are_taken_off() {
        let (target, overrides) = Target::parse("https://al%69ce:p%40ss@App.example.com/v?a=1#rc=3").unwrap();
        assert_eq!(target.to_string(), "https://app.example.com/v?a=1");
        let login = target.login.clone().unwrap();
        assert_eq!((login.user.expose(), login.password.expose()), ("alice", "p@ss"));
        assert_eq!(overrides.retries, 3);
        assert_eq!(target.request_target(), "/v?a=1");
    }

    #[test]
    fn urls_that_cannot_be_requested_are_11100() {
        for url in [
            "",
            "nonsense",
            "/relative",
            "ftp://a.example/",
            "mailto:a@b",
            "http://",
            "http://my_app.example/",
        ] {
            assert_eq!(code(url), 11100, "{url}");
        }
        assert_eq!(code("http://a:b%3Ac@h.example/"), 11100);
        assert_eq!(code("http://a%26b:c@h.example/"), 11100);
        assert_eq!(code(&format!("http://h.example/{}", "a".repeat(20_000))), 11100);
    }

    #[test]
    fn a_redirect_may_be_relative_and_is_checked_alike() {
        let (target, _) = Target::parse("http://a.example:8080/x/y?q=1").unwrap();
        assert_eq!(target.join("../z").unwrap().to_string(), "http://a.example:8080/z");
        assert_eq!(target.join("//b.example/#rc=5").unwrap().to_string(), "http://b.example/");
        for location in ["ftp://b.example/", "http://", "http://b_c.example/"] {
            assert_eq!(target.join(location).unwrap_err().code(), 11216, "{location}");
        }
    }

    #[test]
    fn what_is_shown_has_no_password() {
        assert_eq!(shown("http://u:secret@h.example/x#ct=1"), "http://h.example/x");
        assert!(!shown("http//u:secret@h").contains("secret"));
    }

    #[test]
    fn authority_has_a_port_only_where_it_is_not_the_usual_one() {
        let authority = |url| Target::parse(url).unwrap().0.authority();
        assert_eq!(authority("https://h.example:443/"), "h.example");
        assert_eq!(authority("https://[::1]:8443/"), "[::1]:8443");
    }
}
