//! What the operator says: flags, then `RINGWAY_…` variables, then `ringway.toml`, then defaults.
//!
//! Every option of `serve` has one definition, [`ServeOptions`]. The configuration file's values become
//! the defaults of that definition, so that all three sources share names, parsing and error texts.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;
use ringway_rest::{ErrorPages, HOSTED_ERROR_PAGES};
use ringway_sip::digest::{Algorithm, Hash};
use ringway_sip_net::ListenSpec;

use crate::abuse::AbuseOptions;
use crate::call::CallOptions;
use crate::calls_out::CallsOut;
use crate::exec::ExecOptions;
use crate::intercept::InterceptOptions;
use crate::registrations::RegistrationOptions;
use crate::rest_security::{HttpListen, HttpSecurity};
use crate::sip_network::SipNetwork;
use crate::trust::TrustAction;

/// The default file, read when it exists and no other is named.
const DEFAULT_FILE: &str = "ringway.toml";

/// A SIP service whose domains are managed, and whose calls are decided, over HTTP.
#[derive(Debug, Parser)]
#[command(name = "ringway", version, about, max_term_width = 100, subcommand_required = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The things the binary does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the service.
    Serve(Box<ServeOptions>),
    /// Call a SIP address, show what happens, and save what is heard.
    Call(Box<CallOptions>),
    /// Run a program that was written for the hosted service against a running Ringway, unchanged.
    Exec(ExecOptions),
    /// Work with the certificate authority that intercepted programs trust.
    Trust {
        /// What to do with it.
        #[command(subcommand)]
        action: TrustAction,
    },
    /// Run the service on this machine only, with a demo domain and application, and call it.
    Demo(DemoOptions),
    /// Work with the account's auth token.
    Token {
        /// What to do with it.
        #[command(subcommand)]
        action: TokenAction,
    },
}

/// What `ringway token` does.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenAction {
    /// Print the account SID and its auth token.
    Show {
        /// The directory the service keeps its data in.
        #[arg(long, env = "RINGWAY_DATA_DIR", value_name = "DIR", default_value = "ringway-data")]
        data_dir: PathBuf,
        /// The key file, when it lives outside the data directory.
        #[arg(long, env = "RINGWAY_KEY_FILE", value_name = "FILE")]
        key_file: Option<PathBuf>,
    },
}

/// Options of `ringway demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoOptions {
    /// Where the demo keeps its data.
    #[arg(long, env = "RINGWAY_DEMO_DIR", value_name = "DIR", default_value = "demo-data")]
    pub(crate) data_dir: PathBuf,
    /// Where to save what the first call heard.
    #[arg(long, value_name = "FILE", default_value = "heard.wav")]
    pub(crate) save: PathBuf,
    /// Stop after the first call instead of serving on.
    #[arg(long)]
    pub(crate) once: bool,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// What an initial INVITE without a session description gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LateOffer {
    /// 488 and notification 32103.
    Refuse,
    /// The 200 carries the offer, and the ACK its answer.
    Accept,
}

/// From whom a media session takes RTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MediaLatch {
    /// The address in the session description, or the one the signalling came from.
    Signalled,
    /// Whoever sends first.
    Any,
}

/// Options of `ringway serve`. Each is also a `RINGWAY_…` variable and a key of `ringway.toml`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServeOptions {
    /// Read options from this file (default: ringway.toml, when there is one).
    #[arg(long, env = "RINGWAY_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Where the database, the key file and the lock live; made when missing.
    #[arg(long, env = "RINGWAY_DATA_DIR", value_name = "DIR", default_value = "ringway-data")]
    pub(crate) data_dir: PathBuf,

    /// The file whose key encrypts tokens and digest hashes (default: secret.key in the data directory).
    #[arg(long, env = "RINGWAY_KEY_FILE", value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,

    /// Where the REST API listens; in the clear unless the value begins with https://.
    #[arg(long, env = "RINGWAY_HTTP", value_name = "[https://]HOST:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) http: HttpListen,

    #[command(flatten)]
    pub(crate) http_security: HttpSecurity,

    #[command(flatten)]
    pub(crate) interception: InterceptOptions,

    /// Where metrics and health listen (default: 127.0.0.1:8081, or a free port when that is taken).
    #[arg(long, env = "RINGWAY_ADMIN", value_name = "HOST:PORT")]
    pub(crate) admin: Option<SocketAddr>,

    /// Where SIP listens; may be repeated.
    #[arg(
        long,
        env = "RINGWAY_SIP",
        value_name = "udp|tcp|tls|ws|wss://HOST:PORT",
        action = ArgAction::Append,
        value_delimiter = ',',
        default_values = ["udp://127.0.0.1:5060", "tcp://127.0.0.1:5060"]
    )]
    pub(crate) sip: Vec<ListenSpec>,

    #[command(flatten)]
    pub(crate) sip_network: SipNetwork,

    /// The ports RTP and RTCP use.
    #[arg(
        long,
        env = "RINGWAY_RTP_PORTS",
        value_name = "FIRST-LAST",
        default_value = "10000-32767",
        value_parser = parse_ports
    )]
    pub(crate) rtp_ports: PortRange,

    /// The address told to peers in Via, Contact and session descriptions.
    #[arg(long, env = "RINGWAY_PUBLIC_ADDRESS", value_name = "IP")]
    pub(crate) public_address: Option<IpAddr>,

    /// Peers inside this range are told the local address instead; may be repeated.
    #[arg(
        long,
        env = "RINGWAY_LOCAL_NET",
        value_name = "CIDR",
        action = ArgAction::Append,
        value_delimiter = ',',
        value_parser = parse_net
    )]
    pub(crate) local_net: Vec<IpNet>,

    /// What every SIP domain's name ends with; may be repeated.
    #[arg(
        long,
        env = "RINGWAY_DOMAIN_SUFFIX",
        value_name = "NAME",
        action = ArgAction::Append,
        value_delimiter = ',',
        default_values = ["sip.twilio.com"]
    )]
    pub(crate) domain_suffix: Vec<String>,

    /// The digest realm. Stored credentials are bound to it.
    #[arg(long, env = "RINGWAY_REALM", value_name = "NAME", default_value = "sip.twilio.com")]
    pub(crate) realm: String,

    /// How phones prove their passwords: MD5, SHA-256, SHA-512-256; the strongest is asked for first.
    #[arg(
        long,
        env = "RINGWAY_DIGEST_ALGORITHMS",
        value_name = "NAMES",
        action = ArgAction::Append,
        value_delimiter = ',',
        default_values = ["MD5"],
        value_parser = parse_hash
    )]
    pub(crate) digest_algorithms: Vec<Hash>,

    /// The domain of requests that name this machine's address instead of a domain (default: refused).
    #[arg(long, env = "RINGWAY_DEFAULT_DOMAIN", value_name = "NAME")]
    pub(crate) default_domain: Option<String>,

    /// A private range that webhooks and media may be fetched from; may be repeated.
    #[arg(
        long,
        env = "RINGWAY_WEBHOOK_ALLOW",
        value_name = "CIDR",
        action = ArgAction::Append,
        value_delimiter = ',',
        value_parser = parse_net
    )]
    pub(crate) webhook_allow: Vec<IpNet>,

    /// How long calls may go on after SIGTERM.
    #[arg(long, env = "RINGWAY_DRAIN", value_name = "TIME", default_value = "30s", value_parser = parse_duration)]
    pub(crate) drain: Duration,

    /// What an INVITE without a session description gets.
    #[arg(long, env = "RINGWAY_LATE_OFFER", value_enum, default_value = "refuse")]
    pub(crate) late_offer: LateOffer,

    /// From whom RTP is taken.
    #[arg(long, env = "RINGWAY_MEDIA_LATCH", value_enum, default_value = "signalled")]
    pub(crate) media_latch: MediaLatch,

    /// A call that should receive RTP and gets none for so long is ended.
    #[arg(long, env = "RINGWAY_RTP_TIMEOUT", value_name = "TIME", default_value = "60s", value_parser = parse_duration)]
    pub(crate) rtp_timeout: Duration,

    /// The longest a call may last.
    #[arg(long, env = "RINGWAY_CALL_TIME_LIMIT", value_name = "TIME", default_value = "4h", value_parser = parse_duration)]
    pub(crate) call_time_limit: Duration,

    /// Calls out.
    #[command(flatten)]
    pub(crate) calls_out: CallsOut,

    /// Refuse new calls when packets wait longer than this to be read.
    #[arg(long, env = "RINGWAY_OVERLOAD_AGE", value_name = "TIME", default_value = "400ms", value_parser = parse_duration)]
    pub(crate) overload_age: Duration,

    /// Most TCP connections from one address.
    #[arg(long, env = "RINGWAY_TCP_CONNECTIONS_PER_ADDRESS", value_name = "N", default_value_t = 100)]
    pub(crate) tcp_connections_per_address: usize,

    /// Most webhook requests in flight to one host; beyond it the fallback is asked.
    #[arg(long, env = "RINGWAY_WEBHOOKS_PER_HOST", value_name = "N", default_value_t = 1000)]
    pub(crate) webhooks_per_host: usize,

    /// The largest sound file that Play fetches, in MiB.
    #[arg(long, env = "RINGWAY_MEDIA_FILE_MIB", value_name = "N", default_value_t = 32)]
    pub(crate) media_file_mib: usize,

    /// The pages about errors that `more_info` points at: our own, the hosted service's, or those at a URL that
    /// the number of the error is appended to.
    #[arg(
        long,
        env = "RINGWAY_ERROR_PAGES",
        value_name = "own|hosted|URL",
        default_value = "own",
        value_parser = parse_error_pages
    )]
    pub(crate) error_pages: ErrorPages,

    /// How log lines are written.
    #[arg(long, env = "RINGWAY_LOG_FORMAT", value_enum, default_value = "human")]
    pub(crate) log_format: LogFormat,

    /// What is logged: error, warn, info, debug, trace, or a tracing filter.
    #[arg(long, env = "RINGWAY_LOG", value_name = "FILTER", default_value = "info")]
    pub(crate) log: String,

    /// The name of this node in the rows that it owns.
    #[arg(long, env = "RINGWAY_NODE", value_name = "NAME", default_value = "ringway-1")]
    pub(crate) node: String,

    /// The SID of the root account (default: made at first start).
    #[arg(long, env = "RINGWAY_ACCOUNT_SID", value_name = "AC…")]
    pub(crate) account_sid: Option<String>,

    /// The auth token of the root account (default: made at first start). Better given by the variable.
    #[arg(long, env = "RINGWAY_AUTH_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub(crate) auth_token: Option<String>,

    #[command(flatten)]
    pub(crate) limits: LimitOptions,

    #[command(flatten)]
    pub(crate) registrations: RegistrationOptions,

    #[command(flatten)]
    pub(crate) abuse: AbuseOptions,

    #[command(flatten)]
    pub(crate) retention: RetentionOptions,
}

/// How long rows are kept that nobody needs any more; they hold names and numbers of people.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Retention")]
pub(crate) struct RetentionOptions {
    /// Resources that were deleted, from their deletion (0: for good).
    #[arg(long, env = "RINGWAY_RETENTION_DELETED", value_name = "TIME", default_value = "30d", value_parser = parse_duration)]
    pub(crate) retention_deleted: Duration,
    /// Notifications, and the webhook requests of calls (0: for good).
    #[arg(long, env = "RINGWAY_RETENTION_NOTIFICATIONS", value_name = "TIME", default_value = "30d", value_parser = parse_duration)]
    pub(crate) retention_notifications: Duration,
    /// Calls, from their end (0: for good). What they used stays in the usage records.
    #[arg(long, env = "RINGWAY_RETENTION_CALLS", value_name = "TIME", default_value = "400d", value_parser = parse_duration)]
    pub(crate) retention_calls: Duration,
}

/// Limits of the REST API (contract, rest.md 4), each the operator's to raise.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitOptions {
    /// SIP domains of an account.
    #[arg(long, env = "RINGWAY_DOMAINS_MAX", value_name = "N", default_value_t = 100)]
    pub(crate) domains_max: u32,
    /// IP access control lists of an account.
    #[arg(long, env = "RINGWAY_IP_ACCESS_CONTROL_LISTS_MAX", value_name = "N", default_value_t = 1000)]
    pub(crate) ip_access_control_lists_max: u32,
    /// Addresses of an IP access control list.
    #[arg(long, env = "RINGWAY_IP_ADDRESSES_MAX", value_name = "N", default_value_t = 100)]
    pub(crate) ip_addresses_max: u32,
    /// Credential lists of an account.
    #[arg(long, env = "RINGWAY_CREDENTIAL_LISTS_MAX", value_name = "N", default_value_t = 100)]
    pub(crate) credential_lists_max: u32,
    /// Credentials of a credential list.
    #[arg(long, env = "RINGWAY_CREDENTIALS_MAX", value_name = "N", default_value_t = 1000)]
    pub(crate) credentials_max: u32,
    /// Connection policies of an account.
    #[arg(long, env = "RINGWAY_CONNECTION_POLICIES_MAX", value_name = "N", default_value_t = 10_000)]
    pub(crate) connection_policies_max: u32,
    /// Targets of a connection policy.
    #[arg(long, env = "RINGWAY_CONNECTION_POLICY_TARGETS_MAX", value_name = "N", default_value_t = 10)]
    pub(crate) connection_policy_targets_max: u32,
    /// REST requests of an account at once; beyond it 429.
    #[arg(long, env = "RINGWAY_REQUESTS_MAX", value_name = "N", default_value_t = 1000)]
    pub(crate) requests_max: usize,
    /// REST requests of an account a second; beyond it 429 (default: no limit).
    #[arg(long, env = "RINGWAY_REQUESTS_PER_SECOND_MAX", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) requests_per_second_max: Option<u32>,
}

/// An inclusive range of UDP ports.
pub(crate) type PortRange = RangeInclusive<u16>;

/// Reads the command line, the environment and the configuration file.
///
/// Usage errors and `--help` print themselves and end the process, as clap does it.
pub(crate) fn read(arguments: Vec<OsString>) -> Cli {
    let command = match file_path(&arguments) {
        Some(path) => with_file(Cli::command(), &path)
            .unwrap_or_else(|error| Cli::command().error(clap::error::ErrorKind::InvalidValue, error).exit()),
        None => Cli::command(),
    };
    let matches = command.get_matches_from(arguments);
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// The configuration file of a `serve` command line: the named one, else the default one if it exists.
fn file_path(arguments: &[OsString]) -> Option<PathBuf> {
    if arguments.get(1).is_none_or(|argument| argument != "serve") {
        return None;
    }
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--config" {
            return rest.next().map(PathBuf::from);
        }
        if let Some(path) = argument.to_str().and_then(|text| text.strip_prefix("--config=")) {
            return Some(PathBuf::from(path));
        }
    }
    let named = std::env::var_os("RINGWAY_CONFIG").map(PathBuf::from);
    named.or_else(|| Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.exists()))
}

/// Makes the values of the file the defaults of `serve`.
fn with_file(command: clap::Command, path: &Path) -> Result<clap::Command, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let table: toml::Table = text.parse().map_err(|error| format!("{shown}: {error}"))?;
    let mut command = command;
    for (key, value) in table {
        let id = key.replace('-', "_");
        let known = option_ids(&command);
        if !known.contains(&id) {
            return Err(format!("{shown}: unknown key `{key}`{}", suggestion(&id, &known)));
        }
        let values = file_values(&value).ok_or_else(|| {
            format!("{shown}: `{key}` must be a string, a number, true or false, or a list of these")
        })?;
        command = command
            .mut_subcommand("serve", |serve| serve.mut_arg(id, |argument| argument.default_values(values)));
    }
    Ok(command)
}

fn option_ids(command: &clap::Command) -> Vec<String> {
    let serve = command.get_subcommands().find(|sub| sub.get_name() == "serve");
    let arguments = serve.into_iter().flat_map(clap::Command::get_arguments);
    arguments.map(|argument| argument.get_id().to_string()).filter(|id| id != "config").collect()
}

fn suggestion(key: &str, known: &[String]) -> String {
    let nearest =
        known.iter().max_by(|a, b| strsim::jaro_winkler(a, key).total_cmp(&strsim::jaro_winkler(b, key)));
    nearest.map_or_else(String::new, |name| format!("; did you mean `{}`?", name.replace('_', "-")))
}

fn file_values(value: &toml::Value) -> Option<Vec<String>> {
    match value {
        toml::Value::String(text) => Some(vec![text.clone()]),
        toml::Value::Integer(number) => Some(vec![number.to_string()]),
        toml::Value::Boolean(flag) => Some(vec![flag.to_string()]),
        toml::Value::Array(items) => {
            items.iter().map(file_values).collect::<Option<Vec<_>>>().map(|lists| lists.concat())
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

/// `RINGWAY_…` variables that no option reads, each with the nearest name that one does: most likely
/// misspelt, and better said than silently ignored.
pub(crate) fn unknown_variables() -> Vec<(String, String)> {
    const READ_ELSEWHERE: [&str; 6] = [
        "RINGWAY_CALL_PASSWORD",
        "RINGWAY_REQUIRE",
        "RINGWAY_DEMO_DIR",
        "RINGWAY_SEEDS",
        "RINGWAY_SERVER",
        "RINGWAY_SERVER_CA",
    ];
    let command = Cli::command();
    let known: Vec<String> =
        option_ids(&command).iter().map(|id| format!("RINGWAY_{}", id.to_uppercase())).collect();
    let variables = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    variables
        .filter(|name| name.starts_with("RINGWAY_") && name != "RINGWAY_CONFIG")
        .filter(|name| !known.contains(name) && !READ_ELSEWHERE.contains(&name.as_str()))
        .map(|name| {
            let nearest = known
                .iter()
                .max_by(|a, b| strsim::jaro_winkler(a, &name).total_cmp(&strsim::jaro_winkler(b, &name)));
            (name.clone(), nearest.cloned().unwrap_or_default())
        })
        .collect()
}

fn parse_ports(text: &str) -> Result<PortRange, String> {
    let parsed = text.split_once('-').and_then(|(first, last)| {
        Some((first.trim().parse::<u16>().ok()?, last.trim().parse::<u16>().ok()?))
    });
    match parsed {
        Some((first, last)) if first >= 1024 && first < last => Ok(first..=last),
        _ => Err("expected FIRST-LAST with 1024 <= FIRST < LAST <= 65535, such as 10000-32767".into()),
    }
}

fn parse_hash(name: &str) -> Result<Hash, String> {
    let algorithm = Algorithm::parse(name.trim()).filter(|algorithm| !algorithm.session);
    algorithm.map(|algorithm| algorithm.hash).ok_or_else(|| "expected MD5, SHA-256 or SHA-512-256".into())
}

pub(crate) fn parse_net(text: &str) -> Result<IpNet, String> {
    let single = text.parse::<IpAddr>().map(IpNet::from);
    text.parse::<IpNet>().or(single).map_err(|_| "expected an address or a range such as 10.0.0.0/8".into())
}

/// The pages about errors.
fn parse_error_pages(text: &str) -> Result<ErrorPages, String> {
    match text {
        "own" => Ok(ErrorPages::Own),
        "hosted" => Ok(ErrorPages::At(HOSTED_ERROR_PAGES.into())),
        url if url.starts_with("http://") || url.starts_with("https://") => Ok(ErrorPages::At(url.into())),
        _ => Err("expected own, hosted, or a URL that the number of the error is appended to".to_owned()),
    }
}

/// `250ms`, `30s`, `5m`, `4h`, or a plain number of seconds.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let error = || "expected a time such as 250ms, 30s, 5m, 4h or 30d".to_owned();
    let number: u64 = digits.parse().map_err(|_| error())?;
    let milliseconds = match unit.trim() {
        "ms" => 1,
        "" | "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(error()),
    };
    number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(error)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn options(arguments: &[&str], file: Option<&str>) -> Result<ServeOptions, String> {
        let command = match file {
            Some(text) => {
                static COUNT: AtomicU32 = AtomicU32::new(0);
                let (process, number) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
                let path = std::env::temp_dir().join(format!("ringway-config-{process}-{number}.toml"));
                std::fs::write(&path, text).unwrap();
                let result = with_file(Cli::command(), &path);
                std::fs::remove_file(&path).unwrap();
                result?
            }
            None => Cli::command(),
        };
        let line = ["ringway", "serve"].iter().chain(arguments);
        let matches = command.try_get_matches_from(line).map_err(|error| error.to_string())?;
        match Cli::from_arg_matches(&matches).map_err(|error| error.to_string())?.command {
            Command::Serve(options) => Ok(*options),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn error_pages_are_ours_the_hosted_ones_or_elsewhere() {
        assert_eq!(options(&[], None).unwrap().error_pages, ErrorPages::Own);
        let at = |url: &str| ErrorPages::At(url.into());
        let hosted = options(&["--error-pages", "hosted"], None).unwrap().error_pages;
        assert_eq!(hosted, at("https://www.twilio.com/docs/errors/"));
        let elsewhere = options(&["--error-pages", "https://e.example/"], None).unwrap().error_pages;
        assert_eq!(elsewhere, at("https://e.example/"));
        assert!(options(&["--error-pages", "e.example"], None).is_err());
    }

    #[test]
    fn a_flag_beats_the_file_and_the_file_beats_the_default() {
        let file = "realm = \"of.file\"\ndrain = \"5m\"\nsip = [\"udp://127.0.0.1:5070\"]";
        let options = options(&["--realm", "of.flag"], Some(file)).unwrap();
        assert_eq!(options.realm, "of.flag");
        assert_eq!(options.drain, Duration::from_secs(300));
        assert_eq!(options.sip.len(), 1);
        assert_eq!(options.http.to_string(), "http://127.0.0.1:8080");
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_the_nearest() {
        let error = options(&[], Some("domain-sufix = \"x\"")).unwrap_err();
        assert!(error.contains("unknown key `domain-sufix`; did you mean `domain-suffix`?"), "{error}");
    }

    #[test]
    fn values_are_checked_where_they_are_read() {
        assert!(options(&["--rtp-ports", "20000-10000"], None).unwrap_err().contains("FIRST-LAST"));
        assert!(options(&["--drain", "soon"], None).unwrap_err().contains("250ms"));
        assert!(options(&["--local-net", "ten"], None).unwrap_err().contains("10.0.0.0/8"));
        assert!(options(&[], Some("rtp-ports = \"1-2\"")).unwrap_err().contains("FIRST-LAST"));
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("7"), Ok(Duration::from_secs(7)));
        assert_eq!(parse_duration("4h"), Ok(Duration::from_secs(14_400)));
        assert!(parse_duration("99999999999999999999s").is_err());
    }

    #[test]
    fn the_command_line_definition_is_consistent() {
        Cli::command().debug_assert();
    }
}
