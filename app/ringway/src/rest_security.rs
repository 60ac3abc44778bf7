//! Whether the REST API may be served as it is asked for, and its certificate.

use std::path::{Path, PathBuf};

use ringway_rest::Tls;

use crate::config::{HttpListen, HttpSecurity};

/// Where a certificate that was made here can be read.
const DEVELOPMENT_FILE: &str = "development-certificate.pem";

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
