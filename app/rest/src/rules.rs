//! What the values of parameters must look like, each rule with the sentence that explains it.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ringway_model::Secret;
use ringway_store::HttpMethod;
use url::{Host, Url};

use crate::error::{Code, Fault};
use crate::form::Form;

/// Longer than any URL a browser or proxy carries reliably.
const URL_LENGTH_MAX: usize = 4096;
/// RFC 1035 2.3.4.
const HOST_LENGTH_MAX: usize = 253;
const LABEL_LENGTH_MAX: usize = 63;
/// Contract, rest.md 4.
const USERNAME_LENGTH_MAX: usize = 32;
const PASSWORD_LENGTH_MIN: usize = 12;
/// Nothing is gained beyond it, and hashing is not free.
const PASSWORD_LENGTH_MAX: usize = 1024;

/// A parameter that must be there.
pub(crate) fn required<'a>(form: &'a Form, name: &str, code: Code) -> Result<&'a str, Fault> {
    form.text(name).ok_or_else(|| Fault::because(code, format!("{name} is required")))
}

/// A descriptive text of at most `most` characters, when it is given.
pub(crate) fn friendly_name(form: &Form, most: usize, code: Code) -> Result<Option<&str>, Fault> {
    match form.value("FriendlyName") {
        Some(text) if text.chars().count() > most => {
            Err(Fault::because(code, format!("FriendlyName must have at most {most} characters")))
        }
        other => Ok(other),
    }
}

/// A descriptive text of 1 to `most` characters, which must be there.
pub(crate) fn required_friendly_name(form: &Form, most: usize, code: Code) -> Result<&str, Fault> {
    required(form, "FriendlyName", code)?;
    Ok(friendly_name(form, most, code)?.unwrap_or_default())
}

/// `true` or `false` in any case: one client library sends `True` (contract, rest.md 0).
pub(crate) fn boolean(form: &Form, name: &str, code: Code) -> Result<Option<bool>, Fault> {
    match form.value(name) {
        None => Ok(None),
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
        Some(_) => Err(Fault::because(code, format!("{name} must be true or false"))),
    }
}

/// A URL to clear (`Some(None)`, when it is given empty) or to set, kept as it was written: an absolute
/// http or https URL whose host name has no underscore (contract, runtime.md 1.4). Userinfo and
/// fragment are allowed; both mean something to the webhook client.
pub(crate) fn url(form: &Form, name: &str, code: Code) -> Result<Option<Option<String>>, Fault> {
    let Some(text) = form.value(name) else { return Ok(None) };
    if text.is_empty() {
        return Ok(Some(None));
    }
    let complain = |what: &str| Err(Fault::because(code, format!("{name} {what}")));
    if text.len() > URL_LENGTH_MAX {
        return complain("is too long");
    }
    if text.chars().any(|character| character.is_control() || character.is_whitespace()) {
        return complain("must not have spaces or control characters");
    }
    match Url::parse(text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => complain("must be an http or https URL"),
        // The parser takes `http:host` and `http:///host` for the URLs they might have meant.
        Ok(_) if !has_authority(text) => complain("must be an absolute URL"),
        Ok(url) if matches!(url.host(), Some(Host::Domain(host)) if host.contains('_')) => {
            complain("must not have an underscore in its host name")
        }
        Ok(_) => Ok(Some(Some(text.to_owned()))),
        Err(_) => complain("must be an absolute URL"),
    }
}

/// One of the six methods of the documents in any case, when it is given; given empty, the default.
pub(crate) fn method(form: &Form, name: &str, code: Code) -> Result<Option<HttpMethod>, Fault> {
    match form.value(name) {
        None => Ok(None),
        Some("") => Ok(Some(HttpMethod::default())),
        Some(text) => {
            let sentence = || format!("{name} must be HEAD, GET, POST, PATCH, PUT or DELETE");
            text.parse().map(Some).map_err(|()| Fault::because(code, sentence()))
        }
    }
}

/// Refuses a `{what}FallbackUrl` that the form sets where no first URL is (21405, 21406).
pub(crate) fn fallback(form: &Form, what: &str, first: Option<&str>) -> Result<(), Fault> {
    if form.text(&format!("{what}FallbackUrl")).is_none() || first.is_some() {
        return Ok(());
    }
    let code = if what == "Sms" { Code::SmsFallbackWithoutUrl } else { Code::FallbackWithoutUrl };
    Err(Fault::because(code, format!("{what}FallbackUrl needs a {what}Url")))
}

/// The name of a domain in lower case: labels of letters, digits and hyphens (contract, rest.md 4).
/// Which suffixes are served, and which parents must exist, is the store's to decide.
pub(crate) fn domain_name(form: &Form) -> Result<Option<String>, Fault> {
    let Some(text) = form.value("DomainName") else { return Ok(None) };
    if text.is_empty() || text.len() > HOST_LENGTH_MAX || !text.split('.').all(is_label) {
        let sentence = "DomainName must be labels of letters, digits and hyphens, separated by dots";
        return Err(Fault::because(Code::InvalidDomain, sentence));
    }
    Ok(Some(text.to_ascii_lowercase()))
}

/// A user name that a SIP message can carry without quoting it (contract, rest.md 4).
pub(crate) fn username(form: &Form) -> Result<&str, Fault> {
    let text = required(form, "Username", Code::CredentialValidation)?;
    if text.chars().count() > USERNAME_LENGTH_MAX {
        let sentence = format!("Username must have at most {USERNAME_LENGTH_MAX} characters");
        return Err(Fault::because(Code::CredentialValidation, sentence));
    }
    let carried = |byte: u8| byte.is_ascii_graphic() && !br#""\:<>@"#.contains(&byte);
    if !text.bytes().all(carried) {
        let sentence =
            "Username must be printable ASCII without spaces, quotes, backslashes, colons, @, < and >";
        return Err(Fault::because(Code::CredentialValidation, sentence));
    }
    Ok(text)
}

/// A password of at least 12 characters with a digit and both cases (contract, rest.md 4), when given.
pub(crate) fn password(form: &Form) -> Result<Option<Secret>, Fault> {
    let Some(text) = form.value("Password") else { return Ok(None) };
    let length = text.chars().count();
    let strong = (PASSWORD_LENGTH_MIN..=PASSWORD_LENGTH_MAX).contains(&length)
        && text.chars().any(|character| character.is_ascii_digit())
        && text.chars().any(char::is_uppercase)
        && text.chars().any(char::is_lowercase);
    if !strong {
        let sentence = "Password must have at least 12 characters, with a digit, an upper case and a lower \
                        case letter";
        return Err(Fault::because(Code::CredentialValidation, sentence));
    }
    Ok(Some(Secret::new(text)))
}

/// A complete IPv4 address in dotted decimal, when it is given.
pub(crate) fn ip_address(form: &Form) -> Result<Option<Ipv4Addr>, Fault> {
    let Some(text) = form.value("IpAddress") else { return Ok(None) };
    let sentence = "IpAddress must be a complete IPv4 address in dotted decimal notation";
    text.parse().map(Some).map_err(|_| Fault::because(Code::AddressValidation, sentence))
}

/// 1 to 32, when it is given. Zero would admit every address there is, so it is refused.
pub(crate) fn cidr_prefix_length(form: &Form) -> Result<Option<u8>, Fault> {
    let Some(text) = form.text("CidrPrefixLength") else { return Ok(None) };
    match text.parse() {
        Ok(length @ 1..=32) => Ok(Some(length)),
        _ => Err(Fault::because(Code::AddressValidation, "CidrPrefixLength must be a number from 1 to 32")),
    }
}

/// The address of an entry of an access control list: IPv4, as the hosted service has it, and IPv6 where the
/// operator lets it in. A v4 address in v6 clothes is the v4 address.
pub(crate) fn listed_address(form: &Form, ipv6: bool) -> Result<Option<IpAddr>, Fault> {
    match form.value("IpAddress").map(str::parse::<Ipv6Addr>) {
        Some(Ok(address)) if ipv6 => Ok(Some(IpAddr::V6(address).to_canonical())),
        _ => Ok(ip_address(form)?.map(IpAddr::V4)),
    }
}

/// The prefix length of such an entry; whether it fits the address is the store's to say.
pub(crate) fn listed_prefix_length(form: &Form, ipv6: bool) -> Result<Option<u8>, Fault> {
    match form.text("CidrPrefixLength").map(str::parse) {
        Some(Ok(length @ 33..=128)) if ipv6 => Ok(Some(length)),
        _ => cidr_prefix_length(form),
    }
}

fn has_authority(url: &str) -> bool {
    let after = url.split_once("://").map(|(_, rest)| rest);
    after.is_some_and(|rest| !rest.starts_with(['/', '?', '#', '\\']))
}

fn is_label(label: &str) -> bool {
    (1..=LABEL_LENGTH_MAX).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn form(name: &str, value: &str) -> Form {
        let encoded: String =
            url::form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
        Form::parse(encoded.as_bytes(), "The body").unwrap()
    }

    #[test]
    fn urls_are_absolute_and_http() {
        for good in [
            "http://example.com",
            "https://user:secret@example.com:8443/twiml?a=b#rc=2&rp=all",
            "HTTP://[::1]/",
            "http://127.0.0.1:8090/twiml",
        ] {
            assert_eq!(
                url(&form("VoiceUrl", good), "VoiceUrl", Code::InvalidUrl).unwrap(),
                Some(Some(good.into()))
            );
        }
        for bad in [
            "/relative",
            "example.com",
            "ftp://example.com",
            "sip:a@b",
            "http:example.com",
            "http:///x",
            "http://",
            "http://under_score.example.com/",
            "http://a b/",
            "http://example.com/\n",
            "javascript:alert(1)",
            "http://example.com:99999/",
            "http://?x",
        ] {
            let fault = url(&form("VoiceUrl", bad), "VoiceUrl", Code::InvalidUrl).unwrap_err();
            assert_eq!(fault.code, Code::InvalidUrl, "{bad}");
            assert!(fault.message("").contains("VoiceUrl"), "{bad}");
        }
        assert!(url(&form("U", &format!("http://a/{}", "x".repeat(5000))), "U", Code::InvalidUrl).is_err());
    }

    #[test]
    fn an_empty_url_clears_and_an_absent_one_leaves() {
        assert_eq!(url(&form("VoiceUrl", ""), "VoiceUrl", Code::InvalidUrl).unwrap(), Some(None));
        assert_eq!(url(&form("Other", ""), "VoiceUrl", Code::InvalidUrl).unwrap(), None);
    }

    #[test]
    fn methods_and_booleans_come_in_any_case() {
        assert_eq!(method(&form("M", "get"), "M", Code::InvalidMethod).unwrap(), Some(HttpMethod::Get));
        assert_eq!(method(&form("M", ""), "M", Code::InvalidMethod).unwrap(), Some(HttpMethod::Post));
        assert!(method(&form("M", "FETCH"), "M", Code::InvalidMethod).is_err());
        assert_eq!(boolean(&form("B", "True"), "B", Code::DomainValidation).unwrap(), Some(true));
        assert_eq!(boolean(&form("B", "FALSE"), "B", Code::DomainValidation).unwrap(), Some(false));
        assert!(boolean(&form("B", "yes"), "B", Code::DomainValidation).is_err());
        assert!(boolean(&form("B", ""), "B", Code::DomainValidation).is_err());
    }

    #[test]
    fn domain_names_are_labels_and_lower_case() {
        let name = domain_name(&form("DomainName", "Acme-1.SIP.twilio.com")).unwrap();
        assert_eq!(name.as_deref(), Some("acme-1.sip.twilio.com"));
        let long = "a".repeat(64);
        for bad in ["", "a..b", ".a", "a.", "-a.b", "a-.b", "a_b.c", "a b", "ünï.c", "a/b", &long] {
            assert_eq!(domain_name(&form("DomainName", bad)).unwrap_err().code, Code::InvalidDomain, "{bad}");
        }
    }

    #[test]
    fn user_names_are_what_sip_can_carry() {
        let long = "u".repeat(33);
        assert_eq!(username(&form("Username", "1440013725.28")).unwrap(), "1440013725.28");
        for bad in ["", "a b", "a\"b", "a:b", "a@b", "a\\b", "a<b", "ü", "a\u{7}", &long] {
            assert_eq!(
                username(&form("Username", bad)).unwrap_err().code,
                Code::CredentialValidation,
                "{bad}"
            );
        }
    }

    #[test]
    fn passwords_are_long_and_mixed() {
        assert!(password(&form("Password", "IWasAtSignal2018")).unwrap().is_some());
        for bad in ["", "Short1", "alllowercase1", "ALLUPPERCASE1", "NoDigitsAtAllHere", "Elevenchar1"] {
            assert_eq!(
                password(&form("Password", bad)).unwrap_err().code,
                Code::CredentialValidation,
                "{bad}"
            );
        }
    }

    #[test]
    fn addresses_are_whole_ipv4_addresses() {
        assert_eq!(ip_address(&form("IpAddress", "192.0.2.7")).unwrap(), Some(Ipv4Addr::new(192, 0, 2, 7)));
        for bad in ["", "192.0.2", "192.0.2.*", "192.0.2.7/24", "::1", "192.0.2.007", "256.0.0.1", " 1.2.3.4"]
        {
            assert_eq!(
                ip_address(&form("IpAddress", bad)).unwrap_err().code,
                Code::AddressValidation,
                "{bad}"
            );
        }
        assert_eq!(cidr_prefix_length(&form("CidrPrefixLength", "24")).unwrap(), Some(24));
        for bad in ["0", "33", "-1", "x", "1.5"] {
            assert!(cidr_prefix_length(&form("CidrPrefixLength", bad)).is_err(), "{bad}");
        }
    }
}
