//! `/v1/ByocTrunks`

use ringway_engine::calls::CallControl;
use ringway_model::sid::{ByocTrunkSid, ConnectionPolicySid, DomainSid};
use ringway_store::{ByocTrunk, ByocTrunkUpdate, SaveByocTrunkError};

use super::{date, deleted, friendly_name, not_one};
use crate::error::{Code, Fault};
use crate::page::Listing;
use crate::parameters::{Sent, parameters};
use crate::reply::{Created, Deleted, Found, Listed};
use crate::representation::{Kind, Personal, Property, Represent, Shape, property, text};
use crate::request::Request;
use crate::rules::{self, clearable_sid};
use crate::tree::{Group, Scope, Tree};

const POLICY: &str = "a connection policy of this account";
const DOMAIN: &str = "a SIP domain of this account";

static GROUP: Group = Group {
    name: "BYOC trunks",
    about: "Trunks of other carriers: bring your own.",
    is_administrative: false,
};

pub(super) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    tree.at(&GROUP, Scope::Product, "/ByocTrunks")
        .get("ListByocTrunk", "Lists the trunks, newest first.", list)
        .post("CreateByocTrunk", "Adds a trunk.", create);
    tree.at(&GROUP, Scope::Product, "/ByocTrunks/{Sid}")
        .get("FetchByocTrunk", "Shows a trunk.", fetch)
        .post("UpdateByocTrunk", "Changes what is given of a trunk.", update)
        .delete("DeleteByocTrunk", "Deletes a trunk that no domain belongs to.", delete);
}

parameters! {
    for ByocTrunkUpdate {
        /// A text that describes the trunk.
        friendly_name = "FriendlyName", friendly_name();
        /// Who is asked what a call from the trunk should do; given empty, nobody.
        voice_url = "VoiceUrl", rules::url(Code::InvalidUrl);
        /// How the voice URL is asked.
        voice_method = "VoiceMethod", rules::method(Code::InvalidMethod);
        /// Who is asked when the voice URL has no good answer; needs a `VoiceUrl`. Given empty, nobody.
        voice_fallback_url = "VoiceFallbackUrl", rules::url(Code::InvalidUrl);
        /// How the fallback is asked.
        voice_fallback_method = "VoiceFallbackMethod", rules::method(Code::InvalidMethod);
        /// Who is told how calls go; given empty, nobody.
        status_callback_url = "StatusCallbackUrl", rules::url(Code::InvalidUrl);
        /// How it is told.
        status_callback_method = "StatusCallbackMethod", rules::method(Code::InvalidMethod);
        /// Whether the caller's name is looked up.
        cnam_lookup_enabled = "CnamLookupEnabled", rules::boolean(Code::InvalidParameter);
        /// A connection policy of this account, which says where calls that leave go; given empty, none.
        connection_policy_sid = "ConnectionPolicySid", clearable_sid::<ConnectionPolicySid>(Code::InvalidParameter, POLICY);
        /// A SIP domain of this account that calls which leave come from; given empty, none.
        from_domain_sid = "FromDomainSid", clearable_sid::<DomainSid>(Code::InvalidParameter, DOMAIN);
    }
}

async fn list<C: CallControl>(
    request: Request<C>,
    sent: Sent<Listing<()>>,
) -> Result<Listed<ByocTrunk>, Fault> {
    let asked = sent.read()?;
    let page = request.store().byoc_trunks(&request.account.sid, &asked.query)?;
    Ok(asked.of(page))
}

async fn create<C: CallControl>(
    request: Request<C>,
    sent: Sent<ByocTrunkUpdate>,
) -> Result<Created<ByocTrunk>, Fault> {
    let fields = sent.read()?;
    check_fallback(&fields, None)?;
    Ok(Created(request.store().create_byoc_trunk(request.account.sid, fields).await.map_err(explain)?))
}

async fn fetch<C: CallControl>(request: Request<C>, sid: ByocTrunkSid) -> Result<Found<ByocTrunk>, Fault> {
    find(&request, &sid).map(Found)
}

async fn update<C: CallControl>(
    request: Request<C>,
    sid: ByocTrunkSid,
    sent: Sent<ByocTrunkUpdate>,
) -> Result<Found<ByocTrunk>, Fault> {
    let present = find(&request, &sid)?;
    let fields = sent.read()?;
    check_fallback(&fields, present.voice_url.as_deref())?;
    let updated = request.store().update_byoc_trunk(request.account.sid, sid, fields).await;
    Ok(Found(updated.map_err(explain)?.ok_or_else(Fault::not_found)?))
}

async fn delete<C: CallControl>(request: Request<C>, sid: ByocTrunkSid) -> Result<Deleted, Fault> {
    deleted(request.store().delete_byoc_trunk(request.account.sid, sid).await)
}

fn find<C>(request: &Request<C>, sid: &ByocTrunkSid) -> Result<ByocTrunk, Fault> {
    request.store().byoc_trunk(&request.account.sid, sid)?.ok_or_else(Fault::not_found)
}

/// `present_url` is the VoiceUrl as it is now.
fn check_fallback(fields: &ByocTrunkUpdate, present_url: Option<&str>) -> Result<(), Fault> {
    let has_url = match &fields.voice_url {
        Some(url) => url.is_some(),
        None => present_url.is_some(),
    };
    rules::fallback("Voice", matches!(fields.voice_fallback_url, Some(Some(_))), has_url)
}

fn explain(error: SaveByocTrunkError) -> Fault {
    match error {
        SaveByocTrunkError::NoSuchConnectionPolicy => not_one("ConnectionPolicySid", POLICY),
        SaveByocTrunkError::NoSuchDomain => not_one("FromDomainSid", DOMAIN),
        SaveByocTrunkError::Store(error) => error.into(),
    }
}

impl Represent for ByocTrunk {
    const SHAPE: Shape = Shape {
        name: "ByocTrunk",
        key: "byoc_trunks",
        element: "ByocTrunk",
        elements: "ByocTrunks",
        xml_first: &[],
    };
    const PROPERTIES: &'static [Property<Self>] = &[
        property("account_sid", Kind::Sid("AC"), "Whose it is.", |trunk: &Self, _| text(trunk.account_sid)),
        property("sid", Kind::Sid("BY"), "What it is called in paths.", |trunk: &Self, _| text(trunk.sid)),
        property("friendly_name", Kind::Text, "A text that describes it.", |trunk: &Self, _| {
            trunk.friendly_name.clone().into()
        })
        .nullable(),
        property("voice_url", Kind::Uri, "Who is asked what a call should do.", |trunk: &Self, _| {
            trunk.voice_url.clone().into()
        })
        .nullable()
        .personal(Personal::STANDARD),
        property("voice_method", Kind::Method, "How the voice URL is asked.", |trunk: &Self, _| {
            trunk.voice_method.as_str().into()
        }),
        property(
            "voice_fallback_url",
            Kind::Uri,
            "Who is asked when the voice URL fails.",
            |trunk: &Self, _| trunk.voice_fallback_url.clone().into(),
        )
        .nullable()
        .personal(Personal::STANDARD),
        property("voice_fallback_method", Kind::Method, "How the fallback is asked.", |trunk: &Self, _| {
            trunk.voice_fallback_method.as_str().into()
        }),
        property("status_callback_url", Kind::Uri, "Who is told how calls go.", |trunk: &Self, _| {
            trunk.status_callback_url.clone().into()
        })
        .nullable()
        .personal(Personal::STANDARD),
        property("status_callback_method", Kind::Method, "How it is told.", |trunk: &Self, _| {
            trunk.status_callback_method.as_str().into()
        }),
        property(
            "cnam_lookup_enabled",
            Kind::Boolean,
            "Whether the caller's name is looked up.",
            |trunk: &Self, _| trunk.cnam_lookup_enabled.into(),
        ),
        property(
            "connection_policy_sid",
            Kind::Sid("NY"),
            "Where calls that leave go.",
            |trunk: &Self, _| trunk.connection_policy_sid.map(text).into(),
        )
        .nullable(),
        property(
            "from_domain_sid",
            Kind::Sid("SD"),
            "The domain that calls which leave come from.",
            |trunk: &Self, _| trunk.from_domain_sid.map(text).into(),
        )
        .nullable(),
        property("date_created", Kind::Iso8601, "When it was made.", |trunk: &Self, _| date(trunk.created)),
        property("date_updated", Kind::Iso8601, "When it was last changed.", |trunk: &Self, _| {
            date(trunk.updated)
        }),
        property("url", Kind::Uri, "Where it is.", |trunk: &Self, place| {
            place.url(&format!("/ByocTrunks/{}", trunk.sid)).into()
        }),
    ];
}
