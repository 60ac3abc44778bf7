//! `/2010-04-01/Accounts/{AC}/Keys` (contract, rest.md 2, 3).

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

const SHAPE: Shape = Shape {
    key: "keys",
    element: "Key",
    elements: "Keys",
    xml_first: &["secret", "sid", "friendly_name", "date_created", "date_updated"],
};

pub(super) async fn dispatch<C>(request: &Request<C>, path: &[&str]) -> Result<Reply, Fault> {
    request.caller.may_administer()?;
    match path {
        [] => match request.verb {
            Verb::Get => list::list(request),
            Verb::Post => create::create(request).await,
            _ => Err(Fault::wrong_verb("GET, POST")),
        },
        [sid] => {
            let sid: KeySid = sid.parse().map_err(|_| Fault::not_found())?;
            match request.verb {
                Verb::Get => fetch::fetch(request, &sid),
                Verb::Post => update::update(request, sid).await,
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
