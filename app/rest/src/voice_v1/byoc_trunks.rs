//! `/v1/ByocTrunks`

use ringway_model::sid::ByocTrunkSid;
use ringway_store::{ByocTrunk, ByocTrunkUpdate, SaveByocTrunkError};

use super::{Request, date, deleted, instance_verbs, list_verbs, parameters};
use crate::error::{Code, Fault};
use crate::form::Form;
use crate::reply::Reply;
use crate::representation::{Field, Shape, optional_text, text};
use crate::request::Verb;
use crate::rules;

const SHAPE: Shape =
    Shape { key: "byoc_trunks", element: "ByocTrunk", elements: "ByocTrunks", xml_first: &[] };

pub(super) async fn dispatch<C>(request: &Request<'_, C>, path: &[&str]) -> Result<Reply, Fault> {
    match (path, request.verb()) {
        ([], Verb::Get) => list(request),
        ([], Verb::Post) => create(request).await,
        ([], _) => Err(list_verbs()),
        ([sid], verb) => {
            let sid: ByocTrunkSid = sid.parse().map_err(|_| Fault::not_found())?;
            match verb {
                Verb::Get => fetch(request, &sid),
                Verb::Post => update(request, sid).await,
                Verb::Delete => deleted(request.store().delete_byoc_trunk(request.account(), sid).await),
                Verb::Other => Err(instance_verbs()),
            }
        }
        _ => Err(Fault::not_found()),
    }
}

fn list<C>(request: &Request<'_, C>) -> Result<Reply, Fault> {
    let query = request.page()?;
    let page = request.store().byoc_trunks(&request.account(), &query)?;
    Ok(request.listed(SHAPE.key, "/ByocTrunks", &query, &page, describe))
}

async fn create<C>(request: &Request<'_, C>) -> Result<Reply, Fault> {
    let fields = read(request.form(), None)?;
    let trunk = request.store().create_byoc_trunk(request.account(), fields).await.map_err(explain)?;
    Ok(Reply::Created(&SHAPE, describe(request, &trunk)))
}

fn fetch<C>(request: &Request<'_, C>, sid: &ByocTrunkSid) -> Result<Reply, Fault> {
    let trunk = request.store().byoc_trunk(&request.account(), sid)?.ok_or_else(Fault::not_found)?;
    Ok(Reply::Found(&SHAPE, describe(request, &trunk)))
}

async fn update<C>(request: &Request<'_, C>, sid: ByocTrunkSid) -> Result<Reply, Fault> {
    let account = request.account();
    let present = request.store().byoc_trunk(&account, &sid)?.ok_or_else(Fault::not_found)?;
    let fields = read(request.form(), present.voice_url.as_deref())?;
    let updated = request.store().update_byoc_trunk(account, sid, fields).await.map_err(explain)?;
    let trunk = updated.ok_or_else(Fault::not_found)?;
    Ok(Reply::Found(&SHAPE, describe(request, &trunk)))
}

/// The form's fields, all of them optional. `present_url` is the VoiceUrl as it is now.
fn read(form: &Form, present_url: Option<&str>) -> Result<ByocTrunkUpdate, Fault> {
    let url = |name| rules::url(form, name, Code::InvalidUrl);
    let method = |name| rules::method(form, name, Code::InvalidMethod);
    let fields = ByocTrunkUpdate {
        friendly_name: parameters::friendly_name(form)?,
        voice_url: url("VoiceUrl")?,
        voice_method: method("VoiceMethod")?,
        voice_fallback_url: url("VoiceFallbackUrl")?,
        voice_fallback_method: method("VoiceFallbackMethod")?,
        status_callback_url: url("StatusCallbackUrl")?,
        status_callback_method: method("StatusCallbackMethod")?,
        cnam_lookup_enabled: rules::boolean(form, "CnamLookupEnabled", Code::InvalidParameter)?,
        connection_policy_sid: parameters::sid(form, "ConnectionPolicySid", "a connection policy")?,
        from_domain_sid: parameters::sid(form, "FromDomainSid", "a SIP domain")?,
    };
    let has_url = match &fields.voice_url {
        Some(url) => url.is_some(),
        None => present_url.is_some(),
    };
    if matches!(fields.voice_fallback_url, Some(Some(_))) && !has_url {
        return Err(Fault::because(Code::FallbackWithoutUrl, "VoiceFallbackUrl needs a VoiceUrl"));
    }
    Ok(fields)
}

fn explain(error: SaveByocTrunkError) -> Fault {
    match error {
        SaveByocTrunkError::NoSuchConnectionPolicy => {
            parameters::not_one("ConnectionPolicySid", "a connection policy")
        }
        SaveByocTrunkError::NoSuchDomain => parameters::not_one("FromDomainSid", "a SIP domain"),
        SaveByocTrunkError::Store(error) => error.into(),
    }
}

fn describe<C>(request: &Request<'_, C>, trunk: &ByocTrunk) -> Vec<Field> {
    vec![
        ("account_sid", text(trunk.account_sid)),
        ("sid", text(trunk.sid)),
        ("friendly_name", trunk.friendly_name.clone().into()),
        ("voice_url", trunk.voice_url.clone().into()),
        ("voice_method", trunk.voice_method.as_str().into()),
        ("voice_fallback_url", trunk.voice_fallback_url.clone().into()),
        ("voice_fallback_method", trunk.voice_fallback_method.as_str().into()),
        ("status_callback_url", trunk.status_callback_url.clone().into()),
        ("status_callback_method", trunk.status_callback_method.as_str().into()),
        ("cnam_lookup_enabled", trunk.cnam_lookup_enabled.into()),
        ("connection_policy_sid", optional_text(trunk.connection_policy_sid)),
        ("from_domain_sid", optional_text(trunk.from_domain_sid)),
        ("date_created", date(trunk.created)),
        ("date_updated", date(trunk.updated)),
        ("url", request.url(&format!("/ByocTrunks/{}", trunk.sid)).into()),
    ]
}
