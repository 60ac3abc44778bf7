//! Basic and Digest logins from the URL's userinfo, remembered for the life of a call (contract, runtime.md
//! 1.4):
//! the first request goes without, a 401 is answered, and from then on the call stays logged in. Who a URL
//! named may be asked for later: by a relative URL, which names nobody.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::VecDeque;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;
use ringway_sip::digest::{Challenge, Credentials, answer};

use crate::target::{Origin, Target, Userinfo};
use crate::types::Method;

const LOGINS_MAX: usize = 16;
const CHALLENGE_BYTES_MAX: usize = 4096;

/// The logins of one call, one for each scheme, host and port; beyond [`LOGINS_MAX`] the oldest goes.
#[derive(Debug, Default)]
pub(crate) struct Logins(VecDeque<(Origin, Login)>);

#[derive(Debug)]
struct Login {
    userinfo: Userinfo,
    /// How the server wants it; none until it asks.
    scheme: Option<Scheme>,
}

#[derive(Debug)]
enum Scheme {
    Basic,
    Digest { challenge: String, uses: u32 },
}

impl Logins {
    /// Keeps the login that a URL names for its origin; the newest one counts.
    pub(crate) fn remember(&mut self, target: &Target) {
        let Some(userinfo) = &target.login else { return };
        let origin = target.origin();
        if self.find(&origin).is_some_and(|login| login.userinfo == *userinfo) {
            return;
        }
        self.0.retain(|(known, _)| *known != origin);
        if self.0.len() >= LOGINS_MAX {
            self.0.pop_front();
        }
        self.0.push_back((origin, Login { userinfo: userinfo.clone(), scheme: None }));
    }

    /// The Authorization header for a request to a place where this call is logged in. A URL that names
    /// another user starts afresh.
    pub(crate) fn authorization(&mut self, target: &Target, method: Method, cnonce: &str) -> Option<String> {
        let login = self.find(&target.origin())?;
        if target.login.as_ref().is_some_and(|userinfo| *userinfo != login.userinfo) {
            return None;
        }
        login.authorization(&target.request_target(), method, cnonce)
    }

    /// A 401 came. Whether it can be answered: then the next request has the answer. `rounds` counts the
    /// answers
    /// this request gave before; after the first, only a nonce that went stale is worth another.
    pub(crate) fn challenged(&mut self, target: &Target, headers: &HeaderMap, rounds: u32) -> bool {
        self.remember(target);
        let Some(login) = self.find(&target.origin()) else { return false };
        // What was answered before did not serve: the next request of the call goes without again.
        login.scheme = None;
        let Some((scheme, stale)) = choose(headers) else { return false };
        if rounds > 1 || (rounds == 1 && !stale) {
            return false;
        }
        login.scheme = Some(scheme);
        true
    }

    fn find(&mut self, origin: &Origin) -> Option<&mut Login> {
        self.0.iter_mut().find(|(known, _)| known == origin).map(|(_, login)| login)
    }
}

impl Login {
    fn authorization(&mut self, uri: &str, method: Method, cnonce: &str) -> Option<String> {
        let (user, password) = (self.userinfo.user.expose(), self.userinfo.password.expose());
        match self.scheme.as_mut()? {
            Scheme::Basic => Some(format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))),
            Scheme::Digest { challenge, uses } => {
                *uses += 1;
                let challenge = Challenge::parse(challenge)?;
                let credentials =
                    Credentials { username: user.to_owned(), password: self.userinfo.password.clone() };
                Some(answer(&challenge, &credentials, method.as_str(), uri, *uses, cnonce))
            }
        }
    }
}

/// The first Digest challenge that can be answered, else Basic; and whether the digest was said to be stale.
fn choose(headers: &HeaderMap) -> Option<(Scheme, bool)> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let challenges: Vec<&str> =
        values.filter(|value| value.len() <= CHALLENGE_BYTES_MAX).flat_map(split_challenges).collect();
    let digest = challenges.iter().find_map(|text| Some((text, Challenge::parse(text)?)));
    if let Some((text, challenge)) = digest {
        return Some((Scheme::Digest { challenge: (*text).to_owned(), uses: 0 }, challenge.stale));
    }
    let is_basic =
        |text: &&str| text.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("basic"));
    challenges.iter().any(is_basic).then_some((Scheme::Basic, false))
}

/// One header may hold several challenges (RFC 9110 11.6.1): a new one begins where a part after a comma
/// opens
/// with a word instead of `name=value`.
fn split_challenges(header: &str) -> Vec<&str> {
    let mut starts = vec![0];
    let mut at = 0;
    for part in split_unquoted(header) {
        let text = part.trim_start();
        let first = text.split_whitespace().next().unwrap_or_default();
        if at > 0 && !first.is_empty() && !first.contains('=') && !text.contains(" =") {
            starts.push(at);
        }
        at += part.len() + 1;
    }
    let ends = starts.iter().skip(1).copied().chain([header.len()]);
    let pieces = starts.iter().copied().zip(ends).filter_map(|(start, end)| header.get(start..end));
    pieces.map(|piece| piece.trim_matches([' ', ','])).collect()
}

fn split_unquoted(header: &str) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    header
        .split(|c: char| {
            let separates = c == ',' && !quoted;
            match c {
                '"' if !escaped => quoted = !quoted,
                _ => {}
            }
            escaped = quoted && c == '\\' && !escaped;
            separates
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (WWW_AUTHENTICATE, value.parse().unwrap())).collect()
    }

    fn target(url: &str) -> Target {
        Target::parse(url).unwrap().0
    }

    #[test]
    fn challenges_on_one_line_are_told_apart() {
        let header = r#"Basic realm="a, b", Digest realm="x",nonce="n,1", qop="auth""#;
        assert_eq!(
            split_challenges(header),
            [r#"Basic realm="a, b""#, r#"Digest realm="x",nonce="n,1", qop="auth""#]
        );
    }

    #[test]
    fn basic_is_answered_and_remembered_for_the_origin() {
        let mut logins = Logins::default();
        let first = target("http://user:pass@h.example/a");
        assert_eq!(logins.authorization(&first, Method::Post, "c"), None);
        assert!(logins.challenged(&first, &headers(&[r#"Basic realm="x""#]), 0));
        let expected = Some("Basic dXNlcjpwYXNz".to_owned());
        assert_eq!(logins.authorization(&first, Method::Post, "c"), expected);
        assert_eq!(logins.authorization(&target("http://h.example/b"), Method::Get, "c"), expected);
        assert_eq!(logins.authorization(&target("https://h.example/b"), Method::Get, "c"), None);
        assert_eq!(logins.authorization(&target("http://other:pass@h.example/b"), Method::Get, "c"), None);
    }

    #[test]
    fn digest_comes_before_basic_and_counts_its_uses() {
        let mut logins = Logins::default();
        let at = target("http://user:pass@h.example/a?b=1");
        let both = headers(&[r#"Basic realm="x""#, r#"Digest realm="x", nonce="n", qop="auth""#]);
        assert!(logins.challenged(&at, &both, 0));
        let first = logins.authorization(&at, Method::Post, "c").unwrap();
        assert!(
            first.starts_with("Digest ") && first.contains("uri=\"/a?b=1\"") && first.contains("nc=00000001")
        );
        assert!(logins.authorization(&at, Method::Post, "c").unwrap().contains("nc=00000002"));
    }

    #[test]
    fn a_wrong_password_is_not_tried_twice_but_a_stale_nonce_is_replaced() {
        let mut logins = Logins::default();
        let at = target("http://user:pass@h.example/");
        let fresh = headers(&[r#"Digest realm="x", nonce="n", qop="auth""#]);
        let stale = headers(&[r#"Digest realm="x", nonce="m", qop="auth", stale=true"#]);
        assert!(logins.challenged(&at, &fresh, 0));
        assert!(!logins.challenged(&at, &fresh, 1));
        assert!(logins.challenged(&at, &stale, 1));
        assert!(!logins.challenged(&at, &stale, 2));
    }

    #[test]
    fn a_login_outlives_its_refusal_and_gives_way_to_a_newer_one() {
        let mut logins = Logins::default();
        let basic = headers(&[r#"Basic realm="x""#]);
        logins.remember(&target("http://user:pass@h.example/open"));
        let relative = target("http://h.example/private");
        assert_eq!(logins.authorization(&relative, Method::Get, "c"), None, "nobody asked yet");
        for _ in 0..2 {
            assert!(logins.challenged(&relative, &basic, 0));
            assert!(logins.authorization(&relative, Method::Get, "c").is_some());
            assert!(!logins.challenged(&relative, &basic, 1));
            assert_eq!(logins.authorization(&relative, Method::Get, "c"), None);
        }
        logins.remember(&target("http://other:pass@h.example/"));
        assert!(logins.challenged(&relative, &basic, 0));
        let newer = Some("Basic b3RoZXI6cGFzcw==".to_owned());
        assert_eq!(logins.authorization(&relative, Method::Get, "c"), newer);
        assert!(!logins.challenged(&target("https://h.example/private"), &basic, 0));
    }

    #[test]
    fn the_oldest_of_many_logins_goes() {
        let mut logins = Logins::default();
        let basic = headers(&["Basic realm=x"]);
        for number in 0..=LOGINS_MAX {
            logins.remember(&target(&format!("http://u:p@h{number}.example/")));
        }
        assert!(!logins.challenged(&target("http://h0.example/"), &basic, 0));
        assert!(logins.challenged(&target("http://h1.example/"), &basic, 0));
        assert_eq!(logins.0.len(), LOGINS_MAX);
    }

    #[test]
    fn nobody_to_log_in_or_nothing_understood_gives_up() {
        let mut logins = Logins::default();
        assert!(!logins.challenged(&target("http://h.example/"), &headers(&["Basic realm=x"]), 0));
        assert!(!logins.challenged(&target("http://u:p@h.example/"), &headers(&["Negotiate", ""]), 0));
        assert!(!logins.challenged(&target("http://u:p@h.example/"), &HeaderMap::new(), 0));
    }
}
