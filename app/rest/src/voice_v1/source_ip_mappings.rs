//! `/v1/SourceIpMappings`

use ringway_model::sid::SourceIpMappingSid;
use ringway_store::{SaveSourceIpMappingError, SourceIpMapping};

use super::{Request, date, deleted, instance_verbs, list_verbs, parameters};
use crate::error::{Code, Fault};
use crate::reply::Reply;
use crate::representation::{Field, Shape, text};
use crate::request::Verb;

const SHAPE: Shape = Shape {
    key: "source_ip_mappings",
    element: "SourceIpMapping",
    elements: "SourceIpMappings",
    xml_first: &[],
};
const RECORD: (&str, &str) = ("IpRecordSid", "an IP record");
const DOMAIN: (&str, &str) = ("SipDomainSid", "a SIP domain");

pub(super) async fn dispatch<C>(request: &Request<'_, C>, path: &[&str]) -> Result<Reply, Fault> {
    match (path, request.verb()) {
        ([], Verb::Get) => list(request),
        ([], Verb::Post) => create(request).await,
        ([], _) => Err(list_verbs()),
        ([sid], verb) => {
            let sid: SourceIpMappingSid = sid.parse().map_err(|_| Fault::not_found())?;
            match verb {
                Verb::Get => fetch(request, &sid),
                Verb::Post => update(request, sid).await,
                Verb::Delete => {
                    deleted(Ok(request.store().delete_source_ip_mapping(request.account(), sid).await?))
                }
                Verb::Other => Err(instance_verbs()),
            }
        }
        _ => Err(Fault::not_found()),
    }
}

fn list<C>(request: &Request<'_, C>) -> Result<Reply, Fault> {
    let query = request.page()?;
    let page = request.store().source_ip_mappings(&request.account(), &query)?;
    Ok(request.listed(SHAPE.key, "/SourceIpMappings", &query, &page, describe))
}

async fn create<C>(request: &Request<'_, C>) -> Result<Reply, Fault> {
    let record = parameters::required_sid(request.form(), RECORD.0, RECORD.1)?;
    let domain = parameters::required_sid(request.form(), DOMAIN.0, DOMAIN.1)?;
    let created = request.store().create_source_ip_mapping(request.account(), record, domain).await;
    Ok(Reply::Created(&SHAPE, describe(request, &created.map_err(explain)?)))
}

fn fetch<C>(request: &Request<'_, C>, sid: &SourceIpMappingSid) -> Result<Reply, Fault> {
    let mapping = request.store().source_ip_mapping(&request.account(), sid)?.ok_or_else(Fault::not_found)?;
    Ok(Reply::Found(&SHAPE, describe(request, &mapping)))
}

async fn update<C>(request: &Request<'_, C>, sid: SourceIpMappingSid) -> Result<Reply, Fault> {
    let account = request.account();
    request.store().source_ip_mapping(&account, &sid)?.ok_or_else(Fault::not_found)?;
    let domain = parameters::required_sid(request.form(), DOMAIN.0, DOMAIN.1)?;
    let updated = request.store().update_source_ip_mapping(account, sid, domain).await;
    let mapping = updated.map_err(explain)?.ok_or_else(Fault::not_found)?;
    Ok(Reply::Found(&SHAPE, describe(request, &mapping)))
}

fn explain(error: SaveSourceIpMappingError) -> Fault {
    match error {
        SaveSourceIpMappingError::NoSuchIpRecord => parameters::not_one(RECORD.0, RECORD.1),
        SaveSourceIpMappingError::NoSuchDomain => parameters::not_one(DOMAIN.0, DOMAIN.1),
        SaveSourceIpMappingError::AlreadyMapped => {
            Fault::because(Code::Conflict, "IpRecordSid is mapped to a domain already")
        }
        SaveSourceIpMappingError::Store(error) => error.into(),
    }
}

fn describe<C>(request: &Request<'_, C>, mapping: &SourceIpMapping) -> Vec<Field> {
    vec![
        ("sid", text(mapping.sid)),
        ("ip_record_sid", text(mapping.ip_record_sid)),
        ("sip_domain_sid", text(mapping.sip_domain_sid)),
        ("date_created", date(mapping.created)),
        ("date_updated", date(mapping.updated)),
        ("url", request.url(&format!("/SourceIpMappings/{}", mapping.sid)).into()),
    ]
}
