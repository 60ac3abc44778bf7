//! `/2010-04-01/Accounts/{AC}/Keys`, and `SigningKeys`: the same keys under their older name (contract,
//! rest.md 2, 3).

use std::marker::PhantomData;

use ringway_engine::calls::CallControl;
use ringway_model::sid::KeySid;
use ringway_store::{Key, KeyKind, NewKey};

use crate::error::{Code, Fault};
use crate::page::Listing;
use crate::parameters::{Sent, parameters};
use crate::reply::{Created, Deleted, Found, Listed};
use crate::representation::{Kind, Personal, Property, Represent, Shape, property, text};
use crate::request::Request;
use crate::rules;
use crate::tree::{Group, Scope, Tree};

/// Contract, rest.md 0.3, 20002.
const FRIENDLY_NAME_MAX: usize = 64;

static GROUP: Group = Group {
    name: "Keys",
    about: "API keys: what programs prove themselves with in place of the auth token. The secret of a key is shown \
            once, by the reply that makes it.",
    is_administrative: true,
};

pub(super) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    tree.at(&GROUP, Scope::BelowAccount, "/Keys")
        .get("ListKey", "Lists the keys, newest first.", list::<C, Keys>)
        .post("CreateNewKey", "Makes a Standard key.", create::<C, Keys>);
    tree.at(&GROUP, Scope::BelowAccount, "/Keys/{Sid}")
        .get("FetchKey", "Shows a key without its secret.", fetch::<C, Keys>)
        .post("UpdateKey", "Renames a key.", update::<C, Keys>)
        .delete("DeleteKey", "Deletes a key, which ends what it could do.", delete);
    tree.at(&GROUP, Scope::BelowAccount, "/SigningKeys")
        .get("ListSigningKey", "Lists the keys, newest first.", list::<C, SigningKeys>)
        .post("CreateNewSigningKey", "Makes a Standard key.", create::<C, SigningKeys>);
    tree.at(&GROUP, Scope::BelowAccount, "/SigningKeys/{Sid}")
        .get("FetchSigningKey", "Shows a key without its secret.", fetch::<C, SigningKeys>)
        .post("UpdateSigningKey", "Renames a key.", update::<C, SigningKeys>)
        .delete("DeleteSigningKey", "Deletes a key, which ends what it could do.", delete);
}

/// One of the two names that keys go by.
trait Name: Send + 'static {
    const SHAPE: Shape;
    const SHAPE_OF_NEW: Shape;
}

struct Keys;
struct SigningKeys;

impl Name for Keys {
    const SHAPE: Shape = shape("Key", "keys", "Key", "Keys");
    const SHAPE_OF_NEW: Shape = shape("NewKey", "keys", "Key", "Keys");
}

impl Name for SigningKeys {
    const SHAPE: Shape = shape("SigningKey", "signing_keys", "SigningKey", "SigningKeys");
    const SHAPE_OF_NEW: Shape = shape("NewSigningKey", "signing_keys", "SigningKey", "SigningKeys");
}

const fn shape(
    name: &'static str,
    key: &'static str,
    element: &'static str,
    elements: &'static str,
) -> Shape {
    let xml_first = &["secret", "sid", "friendly_name", "date_created", "date_updated"];
    Shape { name, key, element, elements, xml_first }
}

parameters! {
    struct Changes {
        /// A text that describes the key.
        friendly_name: Option<String> =
            "FriendlyName", rules::text(0..=FRIENDLY_NAME_MAX, Code::InvalidFriendlyName);
    }
}

async fn list<C: CallControl, N: Name>(
    request: Request<C>,
    sent: Sent<Listing<()>>,
) -> Result<Listed<Shown<N>>, Fault> {
    let asked = sent.read()?;
    let page = request.store().keys(&request.account.sid, &asked.query)?;
    Ok(asked.of(page.map(Shown::new)))
}

/// Makes a Standard key; no other kind can be made here (contract, rest.md 3).
async fn create<C: CallControl, N: Name>(
    request: Request<C>,
    sent: Sent<Changes>,
) -> Result<Created<Made<N>>, Fault> {
    let friendly_name = sent.read()?.friendly_name.unwrap_or_default();
    let made = request.store().create_key(request.account.sid, friendly_name, KeyKind::Standard).await?;
    Ok(Created(Made { key: made, name: PhantomData }))
}

async fn fetch<C: CallControl, N: Name>(request: Request<C>, sid: KeySid) -> Result<Found<Shown<N>>, Fault> {
    let key = request.store().key(&request.account.sid, &sid)?.ok_or_else(Fault::not_found)?;
    Ok(Found(Shown::new(key)))
}

async fn update<C: CallControl, N: Name>(
    request: Request<C>,
    sid: KeySid,
    sent: Sent<Changes>,
) -> Result<Found<Shown<N>>, Fault> {
    let Some(friendly_name) = sent.read()?.friendly_name else { return fetch(request, sid).await };
    let updated = request.store().update_key(request.account.sid, sid, friendly_name).await?;
    Ok(Found(Shown::new(updated.ok_or_else(Fault::not_found)?)))
}

async fn delete<C: CallControl>(request: Request<C>, sid: KeySid) -> Result<Deleted, Fault> {
    Deleted::if_so(request.store().delete_key(request.account.sid, sid).await?)
}

/// The key as lists and fetches show it.
struct Shown<N> {
    key: Key,
    name: PhantomData<N>,
}

impl<N> Shown<N> {
    fn new(key: Key) -> Self {
        Self { key, name: PhantomData }
    }
}

impl<N: Name> Represent for Shown<N> {
    const SHAPE: Shape = N::SHAPE;
    const PROPERTIES: &'static [Property<Self>] = &[
        property(
            "sid",
            Kind::Sid("SK"),
            "What it is called in paths, and its user name.",
            |shown: &Self, _| text(shown.key.sid),
        ),
        property("friendly_name", Kind::Text, "A text that describes it.", |shown: &Self, _| {
            shown.key.friendly_name.clone().into()
        })
        .personal(Personal::STANDARD),
        property("date_created", Kind::Rfc2822, "When it was made.", |shown: &Self, _| {
            shown.key.created.into()
        }),
        property("date_updated", Kind::Rfc2822, "When it was last changed.", |shown: &Self, _| {
            shown.key.updated.into()
        }),
    ];
}

/// The key with the secret that is shown once.
struct Made<N> {
    key: NewKey,
    name: PhantomData<N>,
}

impl<N: Name> Represent for Made<N> {
    const SHAPE: Shape = N::SHAPE_OF_NEW;
    const PROPERTIES: &'static [Property<Self>] = &[
        property(
            "sid",
            Kind::Sid("SK"),
            "What it is called in paths, and its user name.",
            |made: &Self, _| text(made.key.key.sid),
        ),
        property("friendly_name", Kind::Text, "A text that describes it.", |made: &Self, _| {
            made.key.key.friendly_name.clone().into()
        })
        .personal(Personal::STANDARD),
        property("date_created", Kind::Rfc2822, "When it was made.", |made: &Self, _| {
            made.key.key.created.into()
        }),
        property("date_updated", Kind::Rfc2822, "When it was last changed.", |made: &Self, _| {
            made.key.key.updated.into()
        }),
        property("secret", Kind::Text, "Its password. It is not shown again.", |made: &Self, _| {
            made.key.secret.expose().to_owned().into()
        })
        .personal(Personal::SENSITIVE),
    ];
}
