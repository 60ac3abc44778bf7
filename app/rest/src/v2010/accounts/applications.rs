//! `/2010-04-01/Accounts/{AC}/Applications` (contract, rest.md 2).

use ringway_model::sid::ApplicationSid;
use ringway_store::{Application, ApplicationFields};

use crate::changes::{self, Changes};
use crate::error::{Code, Fault};
use crate::filter;
use crate::form::Form;
use crate::reply::Reply;
use crate::representation::{Field, Shape, text};
use crate::request::{Place, Request, Verb};
use crate::rules;

const FRIENDLY_NAME_MAX: usize = 64;

const SHAPE: Shape = Shape {
    key: "applications",
    element: "Application",
    elements: "Applications",
    xml_first: &[
        "sid",
        "date_created",
        "date_updated",
        "account_sid",
        "friendly_name",
        "api_version",
        "voice_url",
        "voice_method",
        "voice_fallback_url",
        "voice_fallback_method",
        "status_callback",
        "status_callback_method",
        "voice_caller_id_lookup",
        "sms_url",
        "sms_method",
        "sms_fallback_url",
        "sms_fallback_method",
        "sms_status_callback",
        "message_status_callback",
        "public_application_connect_enabled",
        "uri",
    ],
};

pub(super) async fn dispatch<C>(request: &Request<C>, path: &[&str]) -> Result<Reply, Fault> {
    match path {
        [] => match request.verb {
            Verb::Get => list(request),
            Verb::Post => create(request).await,
            _ => Err(Fault::wrong_verb("GET, POST")),
        },
        [sid] => {
            let sid: ApplicationSid = sid.parse().map_err(|_| Fault::not_found())?;
            match request.verb {
                Verb::Get => fetch(request, &sid),
                Verb::Post => update(request, sid).await,
                Verb::Delete => delete(request, sid).await,
                Verb::Other => Err(Fault::wrong_verb("GET, POST, DELETE")),
            }
        }
        _ => Err(Fault::not_found()),
    }
}

fn list<C>(request: &Request<C>) -> Result<Reply, Fault> {
    let query = request.page()?;
    let name = request.query.text("FriendlyName");
    let page = request.store().applications(&request.account.sid, name, &query)?;
    let given = filter::given(&request.query, &["FriendlyName"]);
    Ok(request.place.page(&SHAPE, "/Applications", (&query, &given), &page, describe))
}

async fn create<C>(request: &Request<C>) -> Result<Reply, Fault> {
    let changes = changes(&request.form)?;
    let mut fields = ApplicationFields::default();
    changes.apply(&mut fields);
    check_fallbacks(&request.form, &fields)?;
    let application = request.store().create_application(request.account.sid, fields).await?;
    Ok(Reply::Created(&SHAPE, describe(&application, &request.place)))
}

fn fetch<C>(request: &Request<C>, sid: &ApplicationSid) -> Result<Reply, Fault> {
    let found = request.store().application(&request.account.sid, sid)?;
    Ok(Reply::Found(&SHAPE, describe(&found.ok_or_else(Fault::not_found)?, &request.place)))
}

async fn update<C>(request: &Request<C>, sid: ApplicationSid) -> Result<Reply, Fault> {
    let account = request.account.sid;
    let mut present = request.store().application(&account, &sid)?.ok_or_else(Fault::not_found)?.fields;
    let changes = changes(&request.form)?;
    changes.apply(&mut present);
    check_fallbacks(&request.form, &present)?;
    let updated = request.store().update_application(account, sid, move |fields| changes.apply(fields));
    let application = updated.await?.ok_or_else(Fault::not_found)?;
    Ok(Reply::Found(&SHAPE, describe(&application, &request.place)))
}

async fn delete<C>(request: &Request<C>, sid: ApplicationSid) -> Result<Reply, Fault> {
    match request.store().delete_application(request.account.sid, sid).await? {
        true => Ok(Reply::Deleted),
        false => Err(Fault::not_found()),
    }
}

fn changes(form: &Form) -> Result<Changes<ApplicationFields>, Fault> {
    let url = |name| rules::url(form, name, Code::InvalidUrl);
    let method = |name| rules::method(form, name, Code::InvalidMethod);
    let boolean = |name| rules::boolean(form, name, Code::InvalidParameter);
    let mut changes = Changes::default();
    changes
        .set(changes::api_version(form)?, |fields: &mut ApplicationFields, value| fields.api_version = value);
    let name = rules::friendly_name(form, FRIENDLY_NAME_MAX, Code::InvalidFriendlyName)?.map(str::to_owned);
    changes.set(name, |fields, value| fields.friendly_name = Some(value));
    changes.set(url("MessageStatusCallback")?, |fields, value| fields.message_status_callback = value);
    changes.set(boolean("PublicApplicationConnectEnabled")?, |fields, value| {
        fields.public_application_connect_enabled = value;
    });
    changes.set(method("SmsFallbackMethod")?, |fields, value| fields.sms_fallback_method = value);
    changes.set(url("SmsFallbackUrl")?, |fields, value| fields.sms_fallback_url = value);
    changes.set(method("SmsMethod")?, |fields, value| fields.sms_method = value);
    changes.set(url("SmsStatusCallback")?, |fields, value| fields.sms_status_callback = value);
    changes.set(url("SmsUrl")?, |fields, value| fields.sms_url = value);
    changes.set(url("StatusCallback")?, |fields, value| fields.status_callback = value);
    changes.set(method("StatusCallbackMethod")?, |fields, value| fields.status_callback_method = value);
    changes.set(boolean("VoiceCallerIdLookup")?, |fields, value| fields.voice_caller_id_lookup = value);
    changes.set(method("VoiceFallbackMethod")?, |fields, value| fields.voice_fallback_method = value);
    changes.set(url("VoiceFallbackUrl")?, |fields, value| fields.voice_fallback_url = value);
    changes.set(method("VoiceMethod")?, |fields, value| fields.voice_method = value);
    changes.set(url("VoiceUrl")?, |fields, value| fields.voice_url = value);
    Ok(changes)
}

/// Refuses a fallback that the form sets where nothing is that it could stand in for.
fn check_fallbacks(form: &Form, fields: &ApplicationFields) -> Result<(), Fault> {
    rules::fallback(form, "Voice", fields.voice_url.as_deref())?;
    rules::fallback(form, "Sms", fields.sms_url.as_deref())
}

fn describe(application: &Application, place: &Place) -> Vec<Field> {
    let fields = application.fields.clone();
    vec![
        ("account_sid", text(application.account_sid)),
        ("api_version", fields.api_version.into()),
        ("date_created", application.created.into()),
        ("date_updated", application.updated.into()),
        ("friendly_name", fields.friendly_name.into()),
        ("message_status_callback", fields.message_status_callback.into()),
        ("sid", text(application.sid)),
        ("sms_fallback_method", fields.sms_fallback_method.as_str().into()),
        ("sms_fallback_url", fields.sms_fallback_url.into()),
        ("sms_method", fields.sms_method.as_str().into()),
        ("sms_status_callback", fields.sms_status_callback.into()),
        ("sms_url", fields.sms_url.into()),
        ("status_callback", fields.status_callback.into()),
        ("status_callback_method", fields.status_callback_method.as_str().into()),
        ("uri", place.uri(&format!("/Applications/{}", application.sid)).into()),
        ("voice_caller_id_lookup", fields.voice_caller_id_lookup.into()),
        ("voice_fallback_method", fields.voice_fallback_method.as_str().into()),
        ("voice_fallback_url", fields.voice_fallback_url.into()),
        ("voice_method", fields.voice_method.as_str().into()),
        ("voice_url", fields.voice_url.into()),
        ("public_application_connect_enabled", fields.public_application_connect_enabled.into()),
    ]
}
