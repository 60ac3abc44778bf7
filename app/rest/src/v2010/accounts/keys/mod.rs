//! `/2010-04-01/Accounts/{AC}/Keys`, and `SigningKeys`: the same keys under their older name (contract,
//! rest.md 2, 3).

mod create;
mod delete;
mod fetch;
mod list;
mod update;

use ringway_model::sid::KeySid;
use ringway_store::Key;

use crate::error::{Code, Fault};
use crate::form::Form;
use crate::reply::Reply;
use crate::representation::{Field, Shape, text};
use crate::request::{Request, Verb};
use crate::rules;

/// Contract, rest.md 0.3, 20002.
const FRIENDLY_NAME_MAX: usize = 64;

/// One of the two names that keys go by.
pub(super) struct Name {
    shape: Shape,
    /// Below the account.
    path: &'static str,
}

/// `Keys`
pub(super) static KEYS: Name = Name { shape: shape("keys", "Key", "Keys"), path: "/Keys" };

/// `SigningKeys`
pub(super) static SIGNING_KEYS: Name =
    Name { shape: shape("signing_keys", "SigningKey", "SigningKeys"), path: "/SigningKeys" };

const fn shape(key: &'static str, element: &'static str, elements: &'static str) -> Shape {
    let xml_first = &["secret", "sid", "friendly_name", "date_created", "date_updated"];
    Shape { key, element, elements, xml_first }
}

pub(super) async fn dispatch<C>(
    request: &Request<C>,
    name: &'static Name,
    path: &[&str],
) -> Result<Reply, Fault> {
    request.caller.may_administer()?;
    match path {
        [] => match request.verb {
            Verb::Get => list::list(request, name),
            Verb::Post => create::create(request, name).await,
            _ => Err(Fault::wrong_verb("GET, POST")),
        },
        [sid] => {
            let sid: KeySid = sid.parse().map_err(|_| Fault::not_found())?;
            match request.verb {
                Verb::Get => fetch::fetch(request, name, &sid),
                Verb::Post => update::update(request, name, sid).await,
                Verb::Delete => delete::delete(request, sid).await,
                Verb::Other => Err(Fault::wrong_verb("GET, POST, DELETE")),
            }
        }
        _ => Err(Fault::not_found()),
    }
}

/// The key as lists and fetches show it: the secret is shown once, by create.
fn describe(key: &Key) -> Vec<Field> {
    vec![
        ("sid", text(key.sid)),
        ("friendly_name", key.friendly_name.clone().into()),
        ("date_created", key.created.into()),
        ("date_updated", key.updated.into()),
    ]
}

fn friendly_name(form: &Form) -> Result<Option<&str>, Fault> {
    rules::friendly_name(form, FRIENDLY_NAME_MAX, Code::InvalidFriendlyName)
}
