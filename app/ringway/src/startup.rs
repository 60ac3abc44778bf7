//! The one screen that a start prints.

use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;
use std::path::PathBuf;

use ringway_rest::HOSTED;

use crate::rest_security::HttpListen;

/// Everything that an operator wants to know of a start.
#[derive(Debug)]
pub(crate) struct Startup {
    /// Where the REST API answers.
    pub(crate) http: HttpListen,
    /// The file of a certificate that was made for this start.
    pub(crate) development_certificate: Option<PathBuf>,
    /// The file of a certificate that was made for SIP at this start.
    pub(crate) sip_development_certificate: Option<PathBuf>,
    /// Where the interception listens, and the certificate that its clients trust.
    pub(crate) intercept: Option<(SocketAddr, PathBuf)>,
    /// Where metrics and health answer.
    pub(crate) admin: SocketAddr,
    /// Where SIP listens, as `udp://127.0.0.1:5060`.
    pub(crate) sip: Vec<String>,
    /// The ports of RTP.
    pub(crate) rtp: String,
    /// What peers outside are told, and how it was chosen, when any listener is bound to a wildcard.
    pub(crate) advertised: Option<String>,
    /// Where the data live.
    pub(crate) data_dir: PathBuf,
    /// What domains' names end with.
    pub(crate) suffixes: Vec<String>,
    /// Most calls at once.
    pub(crate) calls_max: usize,
    /// The root account.
    pub(crate) account_sid: String,
    /// Its token, when it was made just now.
    pub(crate) new_token: Option<String>,
    /// What does not work on this machine, and what to do about it.
    pub(crate) warnings: Vec<String>,
}

impl Display for Startup {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "Ringway {}\n", env!("CARGO_PKG_VERSION"))?;
        writeln!(f, "  REST API     {}", self.http)?;
        if let Some(file) = &self.development_certificate {
            writeln!(f, "  certificate  {} (made now; for development)", file.display())?;
        }
        if let Some((address, certificate)) = &self.intercept {
            writeln!(f, "  intercepts   {} on {address}", HOSTED.join(", "))?;
            writeln!(f, "  trust        {}", certificate.display())?;
        }
        writeln!(f, "  metrics      http://{}/metrics", self.admin)?;
        for listener in &self.sip {
            writeln!(f, "  SIP          {listener}")?;
        }
        if let Some(file) = &self.sip_development_certificate {
            writeln!(f, "  certificate  {} (made now for SIP; for development)", file.display())?;
        }
        writeln!(f, "  RTP          UDP ports {}", self.rtp)?;
        if let Some(advertised) = &self.advertised {
            writeln!(f, "  advertised   {advertised}")?;
        }
        writeln!(f, "  domains      *.{}", self.suffixes.join(", *."))?;
        writeln!(f, "  calls        at most {} at once", self.calls_max)?;
        writeln!(f, "  data         {}", self.data_dir.display())?;
        writeln!(f, "  account      {}", self.account_sid)?;
        if let Some(token) = &self.new_token {
            writeln!(f, "  auth token   {token}   (made now; `ringway token show` reads it later)")?;
        }
        for warning in &self.warnings {
            writeln!(f, "\n  warning: {warning}")?;
        }
        Ok(())
    }
}
