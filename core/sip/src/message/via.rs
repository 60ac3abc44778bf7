//! The Via header (RFC 3261 20.42, RFC 3581).

use std::net::IpAddr;

use ringway_model::uri::is_host;

use super::grammar::{Params, is_token_byte, number, trim, trim_start};

/// What a branch begins with when its sender follows RFC 3261 (8.1.1.7).
pub const MAGIC_COOKIE: &str = "z9hG4bK";

/// One hop that the request took.
#[derive(Debug, Clone, Copy)]
pub struct Via<'a> {
    /// `UDP`, `TCP`, `TLS`, `WS`, ... as written.
    pub transport: &'a str,
    /// The host of sent-by, the brackets of an IPv6 address kept.
    pub host: &'a str,
    /// The port of sent-by, when one is written.
    pub port: Option<u16>,
    pub(super) sent_by: &'a str,
    pub(super) params: &'a str,
    pub(super) text: &'a str,
}

impl<'a> Via<'a> {
    /// Takes one value apart; `None` when it breaks the grammar.
    pub fn parse(text: &'a str) -> Option<Self> {
        Self::parse_capped(text, super::Limits::PARAMETERS)
    }

    /// The whole value as received.
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// The `branch` parameter.
    pub fn branch(&self) -> Option<&'a str> {
        self.params().value("branch")
    }

    /// Whether the branch has the magic cookie *and something behind it*, so that it alone names a
    /// transaction (RFC 3261 17.2.3, RFC 4475 3.2.1).
    pub fn has_rfc3261_branch(&self) -> bool {
        self.branch()
            .and_then(|branch| branch.strip_prefix(MAGIC_COOKIE))
            .is_some_and(|rest| !rest.is_empty())
    }

    /// The `rport` parameter (RFC 3581): `Some(None)` asks for it, `Some(Some(port))` answers.
    pub fn rport(&self) -> Option<Option<u16>> {
        self.params().get("rport").map(|value| value.and_then(number))
    }

    /// The `received` parameter, when it is an address.
    pub fn received(&self) -> Option<IpAddr> {
        let value = self.params().value("received")?;
        value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(value).parse().ok()
    }

    /// `host[:port]` as written.
    pub fn sent_by(&self) -> &'a str {
        self.sent_by
    }

    /// A parameter: `Some(None)` when it has no value. Quotes are kept.
    pub fn param(&self, name: &str) -> Option<Option<&'a str>> {
        self.params().get(name)
    }

    /// The parameters in order.
    pub fn params(&self) -> Params<'a> {
        Params(self.params)
    }

    pub(super) fn parse_capped(text: &'a str, params_max: usize) -> Option<Self> {
        let text = trim(text);
        let (_protocol, rest) = token(text)?;
        let (_version, rest) = token(trim_start(rest.strip_prefix('/')?))?;
        let (transport, rest) = token(trim_start(rest.strip_prefix('/')?))?;
        let end = memchr::memchr(b';', rest.as_bytes()).unwrap_or(rest.len());
        let (sent_by, params) = rest.split_at_checked(end)?;
        let sent_by = trim(sent_by);
        let (host, port) = host_and_port(sent_by)?;
        Params(params).are_sound(params_max).then_some(Self { transport, host, port, sent_by, params, text })
    }
}

/// A token and what follows it and its white space.
fn token(text: &str) -> Option<(&str, &str)> {
    let end = text.bytes().position(|byte| !is_token_byte(byte))?;
    let (token, rest) = text.split_at_checked(end)?;
    (end > 0).then_some((token, trim_start(rest)))
}

fn host_and_port(sent_by: &str) -> Option<(&str, Option<u16>)> {
    let host_end = match sent_by.strip_prefix('[') {
        Some(rest) => rest.find(']')? + 2,
        None => sent_by.find(':').unwrap_or(sent_by.len()),
    };
    let (host, rest) = sent_by.split_at_checked(host_end)?;
    let host = trim(host);
    let port = match trim(rest) {
        "" => None,
        rest => Some(number(trim(rest.strip_prefix(':')?))?),
    };
    is_host(host).then_some((host, port))
}
