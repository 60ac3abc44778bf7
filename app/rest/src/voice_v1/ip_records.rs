//! `/v1/IpRecords`

use std::net::Ipv4Addr;

use ringway_engine::calls::CallControl;
use ringway_model::sid::IpRecordSid;
use ringway_store::IpRecord;

use super::{date, deleted, friendly_name};
use crate::error::{Code, Fault};
use crate::page::Listing;
use crate::parameters::{Sent, parameters};
use crate::reply::{Created, Deleted, Found, Listed};
use crate::representation::{Kind, Personal, Property, Represent, Shape, property, text};
use crate::request::Request;
use crate::rules::{self, required};
use crate::tree::{Group, Scope, Tree};

const WHOLE_ADDRESS: u8 = 32;

static GROUP: Group = Group {
    name: "IP records",
    about: "Addresses that carriers call from, for source IP mappings.",
    is_administrative: false,
};

pub(super) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    tree.at(&GROUP, Scope::Product, "/IpRecords")
        .get("ListIpRecord", "Lists the records, newest first.", list)
        .post("CreateIpRecord", "Adds an address, or a range of them.", create);
    tree.at(&GROUP, Scope::Product, "/IpRecords/{Sid}")
        .get("FetchIpRecord", "Shows a record.", fetch)
        .post("UpdateIpRecord", "Renames a record; nothing else of it can be changed.", update)
        .delete("DeleteIpRecord", "Deletes a record that is not mapped.", delete);
}

parameters! {
    struct New {
        /// How many bits of the address count; 32 unless given.
        cidr_prefix_length: Option<u8> = "CidrPrefixLength", rules::cidr_prefix_length();
        /// A text that describes the record.
        friendly_name: Option<String> = "FriendlyName", friendly_name();
        /// The address.
        ip_address: Ipv4Addr = "IpAddress", required(rules::ip_address(), Code::AddressValidation);
    }
}

parameters! {
    struct Name {
        /// A text that describes the record.
        friendly_name: Option<String> = "FriendlyName", friendly_name();
    }
}

async fn list<C: CallControl>(
    request: Request<C>,
    sent: Sent<Listing<()>>,
) -> Result<Listed<IpRecord>, Fault> {
    let asked = sent.read()?;
    let page = request.store().ip_records(&request.account.sid, &asked.query)?;
    Ok(asked.of(page))
}

async fn create<C: CallControl>(request: Request<C>, sent: Sent<New>) -> Result<Created<IpRecord>, Fault> {
    let New { cidr_prefix_length, friendly_name, ip_address } = sent.read()?;
    let (account, prefix) = (request.account.sid, cidr_prefix_length.unwrap_or(WHOLE_ADDRESS));
    Ok(Created(request.store().create_ip_record(account, friendly_name, ip_address, prefix).await?))
}

async fn fetch<C: CallControl>(request: Request<C>, sid: IpRecordSid) -> Result<Found<IpRecord>, Fault> {
    find(&request, &sid).map(Found)
}

async fn update<C: CallControl>(
    request: Request<C>,
    sid: IpRecordSid,
    sent: Sent<Name>,
) -> Result<Found<IpRecord>, Fault> {
    find(&request, &sid)?;
    let Name { friendly_name } = sent.read()?;
    let updated = request.store().update_ip_record(request.account.sid, sid, friendly_name).await?;
    Ok(Found(updated.ok_or_else(Fault::not_found)?))
}

async fn delete<C: CallControl>(request: Request<C>, sid: IpRecordSid) -> Result<Deleted, Fault> {
    deleted(request.store().delete_ip_record(request.account.sid, sid).await)
}

fn find<C>(request: &Request<C>, sid: &IpRecordSid) -> Result<IpRecord, Fault> {
    request.store().ip_record(&request.account.sid, sid)?.ok_or_else(Fault::not_found)
}

impl Represent for IpRecord {
    const SHAPE: Shape = Shape {
        name: "IpRecord",
        key: "ip_records",
        element: "IpRecord",
        elements: "IpRecords",
        xml_first: &[],
    };
    const PROPERTIES: &'static [Property<Self>] = &[
        property("account_sid", Kind::Sid("AC"), "Whose it is.", |record: &Self, _| text(record.account_sid)),
        property("sid", Kind::Sid("IL"), "What it is called in paths.", |record: &Self, _| text(record.sid)),
        property("friendly_name", Kind::Text, "A text that describes it.", |record: &Self, _| {
            record.friendly_name.clone().into()
        })
        .nullable(),
        property("ip_address", Kind::Ipv4, "The address.", |record: &Self, _| text(record.ip_address))
            .personal(Personal::STANDARD),
        property("cidr_prefix_length", Kind::Integer, "How many of its bits count.", |record: &Self, _| {
            record.cidr_prefix_length.into()
        }),
        property("date_created", Kind::Iso8601, "When it was made.", |record: &Self, _| date(record.created)),
        property("date_updated", Kind::Iso8601, "When it was last changed.", |record: &Self, _| {
            date(record.updated)
        }),
        property("url", Kind::Uri, "Where it is.", |record: &Self, place| {
            place.url(&format!("/IpRecords/{}", record.sid)).into()
        }),
    ];
}
