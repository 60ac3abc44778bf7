//! The official OpenAPI documents, read in place: every operation of theirs that is served is asked of the running
//! binary, and what comes back is judged by their schemas. What is not served is listed, and the list is known.
#![allow(clippy::print_stdout)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use jsonschema::Validator;
use ringway_testkit::application::{Answer, Application};
use ringway_testkit::http::{self, Login, Reply};
use ringway_testkit::ringway::{ACCOUNT, TOKEN};
use ringway_testkit::tools::shared;
use ringway_testkit::{Phone, Ringway, wait_for};
use serde_json::{Value, json};

const DOCUMENTS: [&str; 3] = ["oai-sip.json", "oai-voice.json", "oai-voice-v1.json"];
const LIMIT: Duration = Duration::from_secs(30);

/// What is made, in this order, and of what: the operation, and its form. `$X` is the SID of the X made before.
const MADE: &[(&str, &str)] = &[
    ("CreateAccount", "FriendlyName=Sub"),
    ("CreateNewKey", "FriendlyName=A"),
    ("CreateNewSigningKey", "FriendlyName=B"),
    (
        "CreateAddress",
        "CustomerName=A&Street=1 Main&City=B&Region=C&PostalCode=1&IsoCountry=US&EmergencyEnabled=true",
    ),
    ("CreateApplication", "FriendlyName=A&VoiceUrl=http://a.example/"),
    ("CreateValidationRequest", "PhoneNumber=+15105550000"),
    ("CreateIncomingPhoneNumberLocal", "PhoneNumber=+15105550001"),
    ("CreateIncomingPhoneNumberMobile", "PhoneNumber=+15105550002"),
    ("CreateIncomingPhoneNumberTollFree", "PhoneNumber=+18005550003"),
    ("CreateIncomingPhoneNumber", "PhoneNumber=+15105550004&AddressSid=$Addresses"),
    ("CreateByocTrunk", "FriendlyName=A&VoiceUrl=http://a.example/"),
    ("CreateConnectionPolicy", "FriendlyName=A"),
    ("CreateConnectionPolicyTarget", "Target=sip:gateway.example.com&FriendlyName=A"),
    ("CreateIpRecord", "IpAddress=192.0.2.1&FriendlyName=A"),
    ("CreateSipDomain", "DomainName=walk.sip.twilio.com&FriendlyName=A&VoiceUrl=http://a.example/"),
    ("CreateSipCredentialList", "FriendlyName=A"),
    ("CreateSipCredential", "Username=a&Password=Correct0Horse"),
    ("CreateSipIpAccessControlList", "FriendlyName=A"),
    ("CreateSipIpAddress", "FriendlyName=A&IpAddress=192.0.2.1"),
    ("CreateSipAuthCallsCredentialListMapping", "CredentialListSid=$CredentialLists"),
    ("CreateSipAuthCallsIpAccessControlListMapping", "IpAccessControlListSid=$IpAccessControlLists"),
    ("CreateSipAuthRegistrationsCredentialListMapping", "CredentialListSid=$CredentialLists"),
    ("CreateSourceIpMapping", "IpRecordSid=$IpRecords&SipDomainSid=$Domains"),
    ("CreateCall", "To=sip:a@127.0.0.1:9&From=a&Url=http://127.0.0.1:9/"),
    ("CreateDialingPermissionsCountryBulkUpdate", "UpdateRequest=[{\"iso_code\":\"GB\"}]"),
];

/// The older door to mappings for calls: the same sets, so what is made at one is deleted before the other is tried.
const MADE_AGAIN: &[(&str, &str, &str)] = &[
    (
        "DeleteSipAuthCallsCredentialListMapping",
        "CreateSipCredentialListMapping",
        "CredentialListSid=$CredentialLists",
    ),
    (
        "DeleteSipAuthCallsIpAccessControlListMapping",
        "CreateSipIpAccessControlListMapping",
        "IpAccessControlListSid=$IpAccessControlLists",
    ),
];

/// Forms of updates that need one.
const UPDATES: &[(&str, &str)] = &[
    ("UpdateSipCredentialList", "FriendlyName=B"),
    ("UpdateSipIpAccessControlList", "FriendlyName=B"),
    ("UpdateSourceIpMapping", "SipDomainSid=$Domains"),
];

/// What is deleted, in this order.
const DELETED: &[&str] = &[
    "DeleteSourceIpMapping",
    "DeleteSipCredentialListMapping",
    "DeleteSipIpAccessControlListMapping",
    "DeleteSipAuthRegistrationsCredentialListMapping",
    "DeleteSipCredential",
    "DeleteSipIpAddress",
    "DeleteSipCredentialList",
    "DeleteSipIpAccessControlList",
    "DeleteSipDomain",
    "DeleteIpRecord",
    "DeleteConnectionPolicyTarget",
    "DeleteConnectionPolicy",
    "DeleteByocTrunk",
    "DeleteIncomingPhoneNumber",
    "DeleteOutgoingCallerId",
    "DeleteApplication",
    "DeleteAddress",
    "DeleteSigningKey",
    "DeleteKey",
    "DeleteCall",
];

/// What is not served, by what it is about, with the reason.
const NOT_SERVED: &[(&str, &[&str])] = &[
    (
        "nothing is recorded yet, so there is nothing true to list",
        &[
            "ListRecording",
            "FetchRecording",
            "DeleteRecording",
            "ListCallRecording",
            "CreateCallRecording",
            "FetchCallRecording",
            "UpdateCallRecording",
            "DeleteCallRecording",
            "ListRecordingTranscription",
            "FetchRecordingTranscription",
            "DeleteRecordingTranscription",
            "ListTranscription",
            "FetchTranscription",
            "DeleteTranscription",
        ],
    ),
    (
        "there are no conferences yet",
        &[
            "ListConference",
            "FetchConference",
            "UpdateConference",
            "ListConferenceRecording",
            "FetchConferenceRecording",
            "UpdateConferenceRecording",
            "DeleteConferenceRecording",
            "ListParticipant",
            "CreateParticipant",
            "FetchParticipant",
            "UpdateParticipant",
            "DeleteParticipant",
        ],
    ),
    (
        "there are no queues yet",
        &[
            "ListQueue",
            "CreateQueue",
            "FetchQueue",
            "UpdateQueue",
            "DeleteQueue",
            "ListMember",
            "FetchMember",
            "UpdateMember",
        ],
    ),
    (
        "media of a live call cannot be led elsewhere yet",
        &[
            "CreateStream",
            "UpdateStream",
            "CreateSiprec",
            "UpdateSiprec",
            "CreateRealtimeTranscription",
            "UpdateRealtimeTranscription",
        ],
    ),
    (
        "nothing here is paid for",
        &[
            "CreatePayments",
            "UpdatePayments",
            "FetchBalance",
            "ListUsageTrigger",
            "CreateUsageTrigger",
            "FetchUsageTrigger",
            "UpdateUsageTrigger",
            "DeleteUsageTrigger",
        ],
    ),
    (
        "clients of the browser kind are not served",
        &[
            "CreateToken",
            "CreateUserDefinedMessage",
            "CreateUserDefinedMessageSubscription",
            "DeleteUserDefinedMessageSubscription",
        ],
    ),
    ("finished calls are not archived: they are kept or purged", &["DeleteArchivedCall"]),
];

/// Fields of the official schemas that answers do not have, by schema, with the reason.
const LEFT_OUT: &[(&str, &str)] = &[];

#[test]
fn everything_that_is_served_answers_as_the_official_documents_say() {
    let Some(mut walk) = Walk::begin() else { return };
    let served = walk.served();
    let missing: BTreeSet<_> = walk.operations.keys().filter(|id| !served.contains(*id)).cloned().collect();
    println!("not served: {}", missing.iter().cloned().collect::<Vec<_>>().join(", "));
    let expected: BTreeSet<_> =
        NOT_SERVED.iter().flat_map(|(_, ids)| ids.iter().map(|id| (*id).to_owned())).collect();
    assert_eq!(missing, expected, "what is not served is not what was expected");

    for (id, form) in MADE {
        walk.ask(id, form);
    }
    walk.read();
    for (delete, create, form) in MADE_AGAIN {
        walk.ask(delete, "");
        walk.ask(create, form);
    }
    walk.read();
    walk.update();
    for id in DELETED {
        walk.ask(id, "");
    }
    let asked: BTreeSet<_> = walk.asked.iter().cloned().collect();
    let forgotten: Vec<_> = served.difference(&asked).collect();
    assert!(forgotten.is_empty(), "served and not asked: {forgotten:?}");
    println!("{} operations served, {} not", served.len(), missing.len());
    assert!(
        walk.complaints.is_empty(),
        "{} complaints:\n{}",
        walk.complaints.len(),
        walk.complaints.join("\n")
    );
}

/// An operation of the official documents.
struct Operation {
    method: String,
    path: String,
    /// The status of a good answer, and its schema unless it has no body.
    status: u16,
    validator: Option<Validator>,
    /// The fields of what it shows, as the schema has them.
    fields: Vec<String>,
    is_list: bool,
}

struct Walk {
    ringway: Ringway,
    operations: BTreeMap<String, Operation>,
    /// The SIDs of what was made, by the segment that they follow.
    sids: HashMap<String, String>,
    asked: BTreeSet<String>,
    complaints: Vec<String>,
}

impl Walk {
    fn begin() -> Option<Self> {
        let mut operations = BTreeMap::new();
        for name in DOCUMENTS {
            let path = shared(&format!("contract/{name}"))?;
            let text = std::fs::read_to_string(path).expect("the document");
            let document: Value = serde_json::from_str(&text).expect("JSON");
            read_document(&modern(&document), &mut operations);
        }
        let ringway = Ringway::start();
        let mut sids = HashMap::from([("Countries".to_owned(), "GB".to_owned())]);
        let (call, notification) = call_that_fails(&ringway);
        sids.extend([("Calls".to_owned(), call), ("Notifications".to_owned(), notification)]);
        let complaints = Vec::new();
        Some(Self { ringway, operations, sids, asked: BTreeSet::new(), complaints })
    }

    /// The operations that are not answered as if they were not there. They are asked without credentials of
    /// theirs, so that nothing is changed: a resource that exists asks who is there only after it was found.
    fn served(&self) -> BTreeSet<String> {
        let document = http::request(self.ringway.http, "GET", "/openapi.json", None, &[]).json();
        let ours: BTreeSet<String> = document["paths"]
            .as_object()
            .expect("paths")
            .iter()
            .flat_map(|(path, verbs)| {
                verbs.as_object().expect("verbs").keys().map(move |verb| format!("{verb} {path}"))
            })
            .collect();
        let is_ours = |operation: &Operation| {
            ours.contains(&format!("{} {}", operation.method.to_lowercase(), operation.path))
        };
        for operation in self.operations.values().filter(|operation| !is_ours(operation)) {
            let reply = self.send(operation, "");
            assert!(
                matches!(reply.status, 404 | 405),
                "{} {}: {}, and is not in our document",
                operation.method,
                operation.path,
                reply.status
            );
        }
        self.operations.iter().filter(|(_, operation)| is_ours(operation)).map(|(id, _)| id.clone()).collect()
    }

    /// Every GET.
    fn read(&mut self) {
        let ids: Vec<_> = self
            .operations
            .iter()
            .filter(|(id, operation)| operation.method == "GET" && !is_expected_missing(id))
            .map(|(id, _)| id.clone())
            .collect();
        for id in ids {
            let operation = &self.operations[&id];
            if self.path(operation).is_some() {
                self.ask(&id, "");
            }
        }
    }

    /// Every POST that changes something.
    fn update(&mut self) {
        let is_made = |id: &str| id.starts_with("Create");
        let ids: Vec<_> = self
            .operations
            .iter()
            .filter(|(id, operation)| operation.method == "POST" && !is_made(id) && !is_expected_missing(id))
            .map(|(id, _)| id.clone())
            .collect();
        for id in ids {
            let form =
                UPDATES.iter().find(|(update, _)| *update == id).map_or("FriendlyName=B", |(_, form)| form);
            self.ask(&id, form);
        }
    }

    /// Asks it and judges the answer.
    fn ask(&mut self, id: &str, form: &str) {
        let operation = self.operations.get(id).unwrap_or_else(|| panic!("no operation {id}"));
        let reply = self.send(operation, form);
        self.asked.insert(id.to_owned());
        let mut complain = |what: String| self.complaints.push(format!("{id}: {what}"));
        if reply.status != operation.status {
            complain(format!("{} and not {}: {}", reply.status, operation.status, reply.body));
            return;
        }
        let Some(validator) = &operation.validator else {
            assert_eq!(reply.body, "", "{id}");
            let segment = collection(&operation.path);
            // What is deleted at one door of a domain is made again at the other.
            if !segment.ends_with("Mappings") || segment == "SourceIpMappings" {
                self.sids.remove(segment);
            }
            return;
        };
        let body = reply.json();
        for error in validator.iter_errors(&body) {
            complain(format!("{}: {error}", error.instance_path()));
        }
        let shown = if operation.is_list { first_row(&body) } else { Some(&body) };
        for field in shown.map(|shown| differences(&operation.fields, shown)).unwrap_or_default() {
            complain(field);
        }
        if let (Some(sid), true) =
            (body["sid"].as_str(), operation.method == "POST" && id.starts_with("Create"))
        {
            let segment = collection(&operation.path);
            // The call that failed stays: the notification is of that one.
            if segment != "Calls" {
                self.sids.insert(segment.to_owned(), sid.to_owned());
            }
        }
        if id == "CreateValidationRequest" {
            let list = self.ringway.fetch("/OutgoingCallerIds.json");
            let sid = list["outgoing_caller_ids"][0]["sid"].as_str().expect("a SID");
            self.sids.insert("OutgoingCallerIds".to_owned(), sid.to_owned());
        }
    }

    fn send(&self, operation: &Operation, form: &str) -> Reply {
        let path = self.path(operation).unwrap_or_else(|| operation.path.replace(['{', '}'], ""));
        let form: Vec<(String, String)> = form
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), self.value(value)))
            .collect();
        let form: Vec<(&str, &str)> =
            form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let login = Login { user: ACCOUNT.to_owned(), password: TOKEN.to_owned() };
        http::request(self.ringway.http, &operation.method, &path, Some(&login), &form)
    }

    fn value(&self, value: &str) -> String {
        match value.strip_prefix('$') {
            Some(segment) => self.sids[segment].clone(),
            None => value.to_owned(),
        }
    }

    /// The path with the SIDs of what was made, unless something of it was not.
    fn path(&self, operation: &Operation) -> Option<String> {
        let mut filled: Vec<String> = Vec::new();
        let (stem, extension) = match operation.path.strip_suffix(".json") {
            Some(stem) => (stem, ".json"),
            None => (operation.path.as_str(), ""),
        };
        for segment in stem.split('/') {
            let value = match segment {
                "{AccountSid}" => ACCOUNT.to_owned(),
                _ if !segment.starts_with('{') => segment.to_owned(),
                _ => match filled.last().map(String::as_str) {
                    Some("Accounts") => ACCOUNT.to_owned(),
                    // The SID of a mapping is that of what is mapped.
                    Some("CredentialListMappings") => self.sids.get("CredentialLists")?.clone(),
                    Some("IpAccessControlListMappings") => self.sids.get("IpAccessControlLists")?.clone(),
                    Some(before) => self.sids.get(before)?.clone(),
                    None => return None,
                },
            };
            filled.push(value);
        }
        Some(filled.join("/") + extension)
    }
}

fn is_expected_missing(id: &str) -> bool {
    NOT_SERVED.iter().any(|(_, ids)| ids.contains(&id))
}

/// The segment that names what an operation is about.
fn collection(path: &str) -> &str {
    let stem = path.strip_suffix(".json").unwrap_or(path);
    let segment = stem.split('/').rfind(|segment| !segment.starts_with('{')).unwrap_or_default();
    match segment {
        "Local" | "Mobile" | "TollFree" => "IncomingPhoneNumbers",
        other => other,
    }
}

fn first_row(body: &Value) -> Option<&Value> {
    body.as_object()?.values().find_map(Value::as_array)?.first()
}

/// What one has and the other has not.
fn differences(expected: &[String], shown: &Value) -> Vec<String> {
    let fields: BTreeSet<&str> =
        shown.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let expected: BTreeSet<&str> = expected.iter().map(String::as_str).collect();
    let left_out = |field: &&&str| !LEFT_OUT.iter().any(|(name, _)| *name == **field);
    let lacks = expected.difference(&fields).filter(left_out).map(|field| format!("lacks {field}"));
    let adds = fields.difference(&expected).map(|field| format!("adds {field}"));
    lacks.chain(adds).collect()
}

/// A call whose application fails, so that there are a call, its events and a notification.
fn call_that_fails(ringway: &Ringway) -> (String, String) {
    let application = Application::start();
    application.answer("/voice", Answer::twiml("<Hangup"));
    ringway.domain_with_address("failing", &[("VoiceUrl", &application.url("/voice"))], "127.0.0.1");
    Phone::to(ringway, "sip:a@failing.sip.twilio.com").dial().done();
    let call = application.wait("/voice", 1, LIMIT).param("CallSid").to_owned();
    let path = format!("/Calls/{call}");
    wait_for("the end of the call", LIMIT, || {
        (ringway.fetch(&format!("{path}.json"))["end_time"].is_string()).then_some(())
    });
    let notification = wait_for("a notification", LIMIT, || {
        let list = ringway.fetch(&format!("{path}/Notifications.json"));
        list["notifications"][0]["sid"].as_str().map(str::to_owned)
    });
    (call, notification)
}

/// Finds the operations of a document.
fn read_document(document: &Value, operations: &mut BTreeMap<String, Operation>) {
    for (path, verbs) in document["paths"].as_object().expect("paths") {
        for method in ["get", "post", "delete"] {
            let operation = &verbs[method];
            let Some(id) = operation["operationId"].as_str() else { continue };
            let responses = operation["responses"].as_object().expect("responses");
            let (status, response) =
                responses.iter().find(|(status, _)| status.starts_with('2')).expect("a 2xx");
            let schema = &response["content"]["application/json"]["schema"];
            let resource = schema["properties"].as_object().and_then(|properties| {
                properties.values().find_map(|property| property["items"]["$ref"].as_str())
            });
            let shown =
                resolve(document, resource.map_or(schema.clone(), |reference| json!({"$ref": reference})));
            let fields = shown["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone());
            let operation = Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                status: status.parse().expect("a number"),
                validator: schema.is_object().then(|| validator(document, schema)),
                fields: fields.collect(),
                is_list: resource.is_some(),
            };
            operations.insert(id.to_owned(), operation);
        }
    }
}

fn resolve(document: &Value, schema: Value) -> Value {
    match schema["$ref"].as_str() {
        Some(reference) => {
            document.pointer(reference.trim_start_matches('#')).expect("what is referred to").clone()
        }
        None => schema,
    }
}

fn validator(document: &Value, schema: &Value) -> Validator {
    let mut whole = schema.clone();
    whole["components"] = document["components"].clone();
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .with_format("date-time-rfc-2822", is_rfc_2822)
        // They are relative more often than not, and empty where nothing was asked.
        .with_format("uri", |uri: &str| {
            uri.is_empty() || uri.starts_with('/') || uri.starts_with("sip:") || uri.contains("://")
        })
        .build(&whole)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// `Mon, 20 Jul 2015 17:27:10 +0000`
fn is_rfc_2822(date: &str) -> bool {
    let pattern = "Aaa, dd Aaa dddd dd:dd:dd +0000";
    date.len() == pattern.len()
        && date.chars().zip(pattern.chars()).all(|(letter, place)| match place {
            'A' => letter.is_ascii_uppercase(),
            'a' => letter.is_ascii_lowercase(),
            'd' => letter.is_ascii_digit(),
            _ => letter == place,
        })
}

/// The schemas of OpenAPI 3.0 as those of JSON Schema: what may be null says so in its type.
fn modern(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(modern).collect(),
        Value::Object(members) => {
            let mut object: serde_json::Map<_, _> =
                members.iter().map(|(name, member)| (name.clone(), modern(member))).collect();
            if object.get("nullable") == Some(&json!(true)) {
                if let Some(kind @ Value::String(_)) = object.get("type").cloned() {
                    object.insert("type".to_owned(), json!([kind, "null"]));
                }
                if let Some(Value::Array(words)) = object.get_mut("enum") {
                    words.push(Value::Null);
                }
            }
            object.into()
        }
        other => other.clone(),
    }
}
