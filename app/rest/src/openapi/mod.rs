//! The OpenAPI document, made from the tree of resources: what is served is what is in it.

mod schema;

use serde_json::{Map, Value as Json, json};

use crate::error::Code;
use crate::parameters::ParameterOutline;
use crate::reply::{AnswerOutline, BodyOutline, ErrorBody, ResourceOutline};
use crate::representation::{Personal, pascal_case};
use crate::request::ApiKind;
use crate::site;
use crate::tree::{Group, Operation, Outline, Resource, Tree};
use schema::{described, error_object, page};

/// What every operation may answer besides its own answer.
const FAULTS: [u16; 12] = [400, 401, 403, 404, 405, 408, 409, 413, 429, 431, 500, 503];
/// The same of those that take a form.
const UNSUPPORTED_MEDIA_TYPE: u16 = 415;

const ABOUT: &str = "Manages SIP domains, who may call in to them, and the calls.\n\nPaths below `/2010-04-01` end \
with what the answer is written in: `.json` as shown here, `.xml` or nothing for XML, `.csv` for a table. Parameters \
that no operation knows are ignored. Lists come in pages; each says where the next one is.";

/// The document about what is in the tree.
pub(crate) fn document<C>(tree: &Tree<C>) -> Json {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for resource in tree.resources() {
        let mut operations = Map::new();
        for (verb, operation) in resource.operations() {
            let outline = (operation.outline)();
            if let BodyOutline::One(shown) | BodyOutline::Page(shown) = &outline.answer.body {
                schemas.insert(shown.shape.name.to_owned(), schema::object(shown));
            }
            operations.insert(verb.to_ascii_lowercase(), describe(resource, verb, operation, &outline));
        }
        paths.insert(documented_path(resource), operations.into());
    }
    paths.extend(site::operations());
    schemas.insert("Error".to_owned(), error_object(&ResourceOutline::of::<ErrorBody>()));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Ringway",
            "summary": "A SIP service of your own.",
            "description": ABOUT,
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"basic": []}],
        "tags": tags(tree),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": faults(),
            "securitySchemes": {"basic": {
                "type": "http",
                "scheme": "basic",
                "description": "The SID of an account and its auth token, or the SID of an API key and its secret.",
            }},
        },
    })
}

/// The path of a resource as a client asks for JSON.
fn documented_path<C>(resource: &Resource<C>) -> String {
    match resource.scope.api() {
        ApiKind::V2010 => format!("{}.json", resource.path),
        ApiKind::Product => resource.path.clone(),
    }
}

fn tags<C>(tree: &Tree<C>) -> Vec<Json> {
    let mut groups: Vec<&'static Group> = Vec::new();
    for resource in tree.resources() {
        if !groups.iter().any(|group| group.name == resource.group.name) {
            groups.push(resource.group);
        }
    }
    let tag = |group: &&Group| json!({"name": group.name, "description": group.about});
    let mut tags: Vec<_> = groups.iter().map(tag).collect();
    tags.push(json!({"name": site::GROUP.name, "description": site::GROUP.about}));
    tags
}

fn describe<C>(resource: &Resource<C>, verb: &str, operation: &Operation<C>, outline: &Outline) -> Json {
    let mut parameters = path_parameters(resource, outline);
    let personal = personal_parameters(&outline.answer);
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.about,
        "tags": [resource.group.name],
        "responses": responses(resource.scope.api(), verb, &outline.answer),
    });
    if verb == "POST" {
        if let Some(body) = body(&outline.parameters, &personal) {
            described["requestBody"] = body;
        }
    } else {
        parameters.extend(outline.parameters.iter().map(|parameter| query_parameter(parameter, &personal)));
    }
    described["parameters"] = parameters.into();
    if resource.is_old {
        described["deprecated"] = true.into();
    }
    described
}

/// The variable segments of the path: their names come from the path, their schemas from the handler.
fn path_parameters<C>(resource: &Resource<C>, outline: &Outline) -> Vec<Json> {
    let names = resource.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let account = resource.scope.names_account().then(|| crate::rules::sid::schema("AC"));
    let schemas = account.into_iter().chain(outline.segments.iter().cloned());
    let parameter = |(name, schema)| json!({"name": name, "in": "path", "required": true, "schema": schema});
    names.zip(schemas).map(parameter).collect()
}

/// The parameters that set a field which tells about a person, with how it is to be handled.
fn personal_parameters(answer: &AnswerOutline) -> Vec<(String, Personal)> {
    let (BodyOutline::One(shown) | BodyOutline::Page(shown)) = &answer.body else { return Vec::new() };
    let personal = |property: &crate::representation::Property<()>| {
        Some((pascal_case(property.name), property.personal?))
    };
    shown.properties.iter().filter_map(personal).collect()
}

fn parameter_schema(parameter: &ParameterOutline, personal: &[(String, Personal)]) -> Json {
    let mut schema = parameter.schema.clone();
    if let Some((_, personal)) = personal.iter().find(|(name, _)| name == parameter.name) {
        schema["x-ringway"] = schema::personal(*personal);
    }
    schema
}

fn query_parameter(parameter: &ParameterOutline, personal: &[(String, Personal)]) -> Json {
    json!({
        "name": parameter.name,
        "in": "query",
        "description": parameter.about,
        "required": parameter.is_required,
        "schema": parameter_schema(parameter, personal),
    })
}

fn body(parameters: &[ParameterOutline], personal: &[(String, Personal)]) -> Option<Json> {
    if parameters.is_empty() {
        return None;
    }
    let property = |parameter: &ParameterOutline| {
        let schema = described(parameter_schema(parameter, personal), &parameter.about);
        (parameter.name.to_owned(), schema)
    };
    let properties: Map<_, _> = parameters.iter().map(property).collect();
    let required = parameters.iter().filter(|parameter| parameter.is_required);
    let required: Vec<_> = required.map(|parameter| parameter.name).collect();
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    Some(json!({
        "required": !required.is_empty(),
        "content": {"application/x-www-form-urlencoded": {"schema": schema}},
    }))
}

fn responses(api: ApiKind, verb: &str, answer: &AnswerOutline) -> Json {
    let mut responses = Map::new();
    let about = answer.status.canonical_reason().unwrap_or_default();
    let mut good = json!({"description": about});
    let schema = match &answer.body {
        BodyOutline::Nothing => None,
        BodyOutline::One(shown) => Some(schema::reference(shown)),
        BodyOutline::Page(shown) => Some(page(api, shown)),
    };
    if let Some(schema) = schema {
        good["content"] = json!({"application/json": {"schema": schema}});
    }
    responses.insert(answer.status.as_str().to_owned(), good);
    let faults = FAULTS.into_iter().chain((verb == "POST").then_some(UNSUPPORTED_MEDIA_TYPE));
    for status in faults {
        let reference = json!({"$ref": format!("#/components/responses/{status}")});
        responses.insert(status.to_string(), reference);
    }
    responses.into()
}

/// The responses that are not good, each with the errors it may tell of.
fn faults() -> Json {
    let mut responses = Map::new();
    for status in FAULTS.into_iter().chain([UNSUPPORTED_MEDIA_TYPE]) {
        let codes = Code::ALL.iter().filter(|code| code.status().as_u16() == status);
        let mut texts: Vec<_> = codes
            .map(|code| match code.number() {
                Some(number) => format!("{number} {}", code.text()),
                None => code.text().to_owned(),
            })
            .collect();
        texts.sort();
        texts.dedup();
        let content = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}});
        let mut response = match status {
            // The server answers this before the request reaches anything that could write a body.
            431 => json!({"description": "Request Header Fields Too Large"}),
            _ => json!({"description": texts.join("; "), "content": content}),
        };
        let header = match status {
            401 => Some("WWW-Authenticate"),
            405 => Some("Allow"),
            429 | 503 => Some("Retry-After"),
            _ => None,
        };
        if let Some(header) = header {
            response["headers"] = json!({header: {"required": true, "schema": {"type": "string"}}});
        }
        responses.insert(status.to_string(), response);
    }
    responses.into()
}
