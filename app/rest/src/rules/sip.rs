//! What goes into SIP: names, addresses, user names and passwords.

use std::net::{IpAddr, Ipv4Addr};

use ringway_model::Secret;
use ringway_model::uri::{Scheme, UriRef};
use serde_json::{Value as Json, json};

use super::Rule;
use crate::error::{Code, Fault};
use crate::form::Form;

/// RFC 1035 2.3.4.
const HOST_LENGTH_MAX: usize = 253;
const LABEL_LENGTH_MAX: usize = 63;
/// Contract, rest.md 4.
const USERNAME_LENGTH_MAX: usize = 32;
const PASSWORD_LENGTH_MIN: usize = 12;
/// Nothing is gained beyond it, and hashing is not free.
const PASSWORD_LENGTH_MAX: usize = 1024;
const DIALLED_LENGTH_MAX: usize = 32;
/// Longer than any URI that a SIP request could carry with the rest of its headers.
const TARGET_LENGTH_MAX: usize = 1024;
const INCOMPLETE: &str = "must be a complete IPv4 address in dotted decimal notation";

/// A rule made of how a value is read and the schema that says the same.
pub(crate) struct Of<T> {
    read: fn(&str) -> Option<T>,
    /// The rest of the sentence that begins with the name.
    sentence: &'static str,
    code: Code,
    schema: fn() -> Json,
}

impl<T> Rule for Of<T> {
    type Value = Option<T>;

    fn read(&self, form: &Form, name: &str) -> Result<Option<T>, Fault> {
        let Some(text) = form.value(name) else { return Ok(None) };
        let wrong = || Fault::because(self.code, format!("{name} {}", self.sentence));
        (self.read)(text).map(Some).ok_or_else(wrong)
    }

    fn schema(&self) -> Json {
        (self.schema)()
    }
}

/// The name of a domain in lower case: labels of letters, digits and hyphens (contract, rest.md 4).
/// Which suffixes are served, and which parents must exist, is the store's to decide.
pub(crate) fn domain_name() -> Of<String> {
    Of {
        read: |text| {
            let good = text.len() <= HOST_LENGTH_MAX && text.split('.').all(is_label);
            good.then(|| text.to_ascii_lowercase())
        },
        sentence: "must be labels of letters, digits and hyphens, separated by dots",
        code: Code::InvalidDomain,
        schema: || {
            let label = "[0-9A-Za-z]([0-9A-Za-z-]{0,61}[0-9A-Za-z])?";
            json!({"type": "string", "maxLength": HOST_LENGTH_MAX,
                   "pattern": format!("^{label}(\\.{label})*$")})
        },
    }
}

fn is_label(label: &str) -> bool {
    (1..=LABEL_LENGTH_MAX).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// A user name that a SIP message can carry without quoting it (contract, rest.md 4).
pub(crate) fn username() -> Of<String> {
    Of {
        read: |text| {
            let carried = |byte: u8| byte.is_ascii_graphic() && !br#""\:<>@"#.contains(&byte);
            let good = (1..=USERNAME_LENGTH_MAX).contains(&text.len()) && text.bytes().all(carried);
            good.then(|| text.to_owned())
        },
        sentence: "must be at most 32 printable ASCII characters without spaces, quotes, backslashes, colons, \
                   @, < and >",
        code: Code::CredentialValidation,
        schema: || {
            json!({"type": "string", "pattern": "^[!#-9;=?A-\\[\\]-~]{1,32}$", "minLength": 1,
                   "maxLength": USERNAME_LENGTH_MAX})
        },
    }
}

/// A password of at least 12 characters with a digit and both cases (contract, rest.md 4).
pub(crate) fn password() -> Of<Secret> {
    Of {
        read: |text| {
            let strong = (PASSWORD_LENGTH_MIN..=PASSWORD_LENGTH_MAX).contains(&text.chars().count())
                && text.chars().any(|character| character.is_ascii_digit())
                && text.chars().any(char::is_uppercase)
                && text.chars().any(char::is_lowercase);
            strong.then(|| Secret::new(text))
        },
        sentence: "must have at least 12 characters, with a digit, an upper case and a lower case letter",
        code: Code::CredentialValidation,
        schema: || {
            json!({"type": "string", "format": "password", "minLength": PASSWORD_LENGTH_MIN,
                   "maxLength": PASSWORD_LENGTH_MAX,
                   "allOf": [{"pattern": "[0-9]"}, {"pattern": "[A-Z]"}, {"pattern": "[a-z]"}]})
        },
    }
}

/// Keys to press, and waits between them.
pub(crate) fn dialled_digits() -> Of<String> {
    Of {
        read: |text| {
            let legal = |byte: u8| matches!(byte, b'0'..=b'9' | b'*' | b'#' | b'w' | b'W');
            let good = text.len() <= DIALLED_LENGTH_MAX && text.bytes().all(legal);
            good.then(|| text.to_owned())
        },
        sentence: "must be at most 32 of 0-9 * # w W",
        code: Code::CallInvalidSendDigits,
        schema: || json!({"type": "string", "maxLength": DIALLED_LENGTH_MAX, "pattern": "^[0-9*#wW]*$"}),
    }
}

/// A complete IPv4 address in dotted decimal.
pub(crate) fn ip_address() -> Of<Ipv4Addr> {
    Of {
        read: |text| text.parse().ok(),
        sentence: INCOMPLETE,
        code: Code::AddressValidation,
        schema: || json!({"type": "string", "format": "ipv4"}),
    }
}

/// The address of an entry of an access control list: IPv4, as the hosted service has it, or IPv6. A v4 address
/// in v6 clothes is the v4 address.
pub(crate) fn listed_address() -> Of<IpAddr> {
    Of {
        read: |text| text.parse::<IpAddr>().ok().map(|address| address.to_canonical()),
        sentence: INCOMPLETE,
        code: Code::AddressValidation,
        schema: || json!({"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}),
    }
}

/// The prefix length of such an entry; whether it fits the address is the store's to say.
pub(crate) fn listed_prefix_length() -> super::number::Number<u8> {
    super::number::number(1..=128, Code::AddressValidation)
}

/// 1 to 32; given empty, not given. Zero would admit every address there is, so it is refused.
pub(crate) fn cidr_prefix_length() -> super::number::Number<u8> {
    super::number::number(1..=32, Code::AddressValidation)
}

/// A `sip:` URI; `sips:` is not one (contract, rest.md 2).
pub(crate) fn target() -> Of<String> {
    Of {
        read: |text| {
            let good = text.len() <= TARGET_LENGTH_MAX
                && text.is_ascii()
                && !text.bytes().any(|byte| byte.is_ascii_control())
                && UriRef::parse(text).is_ok_and(|uri| uri.scheme == Scheme::Sip && !uri.host.is_empty());
            good.then(|| text.to_owned())
        },
        sentence: "must be a sip: URI",
        code: Code::InvalidParameter,
        schema: || {
            json!({"type": "string", "maxLength": TARGET_LENGTH_MAX,
                   "pattern": "^[Ss][Ii][Pp]:[!-~]+$", "examples": ["sip:gateway.example.com:5060"]})
        },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::tests::read;
    use super::*;

    #[test]
    fn domain_names_are_labels_and_lower_case() {
        let name = read(domain_name(), "Acme-1.SIP.twilio.com").unwrap();
        assert_eq!(name.as_deref(), Some("acme-1.sip.twilio.com"));
        let long = "a".repeat(64);
        for bad in ["", "a..b", ".a", "a.", "-a.b", "a-.b", "a_b.c", "a b", "ünï.c", "a/b", &long] {
            assert_eq!(read(domain_name(), bad), Err(Code::InvalidDomain), "{bad}");
        }
    }

    #[test]
    fn user_names_are_what_sip_can_carry() {
        let long = "u".repeat(33);
        assert_eq!(read(username(), "1440013725.28").unwrap().as_deref(), Some("1440013725.28"));
        for bad in ["", "a b", "a\"b", "a:b", "a@b", "a\\b", "a<b", "ü", "a\u{7}", &long] {
            assert_eq!(read(username(), bad), Err(Code::CredentialValidation), "{bad}");
        }
    }

    #[test]
    fn passwords_are_long_and_mixed() {
        assert!(read(password(), "IWasAtSignal2018").unwrap().is_some());
        for bad in ["", "Short1", "alllowercase1", "ALLUPPERCASE1", "NoDigitsAtAllHere", "Elevenchar1"] {
            assert_eq!(read(password(), bad).err(), Some(Code::CredentialValidation), "{bad}");
        }
    }

    #[test]
    fn addresses_are_whole_ipv4_addresses() {
        assert_eq!(read(ip_address(), "192.0.2.7").unwrap(), Some(Ipv4Addr::new(192, 0, 2, 7)));
        for bad in ["", "192.0.2", "192.0.2.*", "192.0.2.7/24", "::1", "192.0.2.007", "256.0.0.1", " 1.2.3.4"]
        {
            assert_eq!(read(ip_address(), bad), Err(Code::AddressValidation), "{bad}");
        }
        assert_eq!(read(cidr_prefix_length(), "24").unwrap(), Some(24));
        for bad in ["0", "33", "-1", "x", "1.5"] {
            assert!(read(cidr_prefix_length(), bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn targets_are_sip_uris() {
        assert!(read(target(), "sip:gateway.example.com:5060").unwrap().is_some());
        for bad in ["", "sips:a", "sip:", "tel:+1", "sip:a\n"] {
            assert_eq!(read(target(), bad), Err(Code::InvalidParameter), "{bad}");
        }
    }
}
