//! What can go wrong with a request, and the number each fault has (contract, runtime.md 1.8).

use std::net::{IpAddr, SocketAddr};

use crate::guard::Refusal;

#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Fault {
    #[error("not a URL that can be requested: {0}")]
    Url(String),
    #[error("the edge list of the URL's fragment is malformed: {0}")]
    EdgeMalformed(String),
    #[error("the URL's fragment names an edge that does not exist: {0}")]
    EdgeUnknown(String),
    #[error("the URL's fragment asks for an interconnect: {0}")]
    Interconnect(String),
    #[error("the URL's fragment names a retry policy that does not exist: {0}")]
    RetryPolicy(String),
    #[error("{host} is at {address}, where this service may not connect: {refusal}")]
    Forbidden { host: String, address: IpAddr, refusal: Refusal },
    #[error("{limit} requests to {host} are already under way")]
    Busy { host: String, limit: usize },
    #[error("the host name {host} has no address: {detail}")]
    Name { host: String, detail: String },
    #[error("no connection to {address} within {limit_ms} ms")]
    ConnectTimeout { address: SocketAddr, limit_ms: u128 },
    #[error("{address} refused the connection")]
    ConnectRefused { address: SocketAddr },
    #[error("no connection to {address}: {detail}")]
    Connect { address: SocketAddr, detail: String },
    #[error("the TLS handshake failed: {0}")]
    Handshake(String),
    #[error("the certificate is for another name: {0}")]
    CertificateName(String),
    #[error("the certificate has expired or is not valid yet: {0}")]
    CertificateDates(String),
    #[error("the certificate was not issued by a known authority: {0}")]
    CertificatePath(String),
    #[error("nothing was received for {limit_ms} ms")]
    ReadTimeout { limit_ms: u128, partial: bool },
    #[error("no complete answer within {limit_ms} ms")]
    TotalTimeout { limit_ms: u128 },
    #[error("the connection was lost before an answer came: {0}")]
    Closed(String),
    #[error("the answer broke off or was not HTTP: {detail}")]
    Protocol { detail: String },
    #[error("the answer's head is too large or of another protocol: {0}")]
    NotHttp(String),
    #[error("the answer is larger than {limit} bytes")]
    TooLarge { limit: usize, media: bool },
    #[error("the answer's body is empty")]
    Empty,
    #[error("more than {0} redirects")]
    TooManyRedirects(usize),
    #[error("a redirect that leads nowhere: {0}")]
    BadRedirect(String),
    #[error("the answer's status is {0}")]
    Status(u16),
    #[error("the status callback was answered with {0}")]
    CallbackStatus(u16),
}

/// Which word of the retry policy covers a fault (contract, runtime.md 1.4 `rp`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryClass {
    /// `ct`: there was no connection.
    Connect,
    /// `rt`: there was one, and nothing came back on it.
    Read,
}

impl Fault {
    pub(crate) const fn code(&self) -> u32 {
        match self {
            Self::Url(_) => 11100,
            Self::Status(_) => 11200,
            Self::TooLarge { media: true, .. } => 11200,
            Self::ConnectTimeout { .. } => 11201,
            Self::ConnectRefused { .. } => 11202,
            Self::TotalTimeout { .. } => 11203,
            Self::Forbidden { .. } | Self::Busy { .. } | Self::Connect { .. } => 11205,
            Self::ReadTimeout { .. } | Self::Closed(_) => 11205,
            Self::Protocol { .. } => 11206,
            Self::Name { .. } => 11210,
            Self::TooManyRedirects(_) => 11215,
            Self::BadRedirect(_) => 11216,
            Self::Handshake(_) => 11220,
            Self::CertificateName(_) => 11235,
            Self::CertificateDates(_) => 11236,
            Self::CertificatePath(_) => 11237,
            Self::EdgeMalformed(_) => 11240,
            Self::EdgeUnknown(_) => 11241,
            Self::Interconnect(_) => 11242,
            Self::RetryPolicy(_) => 11243,
            Self::NotHttp(_) => 11251,
            Self::TooLarge { media: false, .. } => 11750,
            Self::Empty => 11770,
            Self::CallbackStatus(_) => 15003,
        }
    }

    /// The label of the attempts' metric.
    pub(crate) const fn outcome(&self) -> &'static str {
        match self {
            Self::Url(_) | Self::EdgeMalformed(_) | Self::EdgeUnknown(_) => "url",
            Self::Interconnect(_) | Self::RetryPolicy(_) => "url",
            Self::Forbidden { .. } => "guard",
            Self::Busy { .. } => "busy",
            Self::Name { .. } => "dns",
            Self::ConnectTimeout { .. } | Self::ConnectRefused { .. } | Self::Connect { .. } => "connect",
            Self::Handshake(_) | Self::CertificateName(_) => "tls",
            Self::CertificateDates(_) | Self::CertificatePath(_) => "tls",
            Self::ReadTimeout { .. } | Self::TotalTimeout { .. } => "timeout",
            Self::Closed(_) | Self::Protocol { .. } | Self::NotHttp(_) => "protocol",
            Self::TooLarge { .. } | Self::Empty => "body",
            Self::TooManyRedirects(_) | Self::BadRedirect(_) => "redirect",
            Self::Status(_) | Self::CallbackStatus(_) => "status",
        }
    }

    /// The retry policy's word for this; `None` where trying again cannot help or must not happen.
    pub(crate) const fn retry_class(&self) -> Option<RetryClass> {
        match self {
            Self::ConnectTimeout { .. } | Self::ConnectRefused { .. } => Some(RetryClass::Connect),
            Self::Connect { .. } | Self::Handshake(_) => Some(RetryClass::Connect),
            Self::ReadTimeout { partial: false, .. } | Self::Closed(_) => Some(RetryClass::Read),
            _ => None,
        }
    }
}
