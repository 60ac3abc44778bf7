//! `/2010-04-01/Accounts/{AC}/SIP/Domains/{SD}/Registrations`: the phones that are registered now. A resource of
//! our own; the hosted service shows them nowhere. Registrations live in memory and not in the store, so a page
//! is cut out of the list of their SIDs, whose order is the order in which they came.

use ringway_engine::calls::CallControl;
use ringway_model::sid::{AccountSid, DomainSid, RegistrationSid};
use ringway_sip::registrar::{Binding, Listed as Registered};
use ringway_store::{ListError, Page, PageQuery, PageToken};

use super::fetch::find;
use crate::error::Fault;
use crate::page::Listing;
use crate::parameters::Sent;
use crate::reply::{Deleted, Found, Listed};
use crate::representation::{Kind, Personal, Property, Represent, Shape, Value, property, text};
use crate::request::Request;
use crate::tree::{Group, Scope, Tree};
use crate::v2010::API_VERSION;

static GROUP: Group = Group {
    name: "Registrations",
    about: "The phones that are registered with a domain now.",
    is_administrative: false,
};

pub(super) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    tree.at(&GROUP, Scope::BelowAccount, "/SIP/Domains/{DomainSid}/Registrations").get(
        "ListSipRegistration",
        "Lists the registrations, newest first.",
        list,
    );
    tree.at(&GROUP, Scope::BelowAccount, "/SIP/Domains/{DomainSid}/Registrations/{Sid}")
        .get("FetchSipRegistration", "Shows a registration.", fetch)
        .delete("DeleteSipRegistration", "Ends a registration, until the phone registers again.", delete);
}

async fn list<C: CallControl>(
    request: Request<C>,
    domain: DomainSid,
    sent: Sent<Listing<()>>,
) -> Result<Listed<Registration>, Fault> {
    find(&request, &domain)?;
    let asked = sent.read()?;
    let registrations = &request.app.registrations;
    let (listed, has_next) = cut(&registrations.of_domain(&domain), &asked.query)?;
    let rows = listed.iter().filter_map(|listed| registrations.get(listed)).collect();
    let page = Page { rows, page: asked.query.page, size: asked.query.size, has_next };
    let account = request.account.sid;
    Ok(asked.of(page.map(|(user, binding)| Registration { account, domain, user, binding })))
}

async fn fetch<C: CallControl>(
    request: Request<C>,
    domain: DomainSid,
    sid: RegistrationSid,
) -> Result<Found<Registration>, Fault> {
    find(&request, &domain)?;
    let found = request.app.registrations.find(&domain, &sid);
    let (user, binding) = found.ok_or_else(Fault::not_found)?;
    Ok(Found(Registration { account: request.account.sid, domain, user, binding }))
}

async fn delete<C: CallControl>(
    request: Request<C>,
    domain: DomainSid,
    sid: RegistrationSid,
) -> Result<Deleted, Fault> {
    find(&request, &domain)?;
    Deleted::if_so(request.app.registrations.remove(&domain, &sid))
}

/// The part of a list, greatest SID first, that a query asks for, and whether there is more. What a token names
/// may have ended meanwhile.
fn cut(listed: &[Registered], query: &PageQuery) -> Result<(Vec<Registered>, bool), ListError> {
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

/// Where a user of a domain is.
struct Registration {
    account: AccountSid,
    domain: DomainSid,
    user: String,
    binding: Binding,
}

impl Represent for Registration {
    const SHAPE: Shape = Shape {
        name: "SipRegistration",
        key: "registrations",
        element: "SipRegistration",
        elements: "SipRegistrations",
        xml_first: &["sid", "account_sid", "domain_sid", "user", "contact"],
    };
    const PROPERTIES: &'static [Property<Self>] = &[
        property("account_sid", Kind::Sid("AC"), "Whose it is.", |it: &Self, _| text(it.account)),
        property("api_version", Kind::Text, "The version of the API.", |_, _| API_VERSION.into()),
        property("contact", Kind::Text, "Where the phone says it is.", |it: &Self, _| {
            it.binding.contact.clone().into()
        })
        .personal(Personal::STANDARD),
        property("date_created", Kind::Rfc2822, "When it came.", |it: &Self, _| it.binding.registered.into()),
        property("date_expires", Kind::Rfc2822, "When it ends.", |it: &Self, _| it.binding.expires.into()),
        property("date_updated", Kind::Rfc2822, "When it was last refreshed.", |it: &Self, _| {
            it.binding.seen.into()
        }),
        property("domain_sid", Kind::Sid("SD"), "The domain.", |it: &Self, _| text(it.domain)),
        property("path", Kind::ListOf(&Kind::Text), "The proxies on the way to it.", |it: &Self, _| {
            Value::List(it.binding.path.iter().cloned().map(Value::from).collect())
        }),
        property("q", Kind::Decimal, "How much it is preferred, from 0 to 1.", |it: &Self, _| {
            text(f64::from(it.binding.q_thousandths) / 1000.0)
        }),
        property("sid", Kind::Sid(RegistrationSid::PREFIX), "What it is called in paths.", |it: &Self, _| {
            text(it.binding.sid)
        }),
        property("source_ip", Kind::IpAddress, "Where it came from.", |it: &Self, _| {
            text(it.binding.target.remote.ip().to_canonical())
        })
        .personal(Personal::STANDARD),
        property("source_port", Kind::Integer, "The port there.", |it: &Self, _| {
            Value::Integer(it.binding.target.remote.port().into())
        }),
        property("transport", Kind::Text, "How it came, as UDP.", |it: &Self, _| {
            it.binding.target.transport.via_name().into()
        }),
        property("uri", Kind::Uri, "Where it is.", |it: &Self, place| {
            let path = format!("/SIP/Domains/{}/Registrations/{}", it.domain, it.binding.sid);
            place.uri(&it.account, &path).into()
        }),
        property("user", Kind::Text, "The user of the phone.", |it: &Self, _| it.user.clone().into())
            .personal(Personal::STANDARD),
        property("user_agent", Kind::Text, "What the phone calls itself.", |it: &Self, _| {
            it.binding.user_agent.clone().into()
        })
        .nullable(),
    ];
}
