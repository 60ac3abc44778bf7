//! `POST /v1/DialingPermissions/BulkCountryUpdates`
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use ringway_engine::calls::CallControl;
use ringway_store::DialingPermission;
use serde_json::{Map, Value as Json};

use super::{Country, Permissions};
use crate::error::{Code, Fault};
use crate::parameters::{Sent, parameters};
use crate::reply::Created;
use crate::representation::{Kind, Property, Represent, Shape, Value, property};
use crate::request::Request;
use crate::rules::{self, required};

parameters! {
    pub(super) struct Updates {
        /// A JSON array of objects, each with the `iso_code` of a country and what of `low_risk_numbers_enabled`,
        /// `high_risk_special_numbers_enabled` and `high_risk_tollfraud_numbers_enabled` changes.
        update_request: String = "UpdateRequest", required(rules::any_text(), Code::InvalidParameter);
    }
}

/// Sets the permissions of the countries in `UpdateRequest`, all or none. What it leaves out stays.
pub(super) async fn create<C: CallControl>(
    request: Request<C>,
    sent: Sent<Updates>,
) -> Result<Created<Outcome>, Fault> {
    let Updates { update_request } = sent.read()?;
    let Ok(Json::Array(updates)) = serde_json::from_str(&update_request) else {
        return Err(invalid("must be a JSON array of objects, each with an iso_code"));
    };
    let present = Permissions::read(&request)?;
    let permissions: Vec<_> =
        updates.iter().map(|update| updated(&present, update)).collect::<Result<_, _>>()?;
    let count = permissions.len();
    request.store().set_dialing_permissions(request.account.sid, permissions).await?;
    Ok(Created(Outcome { count }))
}

/// How many countries were in the request.
pub(super) struct Outcome {
    count: usize,
}

impl Represent for Outcome {
    const SHAPE: Shape = Shape {
        name: "DialingPermissionsCountryBulkUpdate",
        key: "bulk_country_updates",
        element: "BulkCountryUpdate",
        elements: "BulkCountryUpdates",
        xml_first: &[],
    };
    const PROPERTIES: &'static [Property<Self>] = &[
        property(
            "update_count",
            Kind::Integer,
            "How many countries were in the request.",
            |outcome: &Self, _| Value::Integer(i64::try_from(outcome.count).unwrap_or(i64::MAX)),
        ),
        property("update_request", Kind::Text, "Always accepted.", |_, _| "accepted".into()),
    ];
}

fn updated(present: &Permissions, update: &Json) -> Result<DialingPermission, Fault> {
    let fields = update.as_object().ok_or_else(|| invalid("must have nothing but objects"))?;
    let code = fields.get("iso_code").and_then(Json::as_str).unwrap_or_default();
    let country = Country::find(code)
        .ok_or_else(|| invalid("must have the iso_code of a country that can be dialled in each object"))?;
    let mut permission = present.of(country);
    for (name, value) in [
        ("low_risk_numbers_enabled", &mut permission.low_risk_numbers_enabled),
        ("high_risk_special_numbers_enabled", &mut permission.high_risk_special_numbers_enabled),
        ("high_risk_tollfraud_numbers_enabled", &mut permission.high_risk_tollfraud_numbers_enabled),
    ] {
        *value = flag(fields, name)?.unwrap_or(*value);
    }
    Ok(permission)
}

/// `true` or `false`; programs send them as strings too.
fn flag(fields: &Map<String, Json>, name: &str) -> Result<Option<bool>, Fault> {
    match fields.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Bool(truth)) => Ok(Some(*truth)),
        Some(Json::String(word)) if word.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Some(Json::String(word)) if word.eq_ignore_ascii_case("false") => Ok(Some(false)),
        Some(_) => Err(invalid(&format!("must have true or false for {name}"))),
    }
}

fn invalid(what: &str) -> Fault {
    Fault::because(Code::InvalidParameter, format!("UpdateRequest {what}"))
}
