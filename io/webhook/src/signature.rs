//! The X-Twilio-Signature header (contract, runtime.md 1.6).

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use ringway_model::Secret;
use sha1::Sha1;
use url::Url;

/// Signs a request: base64 of the HMAC-SHA1 of the URL and of the form's parameters under the account's
/// token.
///
/// `url` has neither fragment nor userinfo. Over https its port is left out, over http it is kept, as voice
/// requests do. `form` is empty for methods whose parameters travel in the query. Names are sorted by bytes,
/// and of a repeated name each distinct value counts once, in order.
pub fn sign(token: &Secret, url: &Url, form: &[(String, String)]) -> String {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in form {
        values.entry(name).or_default().insert(value);
    }
    let mut base = signed_url(url);
    for (name, values) in values {
        for value in values {
            base.push_str(name);
            base.push_str(value);
        }
    }
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(token.expose().as_bytes()) else { return String::new() };
    mac.update(base.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

fn signed_url(url: &Url) -> String {
    let mut url = url.clone();
    url.set_fragment(None);
    if url.scheme() == "https" {
        let _ = url.set_port(None);
    }
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(token: &str, url: &str, form: &[(&str, &str)]) -> String {
        let form: Vec<_> = form.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        sign(&Secret::new(token), &Url::parse(url).unwrap(), &form)
    }

    fn vector(number: &str) -> [(&str, &str); 5] {
        [
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", number),
            ("Digits", "1234"),
            ("From", number),
            ("To", "+18005551212"),
        ]
    }

    #[test]
    fn the_documented_vectors() {
        assert_eq!(
            signed("12345", "https://example.com/myapp.php?foo=1&bar=2", &vector("+14158675310")),
            "L/OH5YylLD5NRKLltdqwSvS0BnU="
        );
        assert_eq!(
            signed("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", &vector("+14158675309")),
            "RSOYDt4T1cUTdK1PDd93/VVr8B8="
        );
        let duplicates = [
            ("Sid", "CA123"),
            ("SidAccount", "AC123"),
            ("Digits", "5678"),
            ("Digits", "1234"),
            ("Digits", "1234"),
        ];
        assert_eq!(
            signed("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", &duplicates),
            "IK+Dwps556ElfBT0I3Rgjkr1wJU="
        );
    }

    #[test]
    fn the_port_counts_over_http_only() {
        let sign = |url| signed("12345", url, &[]);
        assert_eq!(sign("https://example.com:8443/a"), sign("https://example.com/a"));
        assert_ne!(sign("http://example.com:8080/a"), sign("http://example.com/a"));
    }

    #[test]
    fn the_order_of_parameters_does_not_count_and_case_does() {
        let sign = |form: &[(&str, &str)]| signed("k", "https://e.example/", form);
        assert_eq!(sign(&[("b", "1"), ("A", "2")]), sign(&[("A", "2"), ("b", "1")]));
        assert_ne!(sign(&[("a", "2"), ("B", "1")]), sign(&[("a", "2"), ("b", "1")]));
    }
}
