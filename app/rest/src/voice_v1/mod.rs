//! `/v1` of the voice product (contract, rest.md 2, "voice.twilio.com/v1"): trunks of other carriers and what
//! belongs to them. The account is that of the credentials, dates are ISO 8601, URLs are absolute, and the
//! envelope of a list is `meta`.

mod byoc_trunks;
mod connection_policies;
mod dialing_permissions;
mod ip_records;
mod settings;
mod source_ip_mappings;
mod targets;

use ringway_engine::calls::CallControl;
use ringway_model::UnixTime;
use ringway_store::DeleteUsedError;

use crate::error::{Code, Fault};
use crate::reply::Deleted;
use crate::representation::Value;
use crate::rules::{self, Rule};
use crate::tree::Tree;

/// Contract, rest.md 4.
const FRIENDLY_NAME_MAX: usize = 255;

/// Adds the resources of the voice product.
pub(crate) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    byoc_trunks::grow(tree);
    connection_policies::grow(tree);
    targets::grow(tree);
    ip_records::grow(tree);
    source_ip_mappings::grow(tree);
    settings::grow(tree);
    dialing_permissions::grow(tree);
}

fn date(time: UnixTime) -> Value {
    time.iso8601().into()
}

fn friendly_name() -> impl Rule<Value = Option<String>> {
    rules::text(0..=FRIENDLY_NAME_MAX, Code::InvalidParameter)
}

/// The parameter does not name what it should.
fn not_one(name: &str, what: &str) -> Fault {
    Fault::because(Code::InvalidParameter, format!("{name} must be the SID of {what}"))
}

fn deleted(outcome: Result<bool, DeleteUsedError>) -> Result<Deleted, Fault> {
    match outcome {
        Ok(was_there) => Deleted::if_so(was_there),
        Err(DeleteUsedError::InUse { by }) => {
            Err(Fault::because(Code::Conflict, format!("{by} uses this resource")))
        }
        Err(DeleteUsedError::Store(error)) => Err(error.into()),
    }
}
