//! Where to go next: the parameters' place in a request, and what a redirect makes of it.

use http::HeaderMap;
use http::header::LOCATION;
use url::{Url, form_urlencoded};

use crate::fault::Fault;
use crate::target::Target;
use crate::types::Method;

/// Redirects beyond this many are 11215 (contract, runtime.md 1.4).
pub(crate) const REDIRECTS_MAX: usize = 10;

type Params = [(String, String)];

/// One request of the chain that redirects make.
#[derive(Debug, Clone)]
pub(crate) struct Hop {
    /// What is requested: with our parameters, when they are in the query.
    pub(crate) target: Target,
    /// The place as somebody wrote it, without our parameters: what is reported, and what relative URLs start
    /// from.
    pub(crate) place: Url,
    pub(crate) method: Method,
}

impl Hop {
    /// The first: parameters go into the form, or into the query behind what is there.
    pub(crate) fn first(mut target: Target, method: Method, params: &Params) -> Self {
        let place = target.url.clone();
        if !method.has_form() {
            append(&mut target.url, params.iter());
        }
        Self { target, place, method }
    }

    /// The parameters of the form; none when they are in the query.
    pub(crate) fn form<'p>(&self, params: &'p Params) -> &'p Params {
        if self.method.has_form() { params } else { &[] }
    }

    /// The next, when this status is a redirect. 301, 302 and 303 turn a form into a GET with the parameters
    /// in
    /// the query, as browsers and the hosted service do; 307 and 308 repeat the request.
    pub(crate) fn next(
        &self,
        status: u16,
        headers: &HeaderMap,
        params: &Params,
    ) -> Result<Option<Self>, Fault> {
        let repeats = matches!(status, 307 | 308);
        if !repeats && !matches!(status, 301..=303) {
            return Ok(None);
        }
        let location =
            headers.get(LOCATION).ok_or_else(|| Fault::BadRedirect("no Location header".to_owned()))?;
        let location = std::str::from_utf8(location.as_bytes())
            .map_err(|_| Fault::BadRedirect("its Location header is not text".to_owned()))?;
        let mut target = self.target.join(location)?;
        if target.login.is_none() && target.origin() == self.target.origin() {
            target.login.clone_from(&self.target.login);
        }
        let mut place = target.url.clone();
        if !self.method.has_form() {
            remove(&mut place, params);
        }
        let method = if self.method.has_form() && !repeats { Method::Get } else { self.method };
        if !method.has_form() {
            // Many servers carry the query over; those parameters are not said twice.
            let present: Vec<(String, String)> = target.url.query_pairs().into_owned().collect();
            append(&mut target.url, params.iter().filter(|param| !present.contains(param)));
        }
        Ok(Some(Self { target, place, method }))
    }
}

fn append<'p>(url: &mut Url, params: impl Iterator<Item = &'p (String, String)>) {
    let pairs =
        form_urlencoded::Serializer::new(String::new()).extend_pairs(params.map(|(k, v)| (k, v))).finish();
    let query = match url.query() {
        _ if pairs.is_empty() => return,
        Some(present) if !present.is_empty() => format!("{present}&{pairs}"),
        _ => pairs,
    };
    url.set_query(Some(&query));
}

/// Takes out of a query what a server carried over from ours; the rest stays as it was written.
fn remove(url: &mut Url, params: &Params) {
    let is_ours = |part: &&str| {
        let pair = form_urlencoded::parse(part.as_bytes()).next();
        pair.is_some_and(|(name, value)| params.iter().any(|(key, text)| *key == name && *text == value))
    };
    let Some(query) = url.query() else { return };
    let kept: Vec<&str> = query.split('&').filter(|part| !is_ours(part)).collect();
    let kept = Some(kept.join("&")).filter(|kept| !kept.is_empty());
    url.set_query(kept.as_deref());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(url: &str, method: Method) -> Hop {
        Hop::first(Target::parse(url).unwrap().0, method, &params())
    }

    fn params() -> Vec<(String, String)> {
        vec![("From".into(), "sip:a b@h".into()), ("To".into(), "+1".into())]
    }

    fn next(from: &Hop, status: u16, location: &str) -> Result<Option<Hop>, Fault> {
        let headers = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
        from.next(status, &headers, &params())
    }

    #[test]
    fn get_appends_to_the_query_that_is_there() {
        let get = hop("http://h.example/v?x=%20y", Method::Get);
        assert_eq!(get.target.to_string(), "http://h.example/v?x=%20y&From=sip%3Aa+b%40h&To=%2B1");
        assert!(get.form(&params()).is_empty());
        let post = hop("http://h.example/v?x=1", Method::Post);
        assert_eq!(post.target.to_string(), "http://h.example/v?x=1");
        assert_eq!(post.form(&params()).len(), 2);
    }

    #[test]
    fn a_form_becomes_a_get_unless_the_redirect_says_to_repeat_it() {
        let post = hop("http://h.example/v", Method::Post);
        for status in [301, 302, 303] {
            let next = next(&post, status, "/w?a=1").unwrap().unwrap();
            assert_eq!(next.method, Method::Get);
            assert_eq!(next.target.to_string(), "http://h.example/w?a=1&From=sip%3Aa+b%40h&To=%2B1");
        }
        for status in [307, 308] {
            let next = next(&post, status, "/w").unwrap().unwrap();
            assert_eq!((next.method, next.target.to_string().as_str()), (Method::Post, "http://h.example/w"));
        }
    }

    #[test]
    fn parameters_that_the_server_carried_over_are_not_said_twice() {
        let get = hop("http://h.example/v", Method::Get);
        let next = next(&get, 301, "https://h.example/v?From=sip%3Aa+b%40h&To=%2B1").unwrap().unwrap();
        assert_eq!(next.target.to_string(), "https://h.example/v?From=sip%3Aa+b%40h&To=%2B1");
        assert_eq!(next.place.as_str(), "https://h.example/v");
    }

    #[test]
    fn a_place_has_the_query_that_somebody_wrote() {
        let get = hop("http://h.example/v?x=%20y", Method::Get);
        assert_eq!(get.place.as_str(), "http://h.example/v?x=%20y");
        let carried = "/w?From=sip:a%20b@h&z=%20&&To=other&To=%2B1";
        assert_eq!(
            next(&get, 302, carried).unwrap().unwrap().place.as_str(),
            "http://h.example/w?z=%20&&To=other"
        );
        let post = hop("http://h.example/v", Method::Post);
        let own = next(&post, 302, "/w?To=%2B1").unwrap().unwrap();
        assert_eq!(own.place.as_str(), "http://h.example/w?To=%2B1", "a form is not carried over");
    }

    #[test]
    fn a_login_stays_with_its_origin() {
        let post = hop("http://u:p@h.example/v", Method::Post);
        assert!(next(&post, 307, "/w").unwrap().unwrap().target.login.is_some());
        assert!(next(&post, 307, "http://other.example/").unwrap().unwrap().target.login.is_none());
        assert!(next(&post, 307, "https://h.example/").unwrap().unwrap().target.login.is_none());
    }

    #[test]
    fn only_redirects_redirect_and_they_must_lead_somewhere() {
        let post = hop("http://h.example/v", Method::Post);
        for status in [200, 300, 304, 305, 404] {
            assert!(next(&post, status, "/w").unwrap().is_none(), "{status}");
        }
        assert_eq!(post.next(302, &HeaderMap::new(), &[]).unwrap_err().code(), 11216);
        assert_eq!(next(&post, 302, "javascript:x").unwrap_err().code(), 11216);
    }
}
