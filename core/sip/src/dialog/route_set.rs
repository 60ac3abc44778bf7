//! Route sets (RFC 3261 12.1, 12.2.1.1): which proxies the requests of a dialog visit.

use ringway_model::uri::UriRef;

use crate::message::{Message, Name, NameAddr};

/// Route values in the order in which requests visit them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RouteSet(Vec<String>);

/// Where a request of a dialog goes, as its headers say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan<'a> {
    pub(crate) request_uri: &'a str,
    pub(crate) routes: Vec<&'a str>,
    /// A strict router loses the remote target from the Request-URI; it travels as the last route.
    pub(crate) last_route: Option<String>,
    pub(crate) next_hop: &'a str,
}

impl RouteSet {
    pub(crate) fn preloaded(routes: Vec<String>) -> Self {
        Self(routes)
    }

    /// Of the side that was called: in the order of the request.
    pub(crate) fn of_request(request: &Message) -> Self {
        Self(request.headers(Name::RecordRoute).map(str::to_owned).collect())
    }

    /// Of the side that called: in the reverse order of the response.
    pub(crate) fn of_response(response: &Message) -> Self {
        let mut routes: Vec<String> = response.headers(Name::RecordRoute).map(str::to_owned).collect();
        routes.reverse();
        Self(routes)
    }

    pub(crate) fn plan<'a>(&'a self, remote_target: &'a str) -> Plan<'a> {
        let Some((first, rest)) = self.0.split_first() else {
            return Plan {
                request_uri: remote_target,
                routes: Vec::new(),
                last_route: None,
                next_hop: remote_target,
            };
        };
        let first_uri = uri_of(first);
        if is_loose(first_uri) {
            let routes = self.0.iter().map(String::as_str).collect();
            return Plan { request_uri: remote_target, routes, last_route: None, next_hop: first_uri };
        }
        Plan {
            request_uri: first_uri,
            routes: rest.iter().map(String::as_str).collect(),
            last_route: Some(format!("<{remote_target}>")),
            next_hop: first_uri,
        }
    }
}

fn is_loose(uri: &str) -> bool {
    UriRef::parse(uri).is_ok_and(|uri| uri.param("lr").is_some())
}

/// The URI of a `name-addr` or `addr-spec` header value.
pub(crate) fn uri_of(value: &str) -> &str {
    NameAddr::parse(value).map_or(value, |address| address.uri)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    const TARGET: &str = "sip:alice@192.0.2.1:5062";

    #[test]
    fn without_routes_requests_go_to_the_remote_target() {
        let plan = RouteSet::default();
        let plan = plan.plan(TARGET);
        assert_eq!((plan.request_uri, plan.next_hop, plan.routes.len()), (TARGET, TARGET, 0));
    }

    #[test]
    fn rfc3261_12_2_1_1_a_loose_router_leaves_the_request_uri_alone() {
        let routes =
            RouteSet::preloaded(vec!["<sip:p1.example.com;lr>".into(), "<sip:p2.example.com>".into()]);
        let plan = routes.plan(TARGET);
        assert_eq!(plan.request_uri, TARGET);
        assert_eq!(plan.routes, ["<sip:p1.example.com;lr>", "<sip:p2.example.com>"]);
        assert_eq!(plan.next_hop, "sip:p1.example.com;lr");
        assert_eq!(plan.last_route, None);
    }

    #[test]
    fn rfc3261_12_2_1_1_a_strict_router_gets_the_request_uri() {
        let routes =
            RouteSet::preloaded(vec!["<sip:p1.example.com>".into(), "<sip:p2.example.com;lr>".into()]);
        let plan = routes.plan(TARGET);
        assert_eq!(plan.request_uri, "sip:p1.example.com");
        assert_eq!(plan.routes, ["<sip:p2.example.com;lr>"]);
        assert_eq!(plan.last_route.as_deref(), Some("<sip:alice@192.0.2.1:5062>"));
        assert_eq!(plan.next_hop, "sip:p1.example.com");
    }
}
