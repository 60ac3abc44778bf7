//! The server that is measured or tormented.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ringway_testkit::http::Login;
use serde_json::Value;

use super::http::{self, Reply};
use super::machine;
use crate::run;

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// The password of every user.
pub(crate) const PASSWORD: &str = "Ringway0Bench0Load";
/// How long a start may take.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A directory that is removed at the end.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("ringway-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed stays in a directory for temporary things.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The binary of a profile, built now unless `--binary` named one.
pub(crate) fn binary(named: Option<&str>, profile: &str) -> Result<PathBuf, String> {
    named.map_or_else(|| built("ringway", profile), |named| Ok(PathBuf::from(named)))
}

/// The binary of a package and profile, built now.
pub(crate) fn built(package: &str, profile: &str) -> Result<PathBuf, String> {
    run::cargo(&["build", "--profile", profile, "--package", package])?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| run::root().join("target"), PathBuf::from);
    Ok(target.join(profile).join(package))
}

/// The path of the account's part of the API, and what follows it.
pub(crate) fn account_path(path: &str) -> String {
    format!("/2010-04-01/Accounts/{ACCOUNT}{path}")
}

/// How the account logs in.
pub(crate) fn login() -> Login {
    Login { user: ACCOUNT.to_owned(), password: TOKEN.to_owned() }
}

/// The account's `Authorization`.
pub(crate) fn basic() -> String {
    http::basic(ACCOUNT, TOKEN)
}

/// A running server. Dropping it kills it.
pub(crate) struct Server {
    child: Child,
    pub(crate) http: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) sip: SocketAddr,
}

impl Server {
    /// Starts a server with its data and logs in `directory`, on one core if that is given, and waits until it
    /// says where it listens.
    pub(crate) fn start(
        binary: &Path,
        directory: &Path,
        core: Option<usize>,
        arguments: &[&str],
    ) -> Result<Self, String> {
        let screen_path = directory.join("screen");
        let log_path = directory.join("log");
        let create = |path: &Path| File::create(path).map_err(|error| format!("{}: {error}", path.display()));
        let mut command = Command::new(binary);
        command
            .args(["serve", "--http=127.0.0.1:0", "--admin=127.0.0.1:0", "--sip=udp://127.0.0.1:0"])
            .arg(format!("--data-dir={}", directory.join("data").display()))
            .args(arguments)
            .env("RINGWAY_ACCOUNT_SID", ACCOUNT)
            .env("RINGWAY_AUTH_TOKEN", TOKEN)
            .stdin(Stdio::null())
            .stdout(create(&screen_path)?)
            .stderr(create(&log_path)?);
        if let Some(core) = core {
            machine::pin_child(&mut command, core);
        }
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", binary.display()))?;
        match wait_for_screen(&mut child, &screen_path) {
            Ok(screen) => {
                let [http, admin, sip] =
                    ["REST API", "metrics", "SIP          udp://"].map(|label| address(&screen, label));
                Ok(Self { child, http: http?, admin: admin?, sip: sip? })
            }
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(format!("{error}\n{}", fs::read_to_string(&log_path).unwrap_or_default()))
            }
        }
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, and waits until it is gone.
    pub(crate) fn kill(mut self) -> Result<(), String> {
        self.child.kill().and_then(|()| self.child.wait()).map(drop).map_err(|error| error.to_string())
    }

    /// A request to the account's part of the API.
    pub(crate) fn api(&self, method: &str, path: &str, form: &[(&str, &str)]) -> Result<Reply, String> {
        api(self.http, method, path, form)
    }

    /// Creates a resource and returns its SID.
    pub(crate) fn create(&self, path: &str, form: &[(&str, &str)]) -> Result<String, String> {
        let reply = self.api("POST", path, form)?;
        if reply.status != 201 {
            return Err(format!("POST {path}: {} {}", reply.status, reply.body));
        }
        Ok(reply.json()?["sid"].as_str().unwrap_or_default().to_owned())
    }

    /// Everything that a list holds, over all its pages.
    pub(crate) fn list(&self, path: &str, key: &str) -> Result<Vec<Value>, String> {
        let mut found = Vec::new();
        let mut next = account_path(path) + "?PageSize=1000";
        loop {
            let reply = http::request(self.http, "GET", &next, Some((ACCOUNT, TOKEN)), &[])?;
            if reply.status != 200 {
                return Err(format!("GET {next}: {} {}", reply.status, reply.body));
            }
            let mut page = reply.json()?;
            if let Some(items) = page[key].as_array_mut() {
                found.append(items);
            }
            match page["next_page_uri"].as_str() {
                Some(uri) => next = uri.to_owned(),
                None => return Ok(found),
            }
        }
    }

    /// A domain `NAME.sip.twilio.com` whose callers give a password: users `u000000` to `u000099`.
    pub(crate) fn domain_with_users(&self, name: &str, voice: &str, status: &str) -> Result<(), String> {
        let domain = self.domain(name, voice, status)?;
        let list = self.create("/SIP/CredentialLists.json", &[("FriendlyName", name)])?;
        for number in 0..100 {
            let user = format!("u{number:06}");
            let path = format!("/SIP/CredentialLists/{list}/Credentials.json");
            self.create(&path, &[("Username", &user), ("Password", PASSWORD)])?;
        }
        let path = format!("/SIP/Domains/{domain}/CredentialListMappings.json");
        self.create(&path, &[("CredentialListSid", &list)]).map(drop)
    }

    /// A domain `NAME.sip.twilio.com` that takes every call from this machine.
    pub(crate) fn domain_with_address(&self, name: &str, voice: &str, status: &str) -> Result<(), String> {
        let domain = self.domain(name, voice, status)?;
        let list = self.create("/SIP/IpAccessControlLists.json", &[("FriendlyName", name)])?;
        let path = format!("/SIP/IpAccessControlLists/{list}/IpAddresses.json");
        self.create(&path, &[("FriendlyName", "this machine"), ("IpAddress", "127.0.0.1")])?;
        let path = format!("/SIP/Domains/{domain}/IpAccessControlListMappings.json");
        self.create(&path, &[("IpAccessControlListSid", &list)]).map(drop)
    }

    fn domain(&self, name: &str, voice: &str, status: &str) -> Result<String, String> {
        let host = format!("{name}.sip.twilio.com");
        let mut form = vec![("DomainName", host.as_str()), ("VoiceUrl", voice)];
        if !status.is_empty() {
            form.push(("VoiceStatusCallbackUrl", status));
        }
        self.create("/SIP/Domains.json", &form)
    }

    /// Everything that `/metrics` says now.
    pub(crate) fn metrics(&self) -> Result<Metrics, String> {
        http::request(self.admin, "GET", "/metrics", None, &[]).map(|reply| Metrics(reply.body))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A request to the account's part of the API at an address: for threads that outlive a server.
pub(crate) fn api(
    http: SocketAddr,
    method: &str,
    path: &str,
    form: &[(&str, &str)],
) -> Result<Reply, String> {
    http::request(http, method, &account_path(path), Some((ACCOUNT, TOKEN)), form)
}

fn wait_for_screen(child: &mut Child, path: &Path) -> Result<String, String> {
    let start = Instant::now();
    while start.elapsed() < START_LIMIT {
        let ended = child.try_wait().map_err(|error| error.to_string())?;
        let screen = fs::read_to_string(path).unwrap_or_default();
        if screen.lines().any(|line| line.trim().starts_with("account")) {
            return Ok(screen);
        }
        if let Some(status) = ended {
            return Err(format!("ringway did not start: {status}"));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(format!("ringway did not start within {START_LIMIT:?}"))
}

fn address(screen: &str, label: &str) -> Result<SocketAddr, String> {
    let line = screen.lines().find_map(|line| line.trim().strip_prefix(label));
    let text = line.unwrap_or_default().trim().trim_start_matches("http://");
    let text = text.split('/').next().unwrap_or(text);
    text.parse().map_err(|error| format!("no address after `{label}` in the first screen: {error}"))
}

/// Prometheus text.
pub(crate) struct Metrics(String);

impl Metrics {
    /// The value of a series, by its whole name with labels.
    pub(crate) fn value(&self, series: &str) -> Option<f64> {
        self.0.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
    }

    /// The cumulated buckets of a histogram: upper bound in seconds, count.
    pub(crate) fn buckets(&self, name: &str) -> Vec<(f64, f64)> {
        let start = format!("{name}_bucket{{le=\"");
        let bucket = |line: &str| {
            let (bound, count) = line.strip_prefix(&start)?.split_once("\"} ")?;
            Some((bound.replace("+Inf", "inf").parse().ok()?, count.trim().parse().ok()?))
        };
        self.0.lines().filter_map(bucket).collect()
    }
}

/// The upper bound of the bucket that holds the 99th percentile of what came between two readings.
pub(crate) fn p99_bound_s(before: &[(f64, f64)], after: &[(f64, f64)]) -> Option<f64> {
    let earlier = |bound: f64| before.iter().find(|(b, _)| *b == bound).map_or(0.0, |(_, count)| *count);
    let added: Vec<(f64, f64)> =
        after.iter().map(|(bound, count)| (*bound, count - earlier(*bound))).collect();
    let total = added.last().map(|(_, count)| *count).filter(|count| *count > 0.0)?;
    added.iter().find(|(_, count)| *count >= 0.99 * total).map(|(bound, _)| *bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_counts_what_came_between_two_readings() {
        let text = |counts: [u32; 3]| {
            let [fast, slow, all] = counts;
            Metrics(format!(
                "t_bucket{{le=\"0.001\"}} {fast}\nt_bucket{{le=\"0.005\"}} {slow}\nt_bucket{{le=\"+Inf\"}} {all}\nt_sum 3\n"
            ))
            .buckets("t")
        };
        let (before, after) = (text([0, 50, 50]), text([100, 150, 150]));
        assert_eq!(p99_bound_s(&[], &before), Some(0.005));
        assert_eq!(p99_bound_s(&before, &after), Some(0.001));
        assert_eq!(p99_bound_s(&after, &after), None);
    }
}
