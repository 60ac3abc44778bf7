//! The lists that guard a domain: three sets behind five paths (contract, rest.md 1). The legacy paths
//! and those below `Auth/Calls` are two doors to the same sets, which show the same mapping differently.

mod door;

use std::marker::PhantomData;

use ringway_engine::calls::CallControl;
use ringway_model::sid::DomainSid;
use ringway_store::{CreateMappingError, Mapping};

use super::GROUP;
use super::fetch::find;
use crate::error::{Code, Fault};
use crate::page::Listing;
use crate::parameters::Sent;
use crate::reply::{Created, Deleted, Listed, Row};
use crate::representation::{Kind, Personal, Property, Represent, Shape, property, text};
use crate::request::Request;
use crate::tree::{Scope, Tree};
use door::{CallsAddresses, CallsCredentials, Door, LegacyAddresses, LegacyCredentials, Registrations};

pub(super) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    grow_door::<C, LegacyAddresses>(tree);
    grow_door::<C, LegacyCredentials>(tree);
    grow_door::<C, CallsAddresses>(tree);
    grow_door::<C, CallsCredentials>(tree);
    grow_door::<C, Registrations>(tree);
}

fn grow_door<C: CallControl, D: Door>(tree: &mut Tree<C>) {
    let [list_id, create_id, fetch_id, delete_id] = D::IDS;
    let path = format!("/SIP/Domains/{{DomainSid}}/{}", D::PATH);
    tree.at(&GROUP, Scope::BelowAccount, &path)
        .get(list_id, "Lists the lists that are mapped to a domain, newest first.", list::<C, D>)
        .post(create_id, "Maps a list to a domain.", create::<C, D>);
    tree.at(&GROUP, Scope::BelowAccount, &format!("{path}/{{Sid}}"))
        .get(fetch_id, "Shows a list that is mapped to a domain.", fetch::<C, D>)
        .delete(delete_id, "Ends the mapping of a list to a domain.", delete::<C, D>);
}

async fn list<C: CallControl, D: Door>(
    request: Request<C>,
    domain: DomainSid,
    sent: Sent<Listing<()>>,
) -> Result<Listed<Mapped<D>>, Fault> {
    let asked = sent.read()?;
    let found = request.store().mappings(&request.account.sid, &domain, D::KIND, &asked.query)?;
    let page = found.ok_or_else(Fault::not_found)?;
    Ok(asked.of(page.map(Mapped::new)))
}

async fn create<C: CallControl, D: Door>(
    request: Request<C>,
    domain: DomainSid,
    sent: Sent<D::Parameters>,
) -> Result<Created<Mapped<D>>, Fault> {
    find(&request, &domain)?;
    let list = sent.read()?.into();
    let mapped = request.store().create_mapping(request.account.sid, domain, D::KIND, list).await;
    let mapping = mapped.map_err(|error| explain(error, D::PARAMETER))?;
    Ok(Created(Mapped::new(mapping.ok_or_else(Fault::not_found)?)))
}

async fn fetch<C: CallControl, D: Door>(
    request: Request<C>,
    domain: DomainSid,
    list: D::List,
) -> Result<Row<Mapped<D>>, Fault> {
    let found = request.store().mapping(&request.account.sid, &domain, D::KIND, &D::list_sid(list))?;
    Ok(Row(Mapped::new(found.ok_or_else(Fault::not_found)?)))
}

async fn delete<C: CallControl, D: Door>(
    request: Request<C>,
    domain: DomainSid,
    list: D::List,
) -> Result<Deleted, Fault> {
    let deleted = request.store().delete_mapping(request.account.sid, domain, D::KIND, D::list_sid(list));
    Deleted::if_so(deleted.await?)
}

fn explain(error: CreateMappingError, name: &str) -> Fault {
    match error {
        CreateMappingError::NoSuchList => {
            let sentence = format!("{name} must be the SID of a list of this account");
            Fault::because(Code::DomainValidation, sentence)
        }
        CreateMappingError::AlreadyMapped => {
            let sentence = format!("{name} is already associated with the domain");
            Fault::because(Code::DomainValidation, sentence)
        }
        CreateMappingError::Store(error) => error.into(),
    }
}

/// A mapping, as the door `D` shows it.
struct Mapped<D> {
    mapping: Mapping,
    door: PhantomData<fn() -> D>,
}

impl<D> Mapped<D> {
    fn new(mapping: Mapping) -> Self {
        Self { mapping, door: PhantomData }
    }
}

/// The fields of a mapping; the legacy ones also say where they are.
macro_rules! properties {
    ([$($domain:expr)?], [$($uri:expr)?]) => {
        &[
            property("account_sid", Kind::Sid("AC"), "Whose it is.", |it: &Self, _| text(it.mapping.account_sid)),
            property("date_created", Kind::Rfc2822, "When it was made.", |it: &Self, _| it.mapping.created.into()),
            property("date_updated", Kind::Rfc2822, "When it was last changed.", |it: &Self, _| {
                it.mapping.updated.into()
            }),
            property("friendly_name", Kind::Text, "The name of the list.", |it: &Self, _| {
                it.mapping.friendly_name.clone().into()
            })
            .personal(Personal::AT_ONCE),
            $($domain,)?
            property("sid", Kind::Sid(D::PREFIX), "The SID of the list.", |it: &Self, _| text(it.mapping.list_sid)),
            $($uri,)?
        ]
    };
}

impl<D: Door> Represent for Mapped<D> {
    const SHAPE: Shape = D::SHAPE;
    const PROPERTIES: &'static [Property<Self>] = match D::IS_LEGACY {
        false => properties!([], []),
        true => properties!(
            [property("domain_sid", Kind::Sid("SD"), "The domain.", |it: &Self, _| text(
                it.mapping.domain_sid
            ))],
            [property("uri", Kind::Uri, "Where it is.", |it: &Self, place| {
                let Mapping { account_sid, domain_sid, list_sid, .. } = &it.mapping;
                place.uri(account_sid, &format!("/SIP/Domains/{domain_sid}/{}/{list_sid}", D::PATH)).into()
            })]
        ),
    };
}
