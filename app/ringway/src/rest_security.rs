//! Where the REST API is served, whether it may be served like that, and its certificate.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{ArgAction, Args};
use ipnet::IpNet;
use ringway_rest::Tls;

use crate::config::parse_net;

/// Where a certificate that was made here can be read.
pub(crate) const DEVELOPMENT_FILE: &str = "development-certificate.pem";

/// Who may read what the REST API and its clients say to each other.
#[derive(Debug, Clone, Args)]
pub(crate) struct HttpSecurity {
    /// The certificate chain of the REST API, in PEM; a renewed file is taken without a restart.
    #[arg(long, env = "RINGWAY_CERT", value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// The key of the certificate, in PEM.
    #[arg(long, env = "RINGWAY_KEY", value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// A proxy in front of the REST API, whose X-Forwarded-Host and -Proto are believed; may be repeated.
    #[arg(
        long,
        env = "RINGWAY_TRUSTED_PROXY",
        value_name = "CIDR",
        action = ArgAction::Append,
        value_delimiter = ',',
        value_parser = parse_net
    )]
    pub(crate) trusted_proxy: Vec<IpNet>,
    /// Serve the REST API in the clear to other machines.
    #[arg(long, env = "RINGWAY_INSECURE_HTTP")]
    pub(crate) insecure_http: bool,
}

/// Where the REST API listens, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HttpListen {
    /// Over TLS.
    pub(crate) secure: bool,
    pub(crate) address: SocketAddr,
}

impl FromStr for HttpListen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (secure, rest) = match text.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            Some((scheme, _)) => {
                return Err(format!("{scheme}:// is not served; expected https:// or http://"));
            }
            None => (false, text),
        };
        let address = rest.strip_suffix('/').unwrap_or(rest).parse();
        let address = address.map_err(|_| "expected an address and a port, such as 127.0.0.1:8080")?;
        Ok(Self { secure, address })
    }
}

impl fmt::Display for HttpListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.secure { "https" } else { "http" }, self.address)
    }
}

/// The API's identity.
pub(crate) struct Secured {
    pub(crate) tls: Tls,
    /// The file of the certificate, when it was made here.
    pub(crate) made: Option<PathBuf>,
}

/// Refuses to carry auth tokens in the clear between machines, unless somebody said so.
pub(crate) fn check(listen: HttpListen, security: &HttpSecurity) -> Result<(), String> {
    let here = listen.address.ip().to_canonical().is_loopback();
    let address = listen.address;
    if listen.secure {
        return match here || security.cert.is_some() {
            true => Ok(()),
            false => Err(format!(
                "--http {listen} needs --cert FILE and --key FILE; a development certificate is made for \
                 127.0.0.1 and [::1] only"
            )),
        };
    }
    if security.cert.is_some() {
        return Err(format!("--cert and --key need --http https://{address}"));
    }
    match here || security.insecure_http || !security.trusted_proxy.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "--http {address} would carry auth tokens in the clear between machines. Use \
             --http https://{address} with --cert FILE and --key FILE; or --trusted-proxy CIDR, when a proxy in \
             front does TLS; or --insecure-http, when the network may be trusted"
        )),
    }
}

/// The certificate that was given, or one for development; none when the API is served in the clear.
pub(crate) fn tls(
    listen: HttpListen,
    security: &HttpSecurity,
    data_dir: &Path,
) -> Result<Option<Secured>, String> {
    if !listen.secure {
        return Ok(None);
    }
    let secured = match (&security.cert, &security.key) {
        (Some(cert), Some(key)) => {
            Tls::from_files(cert.clone(), key.clone()).map(|tls| Secured { tls, made: None })
        }
        _ => {
            let file = data_dir.join(DEVELOPMENT_FILE);
            Tls::for_development(listen.address.ip(), &file).map(|tls| Secured { tls, made: Some(file) })
        }
    };
    secured.map(Some).map_err(|error| format!("--http {listen}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(listen: &str, adjust: impl FnOnce(&mut HttpSecurity)) -> Result<(), String> {
        let mut security =
            HttpSecurity { cert: None, key: None, trusted_proxy: Vec::new(), insecure_http: false };
        adjust(&mut security);
        check(listen.parse()?, &security)
    }

    #[test]
    fn this_machine_needs_nothing() {
        for listen in ["127.0.0.1:8080", "http://127.0.0.1:0", "[::1]:8080", "https://127.0.0.1:8443"] {
            assert_eq!(checked(listen, |_| {}), Ok(()), "{listen}");
        }
    }

    #[test]
    fn others_need_a_word_that_the_error_says() {
        let error = checked("0.0.0.0:8080", |_| {}).expect_err("in the clear");
        for word in ["https://0.0.0.0:8080", "--cert", "--key", "--trusted-proxy", "--insecure-http"] {
            assert!(error.contains(word), "{word}: {error}");
        }
        assert_eq!(checked("0.0.0.0:8080", |security| security.insecure_http = true), Ok(()));
        let proxy = |security: &mut HttpSecurity| {
            security.trusted_proxy = vec!["10.0.0.0/8".parse().expect("a network")];
        };
        assert_eq!(checked("[::]:8080", proxy), Ok(()));
        let certificate = |security: &mut HttpSecurity| security.cert = Some("cert.pem".into());
        assert_eq!(checked("https://192.0.2.1:443", certificate), Ok(()));
        assert!(checked("https://192.0.2.1:443", |_| {}).expect_err("no certificate").contains("--cert"));
        assert!(
            checked("127.0.0.1:80", certificate).expect_err("in the clear").contains("https://127.0.0.1")
        );
    }

    #[test]
    fn an_address_says_its_scheme() {
        assert!("ftp://127.0.0.1:1".parse::<HttpListen>().is_err());
        assert!("https://localhost".parse::<HttpListen>().is_err());
        let listen: HttpListen = "https://127.0.0.1:8443/".parse().expect("an address");
        assert_eq!(listen.to_string(), "https://127.0.0.1:8443");
    }
}
