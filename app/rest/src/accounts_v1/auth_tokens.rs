//! `/v1/AuthTokens/Secondary` makes and revokes a second token, `/v1/AuthTokens/Promote` puts it in the place
//! of the first.

use ringway_engine::calls::CallControl;
use ringway_store::{Account, CreateSecondaryTokenError};

use crate::error::{Code, Fault};
use crate::reply::{Created, Deleted, Found};
use crate::representation::{Kind, Personal, Property, Represent, Shape, property, text};
use crate::request::Request;
use crate::tree::{Group, Scope, Tree};

static GROUP: Group = Group {
    name: "Auth tokens",
    about: "A second token beside the first one, and its promotion: how a token is changed without a gap.",
    is_administrative: true,
};

pub(super) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    tree.at(&GROUP, Scope::Product, "/AuthTokens/Secondary")
        .post("CreateSecondaryAuthToken", "Makes a second token, which counts at once.", create)
        .delete("DeleteSecondaryAuthToken", "Revokes the second token.", delete);
    tree.at(&GROUP, Scope::Product, "/AuthTokens/Promote").post(
        "UpdateAuthTokenPromotion",
        "Puts the second token in the place of the first, which counts no more.",
        promote,
    );
}

async fn create<C: CallControl>(request: Request<C>) -> Result<Created<Secondary>, Fault> {
    match request.store().create_secondary_auth_token(request.account.sid).await {
        Ok(Some(account)) => Ok(Created(Secondary(account))),
        Ok(None) => Err(Fault::not_found()),
        Err(CreateSecondaryTokenError::Exists) => {
            let sentence = "the account has a secondary token; promote or delete it first";
            Err(Fault::because(Code::Conflict, sentence))
        }
        Err(CreateSecondaryTokenError::Store(error)) => Err(error.into()),
    }
}

async fn delete<C: CallControl>(request: Request<C>) -> Result<Deleted, Fault> {
    Deleted::if_so(request.store().delete_secondary_auth_token(request.account.sid).await?)
}

async fn promote<C: CallControl>(request: Request<C>) -> Result<Found<Promoted>, Fault> {
    let promoted = request.store().promote_secondary_auth_token(request.account.sid).await?;
    Ok(Found(Promoted(promoted.ok_or_else(Fault::not_found)?)))
}

struct Secondary(Account);

impl Represent for Secondary {
    const SHAPE: Shape = shape("SecondaryAuthToken");
    const PROPERTIES: &'static [Property<Self>] = &[
        property("account_sid", Kind::Sid("AC"), "Whose it is.", |it: &Self, _| text(it.0.sid)),
        property("secondary_auth_token", Kind::Text, "The second token.", |it: &Self, _| {
            it.0.secondary_auth_token.as_ref().map(|token| token.expose().to_owned()).into()
        })
        .nullable()
        .personal(Personal::SENSITIVE),
        property("date_created", Kind::Iso8601, "When it was made.", |it: &Self, _| {
            it.0.updated.iso8601().into()
        }),
        property("date_updated", Kind::Iso8601, "When it was last changed.", |it: &Self, _| {
            it.0.updated.iso8601().into()
        }),
        property("url", Kind::Uri, "Where it is.", |_, place| place.url("/AuthTokens/Secondary").into()),
    ];
}

struct Promoted(Account);

impl Represent for Promoted {
    const SHAPE: Shape = shape("AuthTokenPromotion");
    const PROPERTIES: &'static [Property<Self>] = &[
        property("account_sid", Kind::Sid("AC"), "Whose it is.", |it: &Self, _| text(it.0.sid)),
        property("auth_token", Kind::Text, "The token that counts now.", |it: &Self, _| {
            it.0.auth_token.expose().to_owned().into()
        })
        .personal(Personal::SENSITIVE),
        property("date_created", Kind::Iso8601, "When it was made.", |it: &Self, _| {
            it.0.updated.iso8601().into()
        }),
        property("date_updated", Kind::Iso8601, "When it was last changed.", |it: &Self, _| {
            it.0.updated.iso8601().into()
        }),
        property("url", Kind::Uri, "Where it is.", |_, place| place.url("/AuthTokens/Promote").into()),
    ];
}

const fn shape(name: &'static str) -> Shape {
    Shape { name, key: "auth_tokens", element: "AuthToken", elements: "AuthTokens", xml_first: &[] }
}
