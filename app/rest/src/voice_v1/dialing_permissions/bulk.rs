//! `POST /v1/DialingPermissions/BulkCountryUpdates`
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use ringway_store::DialingPermission;
use serde_json::{Map, Value as Json};

use super::{Country, Permissions};
use crate::error::{Code, Fault};
use crate::reply::Reply;
use crate::representation::{Shape, Value, text};
use crate::rules;
use crate::voice_v1::Request;

const SHAPE: Shape = Shape {
    key: "bulk_country_updates",
    element: "BulkCountryUpdate",
    elements: "BulkCountryUpdates",
    xml_first: &[],
};

/// Sets the permissions of the countries in `UpdateRequest`, all or none. What it leaves out stays.
pub(super) async fn create<C>(request: &Request<'_, C>) -> Result<Reply, Fault> {
    let text_of_request = rules::required(request.form(), "UpdateRequest", Code::InvalidParameter)?;
    let Ok(Json::Array(updates)) = serde_json::from_str(text_of_request) else {
        return Err(invalid("must be a JSON array of objects, each with an iso_code"));
    };
    let present = Permissions::read(request)?;
    let permissions: Vec<_> =
        updates.iter().map(|update| updated(&present, update)).collect::<Result<_, _>>()?;
    let count = permissions.len();
    request.store().set_dialing_permissions(request.account(), permissions).await?;
    let count = Value::Integer(i64::try_from(count).unwrap_or(i64::MAX));
    Ok(Reply::Created(&SHAPE, vec![("update_count", count), ("update_request", text("accepted"))]))
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
