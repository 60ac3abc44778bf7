//! The OpenAPI document and what is served: neither has what the other has not.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use http::Request;
use jsonschema::Validator;
use ringway_rest::Api;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::world::{ACCOUNT, FakeCalls, Reply, World};

const VERBS: [&str; 4] = ["GET", "POST", "DELETE", "PUT"];

/// The document, and the schemas of it that were needed so far. The same for every world.
struct Document {
    json: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

static DOCUMENT: OnceCell<Document> = OnceCell::const_new();

async fn document(api: &Api<FakeCalls>) -> &'static Document {
    let fetch = || async {
        let request = Request::get("/openapi.json").body(Body::empty()).unwrap();
        let reply = Reply::read(api.handle(request).await).await;
        Document { json: reply.found(), validators: Mutex::default() }
    };
    DOCUMENT.get_or_init(fetch).await
}

/// Fails when a reply in JSON of a documented operation is not as documented, or has a status that is not.
pub(crate) async fn check(api: &Api<FakeCalls>, method: &str, path: &str, reply: &Reply) {
    if reply.header("content-type") != "application/json" {
        return;
    }
    let document = document(api).await;
    let Some((template, operation)) = document.operation(method, path) else { return };
    let (status, verb) = (reply.status.as_str(), method.to_ascii_lowercase());
    let response = &operation["responses"][status];
    assert!(response.is_object(), "{method} {path} answered {status}: not documented");
    let pointer = match response["$ref"].as_str() {
        Some(reference) => format!("{reference}/content/application~1json/schema"),
        None => format!(
            "#/paths/{}/{verb}/responses/{status}/content/application~1json/schema",
            template.replace('~', "~0").replace('/', "~1").replace('{', "%7B").replace('}', "%7D"),
        ),
    };
    let validator = document.validator(pointer);
    let found = reply.json();
    let errors: Vec<_> =
        validator.iter_errors(&found).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{method} {path}: {errors:#?}\n{found:#}");
}

impl Document {
    fn operation(&self, method: &str, path: &str) -> Option<(&str, &Value)> {
        let asked = path.trim_end_matches('/');
        let paths = self.json["paths"].as_object().unwrap();
        let mut found: Vec<_> = paths.iter().filter(|(template, _)| matches(template, asked)).collect();
        found.sort_by_key(|(template, _)| template.matches('{').count());
        let (template, operations) = found.into_iter().next()?;
        Some((template, operations.get(method.to_ascii_lowercase())?))
    }

    fn validator(&self, pointer: String) -> Arc<Validator> {
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        let made = validators.entry(pointer).or_insert_with_key(|pointer| {
            let mut schema = self.json.clone();
            schema["$ref"] = json!(pointer);
            let options = jsonschema::options().should_validate_formats(true);
            Arc::new(options.build(&schema).unwrap_or_else(|error| panic!("{pointer}: {error}")))
        });
        made.clone()
    }
}

fn matches(template: &str, path: &str) -> bool {
    let split = |text: &str| -> Vec<String> { text.split('/').map(str::to_owned).collect() };
    let (template, path) = (split(template), split(path));
    let same = |(of_template, of_path): (&String, &String)| match of_template.split_once('}') {
        Some((_, extension)) => of_path.ends_with(extension) && of_path.len() > extension.len(),
        None => of_template == of_path,
    };
    template.len() == path.len() && template.iter().zip(&path).all(same)
}

/// A path of the document with something in its variable segments.
fn filled(template: &str, operation: &Value) -> String {
    let mut path = template.replace("{AccountSid}", ACCOUNT);
    for parameter in operation["parameters"].as_array().unwrap() {
        let name = parameter["name"].as_str().unwrap();
        let prefix = parameter["schema"]["pattern"].as_str().and_then(|pattern| pattern.get(1..3));
        let value = match (name, prefix) {
            ("Sid", Some("AC")) => ACCOUNT.to_owned(),
            ("IsoCode", _) => "GB".to_owned(),
            (_, Some(prefix)) => format!("{prefix}{}", "0".repeat(32)),
            (_, None) => continue,
        };
        path = path.replace(&format!("{{{name}}}"), &value);
    }
    path
}

#[tokio::test]
async fn what_is_documented_is_served_and_no_other_verb() {
    let world = World::new().await;
    let document = document(&world.api).await;
    for (template, operations) in document.json["paths"].as_object().unwrap() {
        let any = operations.as_object().unwrap().values().next().unwrap();
        let path = filled(template, any);
        assert!(!path.contains('{'), "{path}");
        for verb in VERBS {
            let reply = world.ask(verb, &path, "").await;
            let is_documented = operations.get(verb.to_ascii_lowercase()).is_some();
            assert_eq!(reply.status != 405, is_documented, "{verb} {path}: {}", reply.text);
            let allow = reply.header("allow").to_owned();
            assert!(is_documented || allow.split(", ").eq(documented(operations)), "{verb} {path}: {allow}");
        }
    }
}

fn documented(operations: &Value) -> impl Iterator<Item = &'static str> {
    VERBS.into_iter().filter(|verb| operations.get(verb.to_ascii_lowercase()).is_some())
}

#[tokio::test]
async fn operations_have_names_of_their_own_and_say_what_they_take() {
    let world = World::new().await;
    let document = document(&world.api).await;
    assert_eq!(document.json["openapi"], "3.1.0");
    let mut names = HashSet::new();
    for operations in document.json["paths"].as_object().unwrap().values() {
        for operation in operations.as_object().unwrap().values() {
            assert!(names.insert(operation["operationId"].as_str().unwrap()), "{operation}");
            assert!(operation["summary"].as_str().unwrap().ends_with('.'), "{operation}");
        }
    }
    let create = &document.json["paths"]["/2010-04-01/Accounts/{AccountSid}/SIP/Domains.json"]["post"];
    let form = &create["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"];
    assert_eq!(form["required"], json!(["DomainName"]));
    assert_eq!(form["properties"]["FriendlyName"]["maxLength"], 64);
    assert_eq!(form["properties"]["VoiceUrl"]["x-ringway"]["pii"]["handling"], "standard");
    let page_size = &document.json["paths"]["/v1/IpRecords"]["get"]["parameters"][0];
    assert_eq!((&page_size["name"], &page_size["schema"]["maximum"]), (&json!("PageSize"), &json!(1000)));
}

#[tokio::test]
async fn what_tells_about_a_person_is_marked_as_in_the_official_documents() {
    let world = World::new().await;
    let schemas = &document(&world.api).await.json["components"]["schemas"];
    for (schema, property, handling, days) in [
        ("SipDomain", "voice_url", "standard", 30),
        ("Credential", "username", "standard", 30),
        ("AuthCallsCredentialListMapping", "friendly_name", "standard", 0),
        ("Account", "auth_token", "sensitive", 30),
        ("Call", "from", "standard", 120),
        ("CallEvent", "response", "sensitive", 30),
        ("Address", "street", "standard", 30),
        ("IpRecord", "ip_address", "standard", 30),
    ] {
        let pii = &schemas[schema]["properties"][property]["x-ringway"]["pii"];
        assert_eq!(pii, &json!({"handling": handling, "deleteSla": days}), "{schema}.{property}");
    }
}

#[tokio::test]
async fn the_pages_need_no_credentials_and_nothing_from_elsewhere() {
    let world = World::new().await;
    for path in ["/docs", "/docs/", "/docs/errors", "/docs/errors/21232", "/docs/errors/32201"] {
        let reply = world.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, "text/html; charset=utf-8"));
        assert!(!reply.text.contains("src=") && !reply.text.contains("<script"), "{path}");
        assert!(!reply.text.contains("href=\"http"), "{path}");
    }
    let request = Request::get("/docs").body(Body::empty()).unwrap();
    let reference = world.send(request).await.text;
    assert!(reference.contains("--data-urlencode 'DomainName=acme.sip.twilio.com'"));
    for path in ["/docs/errors/99999", "/docs/errors/x", "/docs/nothing"] {
        let reply = world.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert!(reply.status == 404 && reply.text.contains(path), "{}", reply.text);
    }
    let post = Request::post("/openapi.json").body(Body::empty()).unwrap();
    world.send(post).await.refused(405, 20004, "Method not allowed");
}

#[tokio::test]
async fn more_info_leads_to_a_page_where_the_client_reached_us() {
    let world = World::new().await;
    let request = Request::get("/2010-04-01/x.json").header("host", "sip.example:8080");
    let body = world.send(request.body(Body::empty()).unwrap()).await.json();
    assert_eq!(body["more_info"], "http://sip.example:8080/docs/errors/20003");
}
