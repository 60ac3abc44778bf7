//! Cookies for the life of one call (RFC 6265; contract, runtime.md 1.4).
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::{Duration, SystemTime};

use url::{Host, Url};

const COOKIES_MAX: usize = 50;
const COOKIE_BYTES_MAX: usize = 4096;

#[derive(Debug, Default)]
pub(crate) struct Cookies {
    cookies: Vec<Cookie>,
}

struct Cookie {
    name: String,
    value: String,
    domain: String,
    host_only: bool,
    path: String,
    secure: bool,
    expires: Option<SystemTime>,
}

impl std::fmt::Debug for Cookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cookie")
            .field("name", &self.name)
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

impl Cookies {
    /// Takes in one Set-Cookie header (RFC 6265 5.3). What breaks the rules is left out, as the RFC asks.
    pub(crate) fn store(&mut self, url: &Url, header: &str, now: SystemTime) {
        let Some(cookie) = Cookie::parse(url, header, now) else { return };
        let expired = cookie.expires.is_some_and(|expires| expires <= now);
        let same = |kept: &Cookie| {
            kept.name == cookie.name && kept.domain == cookie.domain && kept.path == cookie.path
        };
        match (self.cookies.iter().position(same), expired) {
            (Some(at), true) => drop(self.cookies.remove(at)),
            (None, true) => {}
            // In place: a cookie keeps its age when its value changes.
            (Some(at), false) => self.cookies.get_mut(at).into_iter().for_each(|kept| kept.renew(&cookie)),
            (None, false) => {
                if self.cookies.len() >= COOKIES_MAX {
                    self.cookies.remove(0);
                }
                self.cookies.push(cookie);
            }
        }
    }

    /// The Cookie header for a request (RFC 6265 5.4): longer paths first, then older cookies.
    pub(crate) fn header(&self, url: &Url, now: SystemTime) -> Option<String> {
        let mut matching: Vec<&Cookie> =
            self.cookies.iter().filter(|cookie| cookie.applies(url, now)).collect();
        matching.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<String> =
            matching.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

impl Cookie {
    fn parse(url: &Url, header: &str, now: SystemTime) -> Option<Self> {
        if header.len() > COOKIE_BYTES_MAX || header.contains(|c: char| c.is_control() && c != '\t') {
            return None;
        }
        let mut parts = header.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let host = url.host_str()?.to_owned();
        let mut cookie = Self {
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
            domain: host,
            host_only: true,
            path: default_path(url),
            secure: false,
            expires: None,
        };
        let mut max_age = None;
        for attribute in parts {
            let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            let value = value.trim();
            match key.trim().to_ascii_lowercase().as_str() {
                "expires" => cookie.expires = cookie_date(value).or(cookie.expires),
                "max-age" => max_age = value.parse::<i64>().ok().or(max_age),
                "domain" => cookie.widen(url, value)?,
                "path" if value.starts_with('/') => cookie.path = value.to_owned(),
                "path" => cookie.path = default_path(url),
                "secure" => cookie.secure = true,
                _ => {}
            }
        }
        if let Some(seconds) = max_age {
            cookie.expires = Some(after(now, seconds));
        }
        (!cookie.name.is_empty()).then_some(cookie)
    }

    /// The Domain attribute: `None` for one that the host does not belong to. A single label (`com`) is never
    /// taken; longer public suffixes are, which within one call harms nobody but the application itself.
    fn widen(&mut self, url: &Url, domain: &str) -> Option<()> {
        let domain = domain.strip_prefix('.').unwrap_or(domain).to_ascii_lowercase();
        if domain.is_empty() || domain == self.domain {
            self.host_only = domain.is_empty();
            return Some(());
        }
        let is_name = matches!(url.host(), Some(Host::Domain(_)));
        if !is_name || !domain.contains('.') || !belongs(&self.domain, &domain) {
            return None;
        }
        self.domain = domain;
        self.host_only = false;
        Some(())
    }

    fn renew(&mut self, newer: &Cookie) {
        self.value.clone_from(&newer.value);
        self.host_only = newer.host_only;
        self.secure = newer.secure;
        self.expires = newer.expires;
    }

    fn applies(&self, url: &Url, now: SystemTime) -> bool {
        let host = url.host_str().unwrap_or_default();
        let domain = if self.host_only { host == self.domain } else { belongs(host, &self.domain) };
        domain
            && path_matches(url.path(), &self.path)
            && (!self.secure || url.scheme() == "https")
            && self.expires.is_none_or(|expires| expires > now)
    }
}

fn belongs(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|prefix| prefix.ends_with('.'))
}

/// RFC 6265 5.1.4.
fn default_path(url: &Url) -> String {
    match url.path().rfind('/') {
        Some(at) if at > 0 => url.path().get(..at).unwrap_or("/").to_owned(),
        _ => "/".to_owned(),
    }
}

fn path_matches(request: &str, cookie: &str) -> bool {
    match request.strip_prefix(cookie) {
        Some(rest) => rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'),
        None => false,
    }
}

fn after(now: SystemTime, seconds: i64) -> SystemTime {
    match u64::try_from(seconds) {
        Ok(seconds) if seconds > 0 => {
            // Nothing outlives its call anyway.
            now.checked_add(Duration::from_secs(seconds.min(86_400 * 366))).unwrap_or(now)
        }
        _ => SystemTime::UNIX_EPOCH,
    }
}

/// RFC 6265 5.1.1: dates as servers write them, hyphens and two-digit years included.
fn cookie_date(text: &str) -> Option<SystemTime> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    let is_delimiter = |c: char| !(c.is_ascii_alphanumeric() || c == ':');
    for token in text.split(is_delimiter).filter(|token| !token.is_empty()) {
        let number = token.parse::<u64>().ok();
        if time.is_none() && token.contains(':') {
            time = Some(clock_time(token)?);
        } else if day.is_none() && token.len() <= 2 && number.is_some() {
            day = number;
        } else if month.is_none() && number.is_none() {
            let name = token.get(..3).unwrap_or_default().to_ascii_lowercase();
            month = MONTHS.iter().position(|month| *month == name).map(|at| at as u64 + 1);
        } else if year.is_none() && number.is_some() {
            year = number.map(|year| {
                if year < 70 {
                    year + 2000
                } else if year < 100 {
                    year + 1900
                } else {
                    year
                }
            });
        }
    }
    let days = days_since_1970(year?, month?, day?)?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(days * 86_400 + time?))
}

fn clock_time(token: &str) -> Option<u64> {
    let mut fields = token.split(':').map(|field| field.parse::<u64>().ok());
    let (hour, minute, second) = (fields.next()??, fields.next()??, fields.next()??);
    (hour < 24 && minute < 60 && second < 60).then_some(hour * 3600 + minute * 60 + second)
}

fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1970..=9999).contains(&year) || !(1..=31).contains(&day) {
        return None;
    }
    // Counted from March, the leap day comes last.
    let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = years / 4 - years / 100 + years / 400;
    (years * 365 + leap_days + (153 * months + 2) / 5 + day - 1).checked_sub(719_468)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SET_AT: &str = "https://app.example.com/voice/start";

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
    }

    fn after_setting(headers: &[&str], url: &str) -> Option<String> {
        let mut cookies = Cookies::default();
        for header in headers {
            cookies.store(&Url::parse(SET_AT).unwrap(), header, now());
        }
        cookies.header(&Url::parse(url).unwrap(), now())
    }

    #[test]
    fn a_cookie_comes_back_to_its_host_and_path() {
        let sent = |url| after_setting(&["session=abc; HttpOnly"], url);
        assert_eq!(sent("https://app.example.com/voice/next").as_deref(), Some("session=abc"));
        assert_eq!(sent("https://app.example.com/voice").as_deref(), Some("session=abc"));
        assert_eq!(sent("https://app.example.com/voices"), None);
        assert_eq!(sent("https://app.example.com/"), None);
        assert_eq!(sent("https://other.example.com/voice/next"), None);
    }

    #[test]
    fn a_domain_reaches_its_other_hosts_and_no_others() {
        let sent = |url| after_setting(&["a=1; Domain=.Example.com; Path=/"], url);
        assert_eq!(sent("https://other.example.com/").as_deref(), Some("a=1"));
        assert_eq!(sent("https://badexample.com/"), None);
        for header in ["a=1; Domain=evil.com; Path=/", "a=1; Domain=com; Path=/"] {
            assert_eq!(after_setting(&[header], SET_AT), None, "{header}");
        }
    }

    #[test]
    fn secure_cookies_stay_off_plain_http() {
        let sent = |url| after_setting(&["a=1; Secure; Path=/"], url);
        assert_eq!(sent("https://app.example.com/").as_deref(), Some("a=1"));
        assert_eq!(sent("http://app.example.com/"), None);
    }

    #[test]
    fn the_newer_value_replaces_and_an_old_date_deletes() {
        assert_eq!(after_setting(&["a=1", "a=2"], SET_AT).as_deref(), Some("a=2"));
        for gone in ["a=; Max-Age=0", "a=; expires=Thu, 01-Jan-1970 00:00:01 GMT", "a=; Max-Age=-1"] {
            assert_eq!(after_setting(&["a=1", gone], SET_AT), None, "{gone}");
        }
        assert_eq!(
            after_setting(&["a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], SET_AT).as_deref(),
            Some("a=1")
        );
    }

    #[test]
    fn longer_paths_go_first() {
        let headers = ["a=1; Path=/", "b=2; Path=/voice/start", "c=3; Path=/voice"];
        assert_eq!(after_setting(&headers, SET_AT).as_deref(), Some("b=2; c=3; a=1"));
    }

    #[test]
    fn broken_and_oversized_ones_are_left_out() {
        let long = format!("a={}", "x".repeat(5000));
        for header in ["", "novalue", "=x", "a=1\u{1}", long.as_str()] {
            assert_eq!(after_setting(&[header], SET_AT), None);
        }
        let many: Vec<String> = (0..60).map(|n| format!("c{n}=1")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let sent = after_setting(&many, SET_AT).unwrap();
        assert_eq!(sent.split("; ").count(), COOKIES_MAX);
        assert!(sent.contains("c59=1") && !sent.contains("c0=1"));
    }

    #[test]
    fn dates_are_read_in_every_usual_form() {
        let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for date in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "6 nov 1994 8:49:37",
        ] {
            assert_eq!(cookie_date(date), Some(expected), "{date}");
        }
        for date in ["", "yesterday", "Sun, 06 Nov 1994", "Sun, 06 Nov 1994 25:00:00 GMT"] {
            assert_eq!(cookie_date(date), None, "{date}");
        }
    }
}
