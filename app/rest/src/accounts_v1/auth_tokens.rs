//! `/v1/AuthTokens/Secondary` makes and revokes a second token, `/v1/AuthTokens/Promote` puts it in the place
//! of the first.

use ringway_model::Secret;
use ringway_store::{Account, CreateSecondaryTokenError};

use crate::error::{Code, Fault};
use crate::reply::Reply;
use crate::representation::{Field, Shape, text};
use crate::request::Verb;
use crate::v2010::Asked;

const SHAPE: Shape =
    Shape { key: "auth_tokens", element: "AuthToken", elements: "AuthTokens", xml_first: &[] };

pub(super) async fn dispatch<C>(asked: Asked<'_, C>, name: &str, base_url: &str) -> Result<Reply, Fault> {
    asked.caller.may_administer()?;
    let url = format!("{base_url}/v1/AuthTokens/{name}");
    match (name, asked.verb) {
        ("Secondary", Verb::Post) => create(asked, url).await,
        ("Secondary", Verb::Delete) => delete(asked).await,
        ("Secondary", _) => Err(Fault::wrong_verb("POST, DELETE")),
        ("Promote", Verb::Post) => promote(asked, url).await,
        ("Promote", _) => Err(Fault::wrong_verb("POST")),
        _ => Err(Fault::not_found()),
    }
}

async fn create<C>(asked: Asked<'_, C>, url: String) -> Result<Reply, Fault> {
    let created = asked.app.store.create_secondary_auth_token(asked.caller.account.sid).await;
    match created {
        Ok(Some(account)) => {
            let token = account.secondary_auth_token.clone();
            Ok(Reply::Created(&SHAPE, describe(&account, "secondary_auth_token", token, url)))
        }
        Ok(None) => Err(Fault::not_found()),
        Err(CreateSecondaryTokenError::Exists) => {
            let sentence = "the account has a secondary token; promote or delete it first";
            Err(Fault::because(Code::Conflict, sentence))
        }
        Err(CreateSecondaryTokenError::Store(error)) => Err(error.into()),
    }
}

async fn delete<C>(asked: Asked<'_, C>) -> Result<Reply, Fault> {
    match asked.app.store.delete_secondary_auth_token(asked.caller.account.sid).await? {
        true => Ok(Reply::Deleted),
        false => Err(Fault::not_found()),
    }
}

async fn promote<C>(asked: Asked<'_, C>, url: String) -> Result<Reply, Fault> {
    let promoted = asked.app.store.promote_secondary_auth_token(asked.caller.account.sid).await?;
    let account = promoted.ok_or_else(Fault::not_found)?;
    let token = account.auth_token.clone();
    Ok(Reply::Found(&SHAPE, describe(&account, "auth_token", Some(token), url)))
}

fn describe(account: &Account, key: &'static str, token: Option<Secret>, url: String) -> Vec<Field> {
    vec![
        ("account_sid", text(account.sid)),
        (key, token.map(|token| token.expose().to_owned()).into()),
        ("date_created", account.updated.iso8601().into()),
        ("date_updated", account.updated.iso8601().into()),
        ("url", url.into()),
    ]
}
