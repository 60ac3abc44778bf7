//! `/2010-04-01/Accounts/{AC}/SIP/Domains/{SD}/Registrations`: the phones that are registered now. A resource of
//! our own; the hosted service shows them nowhere. Registrations live in memory and not in the store, so a page
//! is cut out of the list of their SIDs, whose order is the order in which they came.

use ringway_model::sid::{DomainSid, RegistrationSid};
use ringway_sip::registrar::{Binding, Listed};
use ringway_store::{ListError, Page, PageQuery, PageToken};

use crate::error::Fault;
use crate::reply::Reply;
use crate::representation::{Field, Shape, Value, text};
use crate::request::{Place, Request, Verb};
use crate::v2010::API_VERSION;

const SHAPE: Shape = Shape {
    key: "registrations",
    element: "SipRegistration",
    elements: "SipRegistrations",
    xml_first: &["sid", "account_sid", "domain_sid", "user", "contact"],
};

pub(super) fn dispatch<C>(request: &Request<C>, domain: &DomainSid, path: &[&str]) -> Result<Reply, Fault> {
    request.store().domain(&request.account.sid, domain)?.ok_or_else(Fault::not_found)?;
    let [sid] = path else {
        return match (path, request.verb) {
            ([], Verb::Get) => list(request, domain),
            ([], _) => Err(Fault::wrong_verb("GET")),
            _ => Err(Fault::not_found()),
        };
    };
    let sid: RegistrationSid = sid.parse().map_err(|_| Fault::not_found())?;
    match request.verb {
        Verb::Get => fetch(request, domain, &sid),
        Verb::Delete => delete(request, domain, &sid),
        _ => Err(Fault::wrong_verb("GET, DELETE")),
    }
}

fn list<C>(request: &Request<C>, domain: &DomainSid) -> Result<Reply, Fault> {
    let query = request.page()?;
    let registrations = &request.app.registrations;
    let (listed, has_next) = cut(&registrations.of_domain(domain), &query)?;
    let rows = listed.iter().filter_map(|listed| registrations.get(listed)).collect();
    let page = Page { rows, page: query.page, size: query.size, has_next };
    let describe = |row: &(String, Binding), place: &Place| describe(request, domain, row, place);
    Ok(request.place.page(&SHAPE, &path(domain), (&query, &[]), &page, describe))
}

fn fetch<C>(request: &Request<C>, domain: &DomainSid, sid: &RegistrationSid) -> Result<Reply, Fault> {
    let found = request.app.registrations.find(domain, sid).ok_or_else(Fault::not_found)?;
    Ok(Reply::Found(&SHAPE, describe(request, domain, &found, &request.place)))
}

fn delete<C>(request: &Request<C>, domain: &DomainSid, sid: &RegistrationSid) -> Result<Reply, Fault> {
    match request.app.registrations.remove(domain, sid) {
        true => Ok(Reply::Deleted),
        false => Err(Fault::not_found()),
    }
}

fn path(domain: &DomainSid) -> String {
    format!("/SIP/Domains/{domain}/Registrations")
}

/// The part of a list, greatest SID first, that a query asks for, and whether there is more. What a token names
/// may have ended meanwhile.
fn cut(listed: &[Listed], query: &PageQuery) -> Result<(Vec<Listed>, bool), ListError> {
    let size = query.size as usize;
    let behind = |sid: &str, inclusive: bool| -> Result<usize, ListError> {
        let sid: RegistrationSid = sid.parse().map_err(|_| ListError::UnknownPageToken)?;
        Ok(listed.partition_point(|listed| listed.sid > sid || (inclusive && listed.sid == sid)))
    };
    let (start, end) = match &query.token {
        None => {
            let start = (query.page as usize).saturating_mul(size).min(listed.len());
            (start, start.saturating_add(size).min(listed.len()))
        }
        Some(PageToken::After(sid)) => {
            let start = behind(sid, true)?;
            (start, start.saturating_add(size).min(listed.len()))
        }
        Some(PageToken::Before(sid)) => {
            let end = behind(sid, false)?;
            (end.saturating_sub(size), end)
        }
    };
    Ok((listed[start..end].to_vec(), end < listed.len()))
}

fn describe<C>(
    request: &Request<C>,
    domain: &DomainSid,
    (user, binding): &(String, Binding),
    place: &Place,
) -> Vec<Field> {
    let uri = place.uri(&format!("{}/{}", path(domain), binding.sid));
    let remote = binding.target.remote;
    vec![
        ("account_sid", text(request.account.sid)),
        ("api_version", API_VERSION.into()),
        ("contact", binding.contact.clone().into()),
        ("date_created", binding.registered.into()),
        ("date_expires", binding.expires.into()),
        ("date_updated", binding.seen.into()),
        ("domain_sid", text(domain)),
        ("path", Value::List(binding.path.iter().cloned().map(Value::from).collect())),
        ("q", text(f64::from(binding.q_thousandths) / 1000.0)),
        ("sid", text(binding.sid)),
        ("source_ip", text(remote.ip().to_canonical())),
        ("source_port", Value::Integer(remote.port().into())),
        ("transport", binding.target.transport.via_name().into()),
        ("uri", uri.into()),
        ("user", user.clone().into()),
        ("user_agent", binding.user_agent.clone().into()),
    ]
}
