//! The variables that lead a program here, each in every spelling that some client reads.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;

use ringway_rest::HOSTED;

/// Name a proxy. Node's client reads HTTP_PROXY alone, for https too (contract, rest.md 5).
const PROXY: [&str; 4] = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"];
const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];
/// Reached without a proxy whatever the program was told before: services that it runs beside itself.
const LOOPBACK: &str = "localhost,127.0.0.0/8,127.0.0.1,::1,[::1]";
/// Name a file of roots: of requests; OpenSSL, Go and Ruby; curl; Node; the hosted service's client for Node;
/// httplib2.
const ROOTS: [&str; 6] = [
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "TWILIO_CA_BUNDLE",
    "HTTPLIB2_CA_CERTS",
];
/// Makes Node's own `fetch` and `http` heed the proxy variables, where Node is new enough.
const NODE_PROXY: &str = "NODE_USE_ENV_PROXY";
/// Lead client libraries to other hosts, such as api.dublin.ie1.twilio.com.
const ELSEWHERE: [&str; 2] = ["TWILIO_REGION", "TWILIO_EDGE"];

/// A change to the environment of the program: a variable, and its value unless it is taken away.
pub(super) type Change = (&'static str, Option<OsString>);

/// What the program's environment has that ours has not.
pub(super) fn of_program(proxy: SocketAddr, bundle: &Path) -> Vec<Change> {
    changes(proxy, bundle, |name| std::env::var_os(name).filter(|value| !value.is_empty()))
}

/// The files of roots that the program was told of before.
pub(super) fn trusted_before() -> Vec<OsString> {
    ROOTS.iter().filter_map(std::env::var_os).filter(|path| !path.is_empty()).collect()
}

fn changes(proxy: SocketAddr, bundle: &Path, before: impl Fn(&str) -> Option<OsString>) -> Vec<Change> {
    let url = OsString::from(format!("http://{proxy}"));
    let set = |value: &OsString| {
        let value = value.clone();
        move |name: &&'static str| (*name, Some(value.clone()))
    };
    let mut changes: Vec<Change> = PROXY.iter().map(set(&url)).collect();
    changes.extend(NO_PROXY.map(|name| {
        let told = before(name).and_then(|value| value.into_string().ok());
        (name, Some(without_proxy(told.as_deref().unwrap_or_default()).into()))
    }));
    changes.extend(ROOTS.iter().map(set(&bundle.into())));
    changes.push((NODE_PROXY, Some("1".into())));
    changes.extend(ELSEWHERE.iter().map(|name| (*name, None)));
    for name in PROXY.iter().chain(&ELSEWHERE) {
        if let Some(value) = before(name) {
            tracing::warn!(name, value = %value.to_string_lossy(), "is not heeded while the program is intercepted");
        }
    }
    changes
}

/// Loopback, and what the program was told before, but for what would lead it past the interception.
fn without_proxy(told: &str) -> String {
    let past = |entry: &str| {
        let suffix = entry.trim_start_matches('*').trim_start_matches('.').to_ascii_lowercase();
        HOSTED.iter().any(|host| host.ends_with(&suffix))
    };
    let kept = told.split(',').map(str::trim).filter(|entry| !entry.is_empty() && !past(entry));
    std::iter::once(LOOPBACK).chain(kept).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_led_here_in_every_spelling() {
        let before = |name: &str| (name == "NO_PROXY").then(|| "db.internal".into());
        let changes = changes("127.0.0.1:4444".parse().unwrap(), Path::new("/roots.pem"), before);
        let value = |name: &str| {
            let change = changes.iter().find(|(found, _)| *found == name);
            change.unwrap_or_else(|| panic!("{name}")).1.clone()
        };
        for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"] {
            assert_eq!(value(name), Some("http://127.0.0.1:4444".into()), "{name}");
        }
        for name in ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"] {
            assert_eq!(value(name), Some("/roots.pem".into()), "{name}");
        }
        assert_eq!(value("NO_PROXY"), Some(format!("{LOOPBACK},db.internal").into()));
        assert_eq!(value("no_proxy"), Some(LOOPBACK.into()));
        assert_eq!(value("TWILIO_EDGE"), None);
    }

    #[test]
    fn nothing_leads_past_the_interception() {
        assert_eq!(without_proxy(""), LOOPBACK);
        for past in
            ["*", ".twilio.com", "twilio.com", "*.twilio.com", "api.twilio.com", "VOICE.twilio.com", ".com"]
        {
            let kept = without_proxy(&format!(" {past} , a.example"));
            assert_eq!(kept, format!("{LOOPBACK},a.example"), "{past}");
        }
    }
}
