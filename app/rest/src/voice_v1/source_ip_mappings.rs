//! `/v1/SourceIpMappings`

use ringway_engine::calls::CallControl;
use ringway_model::sid::{DomainSid, IpRecordSid, SourceIpMappingSid};
use ringway_store::{SaveSourceIpMappingError, SourceIpMapping};

use super::{date, not_one};
use crate::error::{Code, Fault};
use crate::page::Listing;
use crate::parameters::{Sent, parameters};
use crate::reply::{Created, Deleted, Found, Listed};
use crate::representation::{Kind, Property, Represent, Shape, property, text};
use crate::request::Request;
use crate::rules::{self, required};
use crate::tree::{Group, Scope, Tree};

const RECORD: &str = "an IP record of this account";
const DOMAIN: &str = "a SIP domain of this account";

static GROUP: Group = Group {
    name: "Source IP mappings",
    about: "Which SIP domain calls belong to that come from the address of an IP record.",
    is_administrative: false,
};

pub(super) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    tree.at(&GROUP, Scope::Product, "/SourceIpMappings")
        .get("ListSourceIpMapping", "Lists the mappings, newest first.", list)
        .post("CreateSourceIpMapping", "Maps an IP record to a domain.", create);
    tree.at(&GROUP, Scope::Product, "/SourceIpMappings/{Sid}")
        .get("FetchSourceIpMapping", "Shows a mapping.", fetch)
        .post("UpdateSourceIpMapping", "Maps the IP record to another domain.", update)
        .delete("DeleteSourceIpMapping", "Ends a mapping.", delete);
}

parameters! {
    struct From {
        /// The IP record, of this account.
        ip_record_sid: IpRecordSid = "IpRecordSid", required(
            rules::sid::<IpRecordSid>(Code::InvalidParameter, RECORD),
            Code::InvalidParameter,
        );
    }
}

parameters! {
    struct To {
        /// The SIP domain, of this account.
        sip_domain_sid: DomainSid = "SipDomainSid", required(
            rules::sid::<DomainSid>(Code::InvalidParameter, DOMAIN),
            Code::InvalidParameter,
        );
    }
}

async fn list<C: CallControl>(
    request: Request<C>,
    sent: Sent<Listing<()>>,
) -> Result<Listed<SourceIpMapping>, Fault> {
    let asked = sent.read()?;
    let page = request.store().source_ip_mappings(&request.account.sid, &asked.query)?;
    Ok(asked.of(page))
}

async fn create<C: CallControl>(
    request: Request<C>,
    sent: Sent<(From, To)>,
) -> Result<Created<SourceIpMapping>, Fault> {
    let (From { ip_record_sid: record }, To { sip_domain_sid: domain }) = sent.read()?;
    let created = request.store().create_source_ip_mapping(request.account.sid, record, domain).await;
    Ok(Created(created.map_err(explain)?))
}

async fn fetch<C: CallControl>(
    request: Request<C>,
    sid: SourceIpMappingSid,
) -> Result<Found<SourceIpMapping>, Fault> {
    find(&request, &sid).map(Found)
}

async fn update<C: CallControl>(
    request: Request<C>,
    sid: SourceIpMappingSid,
    sent: Sent<To>,
) -> Result<Found<SourceIpMapping>, Fault> {
    find(&request, &sid)?;
    let To { sip_domain_sid: domain } = sent.read()?;
    let updated = request.store().update_source_ip_mapping(request.account.sid, sid, domain).await;
    Ok(Found(updated.map_err(explain)?.ok_or_else(Fault::not_found)?))
}

async fn delete<C: CallControl>(request: Request<C>, sid: SourceIpMappingSid) -> Result<Deleted, Fault> {
    Deleted::if_so(request.store().delete_source_ip_mapping(request.account.sid, sid).await?)
}

fn find<C>(request: &Request<C>, sid: &SourceIpMappingSid) -> Result<SourceIpMapping, Fault> {
    request.store().source_ip_mapping(&request.account.sid, sid)?.ok_or_else(Fault::not_found)
}

fn explain(error: SaveSourceIpMappingError) -> Fault {
    match error {
        SaveSourceIpMappingError::NoSuchIpRecord => not_one("IpRecordSid", RECORD),
        SaveSourceIpMappingError::NoSuchDomain => not_one("SipDomainSid", DOMAIN),
        SaveSourceIpMappingError::AlreadyMapped => {
            Fault::because(Code::Conflict, "IpRecordSid is mapped to a domain already")
        }
        SaveSourceIpMappingError::Store(error) => error.into(),
    }
}

impl Represent for SourceIpMapping {
    const SHAPE: Shape = Shape {
        name: "SourceIpMapping",
        key: "source_ip_mappings",
        element: "SourceIpMapping",
        elements: "SourceIpMappings",
        xml_first: &[],
    };
    const PROPERTIES: &'static [Property<Self>] = &[
        property("sid", Kind::Sid("IB"), "What it is called in paths.", |mapping: &Self, _| {
            text(mapping.sid)
        }),
        property("ip_record_sid", Kind::Sid("IL"), "The IP record.", |mapping: &Self, _| {
            text(mapping.ip_record_sid)
        }),
        property("sip_domain_sid", Kind::Sid("SD"), "The SIP domain.", |mapping: &Self, _| {
            text(mapping.sip_domain_sid)
        }),
        property("date_created", Kind::Iso8601, "When it was made.", |mapping: &Self, _| {
            date(mapping.created)
        }),
        property("date_updated", Kind::Iso8601, "When it was last changed.", |mapping: &Self, _| {
            date(mapping.updated)
        }),
        property("url", Kind::Uri, "Where it is.", |mapping: &Self, place| {
            place.url(&format!("/SourceIpMappings/{}", mapping.sid)).into()
        }),
    ];
}
