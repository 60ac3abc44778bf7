//! `/2010-04-01/Accounts/{AC}/Applications` (contract, rest.md 2).

use ringway_engine::calls::CallControl;
use ringway_model::sid::ApplicationSid;
use ringway_store::{Application, ApplicationFields, HttpMethod};

use crate::error::{Code, Fault};
use crate::page::Listing;
use crate::parameters::{Sent, parameters};
use crate::reply::{Created, Deleted, Found, Listed};
use crate::representation::{Kind, Property, Represent, Shape, property, text};
use crate::request::Request;
use crate::rules;
use crate::tree::{Group, Scope, Tree};

const FRIENDLY_NAME_MAX: usize = 64;

static GROUP: Group = Group {
    name: "Applications",
    about: "URLs under one name, that numbers and calls can share.",
    is_administrative: false,
};

pub(super) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    tree.at(&GROUP, Scope::BelowAccount, "/Applications")
        .get("ListApplication", "Lists the applications, newest first.", list)
        .post("CreateApplication", "Adds an application.", create);
    tree.at(&GROUP, Scope::BelowAccount, "/Applications/{Sid}")
        .get("FetchApplication", "Shows an application.", fetch)
        .post("UpdateApplication", "Changes what is given of an application.", update)
        .delete("DeleteApplication", "Deletes an application.", delete);
}

parameters! {
    struct Filters {
        /// Only applications with exactly this name.
        friendly_name: Option<String> = "FriendlyName", rules::any_text();
    }
}

parameters! {
    struct Changes {
        /// The version of the API that calls of the application say they are of.
        api_version: Option<&'static str> = "ApiVersion", rules::api_version();
        /// A text that describes the application.
        friendly_name: Option<String> =
            "FriendlyName", rules::text(0..=FRIENDLY_NAME_MAX, Code::InvalidFriendlyName);
        /// Kept for messages, which are not served.
        message_status_callback: Option<Option<String>> = "MessageStatusCallback", url();
        /// Kept, and without effect.
        public_application_connect_enabled: Option<bool> =
            "PublicApplicationConnectEnabled", rules::boolean(Code::InvalidParameter);
        /// Kept for messages, which are not served.
        sms_fallback_method: Option<HttpMethod> = "SmsFallbackMethod", method();
        /// Kept for messages, which are not served.
        sms_fallback_url: Option<Option<String>> = "SmsFallbackUrl", url();
        /// Kept for messages, which are not served.
        sms_method: Option<HttpMethod> = "SmsMethod", method();
        /// Kept for messages, which are not served.
        sms_status_callback: Option<Option<String>> = "SmsStatusCallback", url();
        /// Kept for messages, which are not served.
        sms_url: Option<Option<String>> = "SmsUrl", url();
        /// Who is told how calls go.
        status_callback: Option<Option<String>> = "StatusCallback", url();
        /// How it is told.
        status_callback_method: Option<HttpMethod> = "StatusCallbackMethod", method();
        /// Whether the caller's name is looked up.
        voice_caller_id_lookup: Option<bool> = "VoiceCallerIdLookup", rules::boolean(Code::InvalidParameter);
        /// How the fallback is asked.
        voice_fallback_method: Option<HttpMethod> = "VoiceFallbackMethod", method();
        /// Who is asked when the voice URL has no good answer.
        voice_fallback_url: Option<Option<String>> = "VoiceFallbackUrl", url();
        /// How the voice URL is asked.
        voice_method: Option<HttpMethod> = "VoiceMethod", method();
        /// Who is asked what a call should do.
        voice_url: Option<Option<String>> = "VoiceUrl", url();
    }
}

fn url() -> impl rules::Rule<Value = Option<Option<String>>> {
    rules::url(Code::InvalidUrl)
}

fn method() -> impl rules::Rule<Value = Option<HttpMethod>> {
    rules::method(Code::InvalidMethod)
}

impl Changes {
    fn apply(&self, fields: &mut ApplicationFields) {
        fields.api_version = self.api_version.map_or(std::mem::take(&mut fields.api_version), str::to_owned);
        if let Some(name) = &self.friendly_name {
            fields.friendly_name = Some(name.clone());
        }
        set(&mut fields.message_status_callback, &self.message_status_callback);
        set(&mut fields.public_application_connect_enabled, &self.public_application_connect_enabled);
        set(&mut fields.sms_fallback_method, &self.sms_fallback_method);
        set(&mut fields.sms_fallback_url, &self.sms_fallback_url);
        set(&mut fields.sms_method, &self.sms_method);
        set(&mut fields.sms_status_callback, &self.sms_status_callback);
        set(&mut fields.sms_url, &self.sms_url);
        set(&mut fields.status_callback, &self.status_callback);
        set(&mut fields.status_callback_method, &self.status_callback_method);
        set(&mut fields.voice_caller_id_lookup, &self.voice_caller_id_lookup);
        set(&mut fields.voice_fallback_method, &self.voice_fallback_method);
        set(&mut fields.voice_fallback_url, &self.voice_fallback_url);
        set(&mut fields.voice_method, &self.voice_method);
        set(&mut fields.voice_url, &self.voice_url);
    }

    /// Refuses a fallback that is set where nothing is that it could stand in for.
    fn check(&self, fields: &ApplicationFields) -> Result<(), Fault> {
        let sets = |url: &Option<Option<String>>| matches!(url, Some(Some(_)));
        rules::fallback("Voice", sets(&self.voice_fallback_url), fields.voice_url.is_some())?;
        rules::fallback("Sms", sets(&self.sms_fallback_url), fields.sms_url.is_some())
    }
}

/// What was not given stays.
pub(super) fn set<T: Clone>(field: &mut T, change: &Option<T>) {
    if let Some(change) = change {
        field.clone_from(change);
    }
}

async fn list<C: CallControl>(
    request: Request<C>,
    sent: Sent<Listing<Filters>>,
) -> Result<Listed<Application>, Fault> {
    let asked = sent.read()?;
    let name = asked.filters.friendly_name.as_deref();
    let page = request.store().applications(&request.account.sid, name, &asked.query)?;
    Ok(asked.of(page))
}

async fn create<C: CallControl>(
    request: Request<C>,
    sent: Sent<Changes>,
) -> Result<Created<Application>, Fault> {
    let changes = sent.read()?;
    let mut fields = ApplicationFields::default();
    changes.apply(&mut fields);
    changes.check(&fields)?;
    Ok(Created(request.store().create_application(request.account.sid, fields).await?))
}

async fn fetch<C: CallControl>(
    request: Request<C>,
    sid: ApplicationSid,
) -> Result<Found<Application>, Fault> {
    find(&request, &sid).map(Found)
}

async fn update<C: CallControl>(
    request: Request<C>,
    sid: ApplicationSid,
    sent: Sent<Changes>,
) -> Result<Found<Application>, Fault> {
    let mut present = find(&request, &sid)?.fields;
    let changes = sent.read()?;
    changes.apply(&mut present);
    changes.check(&present)?;
    let change = move |fields: &mut ApplicationFields| changes.apply(fields);
    let updated = request.store().update_application(request.account.sid, sid, change).await?;
    Ok(Found(updated.ok_or_else(Fault::not_found)?))
}

async fn delete<C: CallControl>(request: Request<C>, sid: ApplicationSid) -> Result<Deleted, Fault> {
    Deleted::if_so(request.store().delete_application(request.account.sid, sid).await?)
}

fn find<C>(request: &Request<C>, sid: &ApplicationSid) -> Result<Application, Fault> {
    request.store().application(&request.account.sid, sid)?.ok_or_else(Fault::not_found)
}

impl Represent for Application {
    const SHAPE: Shape = Shape {
        name: "Application",
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
    const PROPERTIES: &'static [Property<Self>] = &[
        property("account_sid", Kind::Sid("AC"), "Whose it is.", |it: &Self, _| text(it.account_sid)),
        property("api_version", Kind::Text, "The version of the API it is of.", |it: &Self, _| {
            it.fields.api_version.clone().into()
        }),
        property("date_created", Kind::Rfc2822, "When it was made.", |it: &Self, _| it.created.into()),
        property("date_updated", Kind::Rfc2822, "When it was last changed.", |it: &Self, _| {
            it.updated.into()
        }),
        property("friendly_name", Kind::Text, "A text that describes it.", |it: &Self, _| {
            it.fields.friendly_name.clone().into()
        })
        .nullable(),
        property("message_status_callback", Kind::Uri, "Kept for messages.", |it: &Self, _| {
            it.fields.message_status_callback.clone().into()
        })
        .nullable(),
        property("sid", Kind::Sid("AP"), "What it is called in paths.", |it: &Self, _| text(it.sid)),
        property("sms_fallback_method", Kind::Method, "Kept for messages.", |it: &Self, _| {
            it.fields.sms_fallback_method.as_str().into()
        }),
        property("sms_fallback_url", Kind::Uri, "Kept for messages.", |it: &Self, _| {
            it.fields.sms_fallback_url.clone().into()
        })
        .nullable(),
        property("sms_method", Kind::Method, "Kept for messages.", |it: &Self, _| {
            it.fields.sms_method.as_str().into()
        }),
        property("sms_status_callback", Kind::Uri, "Kept for messages.", |it: &Self, _| {
            it.fields.sms_status_callback.clone().into()
        })
        .nullable(),
        property("sms_url", Kind::Uri, "Kept for messages.", |it: &Self, _| it.fields.sms_url.clone().into())
            .nullable(),
        property("status_callback", Kind::Uri, "Who is told how calls go.", |it: &Self, _| {
            it.fields.status_callback.clone().into()
        })
        .nullable(),
        property("status_callback_method", Kind::Method, "How it is told.", |it: &Self, _| {
            it.fields.status_callback_method.as_str().into()
        }),
        property("uri", Kind::Uri, "Where it is.", |it: &Self, place| {
            place.uri(&it.account_sid, &format!("/Applications/{}", it.sid)).into()
        }),
        property(
            "voice_caller_id_lookup",
            Kind::Boolean,
            "Whether the caller's name is looked up.",
            |it: &Self, _| it.fields.voice_caller_id_lookup.into(),
        ),
        property("voice_fallback_method", Kind::Method, "How the fallback is asked.", |it: &Self, _| {
            it.fields.voice_fallback_method.as_str().into()
        }),
        property(
            "voice_fallback_url",
            Kind::Uri,
            "Who is asked when the voice URL fails.",
            |it: &Self, _| it.fields.voice_fallback_url.clone().into(),
        )
        .nullable(),
        property("voice_method", Kind::Method, "How the voice URL is asked.", |it: &Self, _| {
            it.fields.voice_method.as_str().into()
        }),
        property("voice_url", Kind::Uri, "Who is asked what a call should do.", |it: &Self, _| {
            it.fields.voice_url.clone().into()
        })
        .nullable(),
        property(
            "public_application_connect_enabled",
            Kind::Boolean,
            "Kept, and without effect.",
            |it: &Self, _| it.fields.public_application_connect_enabled.into(),
        ),
    ];
}
