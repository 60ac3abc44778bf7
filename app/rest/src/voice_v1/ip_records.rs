//! `/v1/IpRecords`

use ringway_model::sid::IpRecordSid;
use ringway_store::IpRecord;

use super::{Request, date, deleted, instance_verbs, list_verbs, parameters};
use crate::error::{Code, Fault};
use crate::reply::Reply;
use crate::representation::{Field, Shape, text};
use crate::request::Verb;
use crate::rules;

const SHAPE: Shape = Shape { key: "ip_records", element: "IpRecord", elements: "IpRecords", xml_first: &[] };

pub(super) async fn dispatch<C>(request: &Request<'_, C>, path: &[&str]) -> Result<Reply, Fault> {
    match (path, request.verb()) {
        ([], Verb::Get) => list(request),
        ([], Verb::Post) => create(request).await,
        ([], _) => Err(list_verbs()),
        ([sid], verb) => {
            let sid: IpRecordSid = sid.parse().map_err(|_| Fault::not_found())?;
            match verb {
                Verb::Get => fetch(request, &sid),
                Verb::Post => update(request, sid).await,
                Verb::Delete => deleted(request.store().delete_ip_record(request.account(), sid).await),
                Verb::Other => Err(instance_verbs()),
            }
        }
        _ => Err(Fault::not_found()),
    }
}

fn list<C>(request: &Request<'_, C>) -> Result<Reply, Fault> {
    let query = request.page()?;
    let page = request.store().ip_records(&request.account(), &query)?;
    Ok(request.listed(SHAPE.key, "/IpRecords", &query, &page, describe))
}

async fn create<C>(request: &Request<'_, C>) -> Result<Reply, Fault> {
    let form = request.form();
    let prefix = rules::cidr_prefix_length(form)?.unwrap_or(32);
    let name = parameters::friendly_name(form)?;
    let missing = || Fault::because(Code::AddressValidation, "IpAddress is required");
    let address = rules::ip_address(form)?.ok_or_else(missing)?;
    let record = request.store().create_ip_record(request.account(), name, address, prefix).await?;
    Ok(Reply::Created(&SHAPE, describe(request, &record)))
}

fn fetch<C>(request: &Request<'_, C>, sid: &IpRecordSid) -> Result<Reply, Fault> {
    let record = request.store().ip_record(&request.account(), sid)?.ok_or_else(Fault::not_found)?;
    Ok(Reply::Found(&SHAPE, describe(request, &record)))
}

/// Only the name can be changed.
async fn update<C>(request: &Request<'_, C>, sid: IpRecordSid) -> Result<Reply, Fault> {
    let name = parameters::friendly_name(request.form())?;
    let updated = request.store().update_ip_record(request.account(), sid, name).await?;
    let record = updated.ok_or_else(Fault::not_found)?;
    Ok(Reply::Found(&SHAPE, describe(request, &record)))
}

fn describe<C>(request: &Request<'_, C>, record: &IpRecord) -> Vec<Field> {
    vec![
        ("account_sid", text(record.account_sid)),
        ("sid", text(record.sid)),
        ("friendly_name", record.friendly_name.clone().into()),
        ("ip_address", text(record.ip_address)),
        ("cidr_prefix_length", record.cidr_prefix_length.into()),
        ("date_created", date(record.created)),
        ("date_updated", date(record.updated)),
        ("url", request.url(&format!("/IpRecords/{}", record.sid)).into()),
    ]
}
