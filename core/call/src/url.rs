//! References between documents (RFC 3986 5.2), and the few questions we ask of a URL. Percent-encoding is
//! left as written: the application's own spelling is what gets signed.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

/// Resolves a reference against the URL of its document, which is `None` for a document that came without
/// one (REST `Twiml=`). The fragment of the reference is kept, since it carries connection overrides
/// (contract, runtime.md 1.4); that of the document is kept only where the reference is empty and so means
/// the document itself. `None` when the result is not an absolute http or https URL with a host.
pub fn resolve(document: Option<&str>, reference: &str) -> Option<String> {
    let reference = reference.trim();
    let absolute = match (document, Parts::of(reference)) {
        (_, parts) if parts.scheme.is_some() => reference.to_owned(),
        (None, _) => return None,
        (Some(document), _) if reference.is_empty() => document.to_owned(),
        (Some(document), parts) => Parts::of(document).join(&parts),
    };
    is_http(&absolute).then_some(absolute)
}

/// Whether this is an absolute http or https URL with a host, and without white space or control characters.
pub fn is_http(url: &str) -> bool {
    let parts = Parts::of(url);
    let scheme = parts
        .scheme
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"));
    let host = parts.authority.map(|authority| authority.rsplit('@').next().unwrap_or(authority));
    let has_host = host.is_some_and(|host| !host.is_empty() && !host.starts_with(':'));
    scheme && has_host && !url.contains(|character: char| character.is_whitespace() || character.is_control())
}

/// The URL without its fragment.
pub fn without_fragment(url: &str) -> &str {
    url.split_once('#').map_or(url, |(before, _)| before)
}

/// The URL without its fragment, user and password: fit to be shown to somebody else. Of what is no URL with a
/// host, nothing is shown up to the last `@`, wherever a login may be in it.
pub fn presentable(url: &str) -> String {
    let mut parts = Parts::of(url);
    let is_path = parts.scheme.is_none() && parts.authority.is_none() && parts.path.starts_with('/');
    let has_host = parts.authority.is_some_and(is_authority);
    if let (false, Some((_, after))) = (is_path || has_host, url.rsplit_once('@')) {
        return without_fragment(after).to_owned();
    }
    parts.fragment = None;
    parts.authority = parts.authority.map(|authority| authority.rsplit('@').next().unwrap_or(authority));
    parts.print(parts.path)
}

/// The five components (RFC 3986 appendix B).
#[derive(Clone, Copy)]
struct Parts<'a> {
    scheme: Option<&'a str>,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Self {
        let (rest, fragment) = split(url, '#');
        let (rest, query) = split(rest, '?');
        let (scheme, rest) = match rest.split_once(':') {
            Some((scheme, after)) if is_scheme(scheme) => (Some(scheme), after),
            _ => (None, rest),
        };
        let (authority, path) = match rest.strip_prefix("//") {
            Some(after) => {
                let (authority, path) = after.split_at(after.find('/').unwrap_or(after.len()));
                (Some(authority), path)
            }
            None => (None, rest),
        };
        Self { scheme, authority, path, query, fragment }
    }

    /// RFC 3986 5.2.2, for a reference without a scheme.
    fn join(&self, reference: &Parts<'_>) -> String {
        let (authority, path, query) = if reference.authority.is_some() {
            (reference.authority, remove_dots(reference.path), reference.query)
        } else if reference.path.is_empty() {
            (self.authority, self.path.to_owned(), reference.query.or(self.query))
        } else if reference.path.starts_with('/') {
            (self.authority, remove_dots(reference.path), reference.query)
        } else {
            let directory = self.path.rfind('/').and_then(|slash| self.path.get(..=slash)).unwrap_or("/");
            (self.authority, remove_dots(&format!("{directory}{}", reference.path)), reference.query)
        };
        let joined = Parts { scheme: self.scheme, authority, path: "", query, fragment: reference.fragment };
        joined.print(&path)
    }

    fn print(&self, path: &str) -> String {
        let mut url = String::new();
        if let Some(scheme) = self.scheme {
            url.push_str(scheme);
            url.push(':');
        }
        for (mark, part) in
            [("//", self.authority), ("", Some(path)), ("?", self.query), ("#", self.fragment)]
        {
            if let Some(part) = part {
                url.push_str(mark);
                url.push_str(part);
            }
        }
        url
    }
}

fn split(text: &str, mark: char) -> (&str, Option<&str>) {
    text.split_once(mark).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// Whether this has a host, and a number for a port where it has one.
fn is_authority(text: &str) -> bool {
    let place = text.rsplit('@').next().unwrap_or(text);
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (place, ""),
    };
    !host.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// RFC 3986 5.2.4, for a path that is empty or begins with a slash.
fn remove_dots(path: &str) -> String {
    if path.is_empty() {
        return String::new();
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3986_section_5_4_examples() {
        for (reference, expected) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q#s"),
            ("g#s", "http://a/b/c/g#s"),
            ("g?y#s", "http://a/b/c/g?y#s"),
            (";x", "http://a/b/c/;x"),
            ("g;x?y#s", "http://a/b/c/g;x?y#s"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("..g", "http://a/b/c/..g"),
            ("./../g", "http://a/b/g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g/../h", "http://a/b/c/h"),
            ("g;x=1/../y", "http://a/b/c/y"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("/x//y", "http://a/x//y"),
            ("x//y/../z", "http://a/b/c/x//z"),
        ] {
            assert_eq!(
                resolve(Some("http://a/b/c/d;p?q"), reference).as_deref(),
                Some(expected),
                "{reference}"
            );
        }
    }

    #[test]
    fn hosts_without_a_path_users_and_absolute_references() {
        assert_eq!(resolve(Some("https://u:p@a"), "g").unwrap(), "https://u:p@a/g");
        assert_eq!(resolve(Some("http://a/b#rc=2"), "").unwrap(), "http://a/b#rc=2");
        assert_eq!(resolve(Some("http://a/b#rc=2"), "c").unwrap(), "http://a/c");
        assert_eq!(resolve(None, " HTTPS://b/c#ct=1 ").unwrap(), "HTTPS://b/c#ct=1");
    }

    #[test]
    fn what_is_no_web_address_is_none() {
        for (document, reference) in [
            (None, ""),
            (None, "/a"),
            (None, "//a/b"),
            (Some("http://a/"), "ftp://b/"),
            (Some("http://a/"), "javascript:1"),
            (Some("http://a/"), "a b"),
            (Some("http://a/"), "http://"),
            (Some("http://a/"), "http://u@/"),
            (Some("http://a/"), "http://:80/"),
            (Some("http://a/"), "a\r\nHost: b"),
        ] {
            assert_eq!(resolve(document, reference), None, "{reference}");
        }
    }

    #[test]
    fn secrets_and_fragments_are_taken_off() {
        assert_eq!(presentable("https://u:p@a:8443/b?c=d@e#f"), "https://a:8443/b?c=d@e");
        assert_eq!(presentable("http://u:p@[::1]:80/b?c=d@e"), "http://[::1]:80/b?c=d@e");
        assert_eq!(presentable("http://[::1]/b@c"), "http://[::1]/b@c");
        assert_eq!(presentable("/a@b?c#d"), "/a@b?c");
        assert_eq!(without_fragment("http://a/#x#y"), "http://a/");
    }

    #[test]
    fn a_login_is_not_shown_of_what_is_no_web_address_either() {
        for url in [
            "ftp://u:secret@h/x",
            "http//u:secret@h/x",
            "http:/u:secret@h/x",
            "http:///u:secret@h/x",
            "http:\\\\u:secret@h/x",
            "u:secret@h/x",
            "http://u:se/cret@h/x",
            "http://u:se?cret@h/x",
            "http://u:se#cret@h/x#f",
        ] {
            let shown = presentable(url);
            assert!(shown.ends_with("h/x") && !shown.contains("se") && !shown.contains("cret"), "{shown}");
        }
    }

    proptest::proptest! {
        /// Whatever is resolved to something is resolved to a web address, and itself again.
        #[test]
        fn any_reference_resolves_to_a_web_address_or_to_nothing(reference in "[a:/?#@. %\u{20ac}]{0,24}") {
            if let Some(url) = resolve(Some("http://u:p@a:1/b/c?d#e"), &reference) {
                proptest::prop_assert!(is_http(&url));
                proptest::prop_assert_eq!(resolve(None, &url), Some(url.clone()));
                proptest::prop_assert!(!presentable(&url).contains('#'));
            }
        }
    }
}
