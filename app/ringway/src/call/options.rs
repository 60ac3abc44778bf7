//! What `ringway call` is told.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use ringway_media::Codec;
use ringway_model::Secret;
use ringway_model::uri::{Scheme, SipUri};
use ringway_sip::endpoint::Transport;

use crate::config::parse_duration;
use crate::sip_network::parse_name_server;

/// Options of `ringway call`.
#[derive(Debug, Args)]
pub(crate) struct CallOptions {
    /// Whom to call: sip:user@domain.
    #[arg(value_name = "URI", value_parser = parse_uri)]
    pub(crate) uri: SipUri,

    /// Where to send the call, whatever DNS says of the domain.
    #[arg(long, value_name = "HOST:PORT", value_parser = parse_via)]
    pub(crate) via: Option<SocketAddr>,

    /// A name server to ask about the domain (default: those of /etc/resolv.conf); may be repeated.
    #[arg(long, value_name = "IP[:PORT]", value_parser = parse_name_server)]
    pub(crate) dns: Vec<SocketAddr>,

    /// Over TCP instead of UDP.
    #[arg(long)]
    pub(crate) tcp: bool,

    /// Over TLS; the server must prove the name of the domain.
    #[arg(long, conflicts_with = "tcp")]
    pub(crate) tls: bool,

    /// Authorities (PEM) to trust over TLS, besides the system's.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,

    /// Who calls, and the user name that answers a challenge.
    #[arg(long, value_name = "USER", default_value = "caller")]
    pub(crate) user: String,

    /// A file whose first line is the password; else RINGWAY_CALL_PASSWORD is used.
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,

    /// A further header of the INVITE, as `X-Name: value`; may be repeated.
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = parse_header)]
    pub(crate) headers: Vec<(String, String)>,

    /// The codec to offer first.
    #[arg(long, value_name = "pcmu|pcma", default_value = "pcmu", value_parser = parse_codec)]
    pub(crate) codec: Codec,

    /// Keys to press after the answer; `w` waits half a second, `W` a second.
    #[arg(long, value_name = "KEYS", value_parser = parse_digits)]
    pub(crate) digits: Option<String>,

    /// How long after the answer the keys are pressed.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_duration)]
    pub(crate) digits_after: Duration,

    /// A sound file to play to the other side.
    #[arg(long, value_name = "FILE.wav")]
    pub(crate) play: Option<PathBuf>,

    /// Save what is heard.
    #[arg(long, value_name = "FILE.wav")]
    pub(crate) save: Option<PathBuf>,

    /// Hang up so long after the answer (default: the other side does).
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) duration: Option<Duration>,

    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,

    #[arg(skip)]
    password: Option<Secret>,
}

impl CallOptions {
    /// With a password that is known already.
    pub(crate) fn with_password(mut self: Box<Self>, password: &str) -> Self {
        self.password = Some(Secret::new(password));
        *self
    }

    /// The password, from wherever it is to come.
    pub(crate) fn password(&self) -> Result<Option<Secret>, String> {
        if self.password.is_some() {
            return Ok(self.password.clone());
        }
        if let Some(path) = &self.password_file {
            let text = std::fs::read_to_string(path)
                .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            return Ok(Some(Secret::new(text.lines().next().unwrap_or_default())));
        }
        Ok(std::env::var("RINGWAY_CALL_PASSWORD").ok().map(Secret::new))
    }

    /// How the call travels.
    pub(crate) fn transport(&self) -> Transport {
        match (self.tls, self.tcp) {
            (true, _) => Transport::Tls,
            (false, true) => Transport::Tcp,
            (false, false) => Transport::Udp,
        }
    }
}

fn parse_uri(text: &str) -> Result<SipUri, String> {
    let uri =
        SipUri::parse(text).map_err(|_| "expected a SIP address such as sip:hello@demo.ringway.test")?;
    match uri.as_ref().scheme {
        Scheme::Sip => Ok(uri),
        _ => Err("only sip: addresses can be called".to_owned()),
    }
}

fn parse_via(text: &str) -> Result<SocketAddr, String> {
    let with_port = if text.contains(':') { text.to_owned() } else { format!("{text}:5060") };
    let found = with_port.to_socket_addrs().map_err(|error| format!("{text}: {error}"))?.next();
    found.ok_or_else(|| format!("{text} has no address"))
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("expected NAME: VALUE")?;
    let is_token = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !is_token || value.contains(['\r', '\n']) {
        return Err("expected NAME: VALUE, the name of letters, digits and hyphens".to_owned());
    }
    Ok((name.to_owned(), value.trim().to_owned()))
}

fn parse_codec(text: &str) -> Result<Codec, String> {
    match text.to_ascii_lowercase().as_str() {
        "pcmu" => Ok(Codec::Pcmu),
        "pcma" => Ok(Codec::Pcma),
        _ => Err("expected pcmu or pcma".to_owned()),
    }
}

fn parse_digits(text: &str) -> Result<String, String> {
    let valid = |key: char| "0123456789ABCDabcd*#wW".contains(key);
    text.chars().all(valid).then(|| text.to_owned()).ok_or_else(|| "keys are 0-9 A-D * # w W".to_owned())
}
