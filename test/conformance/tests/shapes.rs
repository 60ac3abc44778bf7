//! The requests of client libraries whose languages are not installed here, byte for byte as those libraries
//! write them, and of the replies what those libraries read (contract, rest.md 5).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ringway_testkit::Ringway;
use ringway_testkit::http::{self, Reply};
use ringway_testkit::ringway::{ACCOUNT, TOKEN, sid};
use serde_json::Value;

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
/// What a page has beside its one list: libraries take the one other key for it.
const PAGING: [&str; 8] =
    ["end", "first_page_uri", "next_page_uri", "page", "page_size", "previous_page_uri", "start", "uri"];

/// The one-file library up to 4.12: curl with a header for each convention, pages by number and size, and any 2xx
/// with an empty body is true.
#[test]
fn php_4() {
    let library = Library::new(&["User-Agent: twilio-php/4.12.0 (PHP 5.6.40)", "Accept-Charset: utf-8"]);
    let form = "DomainName=php-4.sip.twilio.com&FriendlyName=My+Domain&VoiceUrl=https%3A%2F%2Fdemo.twilio.com%2Fwelcome&AuthType=IP_ACL";
    let domain = library.creates("/SIP/Domains.json", FORM, form);
    assert_eq!(domain["friendly_name"], "My Domain");
    let page = library.page("/SIP/Domains.json?Page=0&PageSize=50", "domains");
    assert_eq!((&page["next_page_uri"], &page["page"]), (&Value::Null, &0.into()));
    library.page("/SIP/Domains.json?Page=0&PageSize=50&FriendlyName=ignored", "domains");
    library.deletes(&format!("/SIP/Domains/{}.json", sid(&domain)), &[FORM, "Content-Length: 0"]);
}

/// From 5 on: curl's long bodies wait for 100, and repeated keys stand for arrays.
#[test]
fn php_5_and_later() {
    let library = Library::new(&[
        "User-Agent: twilio-php/8.3.1 (PHP 8.2.0)",
        "Accept-Charset: utf-8",
        "Accept: application/json",
    ]);
    let name = "a".repeat(60);
    let form = format!(
        "DomainName=php-5.sip.twilio.com&FriendlyName={name}&Unknown=1&Unknown=2&{}",
        "Filler=x&".repeat(200)
    );
    let domain = library.creates_after_100("/SIP/Domains.json", FORM, &form);
    assert_eq!(domain["friendly_name"], name.as_str());
    let changed = library.updates(&domain, FORM, "SipRegistration=true&Secure=False");
    assert_eq!((&changed["sip_registration"], &changed["secure"]), (&true.into(), &false.into()));
    let error = library.fails(404, "GET", "/SIP/Domains/SDffffffffffffffffffffffffffffffff.json");
    assert!(error["message"].is_string() && error["more_info"].is_string(), "{error}");
    library.deletes(&format!("/SIP/Domains/{}.json", sid(&domain)), &[FORM]);
}

/// Net::HTTP: the list's key is the class's name, and compression is offered.
#[test]
fn ruby_3_and_4() {
    let library = Library::new(&[
        "Accept: application/json",
        "Accept-Charset: utf-8",
        "User-Agent: twilio-ruby/4.13.0 (ruby/x86_64-linux 2.3.8-p459)",
        "Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3",
    ]);
    let list = library.creates("/SIP/CredentialLists.json", FORM, "FriendlyName=Ruby+%C3%A9");
    assert_eq!(list["friendly_name"], "Ruby é");
    library.page("/SIP/CredentialLists.json", "credential_lists");
    library.deletes(&format!("/SIP/CredentialLists/{}.json", sid(&list)), &[]);
}

/// Faraday: parameters in the order of the alphabet, a form type on requests without a form, and pages by path and
/// query alone.
#[test]
fn ruby_5_and_later() {
    let library = Library::new(&[
        "User-Agent: twilio-ruby/7.3.0 (linux x86_64) Ruby/3.2.2",
        "Accept-Charset: utf-8",
        "Accept: application/json",
        "Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3",
        FORM,
    ]);
    for name in ["one", "two", "three"] {
        library.creates("/SIP/IpAccessControlLists.json", "X-Ruby: 1", &format!("FriendlyName={name}"));
    }
    let first = library.page("/SIP/IpAccessControlLists.json?Page=0&PageSize=2", "ip_access_control_lists");
    let next = first["next_page_uri"].as_str().expect("a second page");
    let second = library.reply("GET", next, &[], "").json();
    assert_eq!(second["ip_access_control_lists"].as_array().map(Vec::len), Some(1));
    let mappings = library.creates("/SIP/Domains.json", "X-Ruby: 1", "DomainName=ruby.sip.twilio.com");
    let auth = format!("/SIP/Domains/{}/Auth/Calls/CredentialListMappings.json", sid(&mappings));
    library.page(&auth, "contents");
}

/// Apache's client: a charset with the form, two requests on one connection, dates of RFC 2822.
#[test]
fn java_3_to_5() {
    let library = Library::new(&[
        "Accept: application/json",
        "Accept-Charset: utf-8",
        "User-Agent: twilio-java/5.12.0 (1.8.0_352)",
    ]);
    let charset = "Content-Type: application/x-www-form-urlencoded; charset=UTF-8";
    let domain = library.creates(
        "/SIP/Domains.json",
        charset,
        "DomainName=java.sip.twilio.com&FriendlyName=My+Domain",
    );
    let created = domain["date_created"].as_str().expect("a date");
    assert!(created.ends_with(" +0000") && created.as_bytes()[3] == b',', "{created}");
    let path = format!("/SIP/Domains/{}.json", sid(&domain));
    let both = format!(
        "{}{}",
        library.head("GET", &path, &["Connection: Keep-Alive"]),
        library.head("GET", &path, &["Connection: close"])
    );
    let mut stream = TcpStream::connect(library.ringway.http).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    stream.write_all(both.as_bytes()).expect("they are sent");
    let mut replies = String::new();
    stream.read_to_string(&mut replies).expect("two replies and the end");
    assert_eq!(replies.matches("HTTP/1.1 200 OK").count(), 2, "{replies}");
    library.deletes(&path, &[]);
}

/// From 7 on: an encoding that is none is accepted, and a page without a next one has null there.
#[test]
fn java_7_and_later() {
    let library = Library::new(&[
        "X-Twilio-Client: java-10.6.0",
        "User-Agent: twilio-java/10.6.0 (17.0.9)",
        "Accept: application/json",
        "Accept-Encoding: utf-8",
        "Connection: close",
    ]);
    let users = library.creates("/SIP/CredentialLists.json", FORM, "FriendlyName=Java");
    let path = format!("/SIP/CredentialLists/{}/Credentials.json", sid(&users));
    let alice = library.creates(&path, FORM, "Username=alice&Password=Correct1Horse");
    assert_eq!((&alice["username"], alice.get("password")), (&"alice".into(), None));
    assert_eq!(library.page(&format!("{path}?PageSize=50"), "credentials")["next_page_uri"], Value::Null);
    let error =
        library.reply("POST", &library.path(&path), &[FORM], "Username=alice&Password=Correct1Horse").json();
    assert!(error["code"].is_u64() && error["status"] == 400, "{error}");
}

/// RestSharp: asks for several types at once, and .NET sends no body before it is told to.
#[test]
fn csharp_3_and_4() {
    let library = Library::new(&[
        "Accept: application/json, application/xml, text/json, text/x-json, text/javascript, text/xml",
        "User-Agent: twilio-csharp/4.7.1 (.NET Framework 4.0.30319.42000)",
        "Accept-charset: utf-8",
        "Accept-Encoding: gzip, deflate",
    ]);
    let form = "FriendlyName=My%20Domain&VoiceUrl=https%3A%2F%2Fdemo.twilio.com%2Fwelcome&AuthType=IP_ACL&DomainName=csharp.sip.twilio.com";
    let domain = library.creates_after_100("/SIP/Domains.json", FORM, form);
    let page = library.page("/SIP/Domains.json", "domains");
    assert_eq!((&page["page_size"], &page["start"], &page["end"]), (&50.into(), &0.into(), &0.into()));
    library.deletes(&format!("/SIP/Domains/{}.json", sid(&domain)), &[]);
}

/// HttpClient: a form without fields comes with every DELETE, and only 204 is success.
#[test]
fn csharp_5_and_later() {
    let library = Library::new(&[
        "Accept: application/json",
        "Accept-Encoding: utf-8",
        "User-Agent: twilio-csharp/5.81.0 (.NET 4+)",
    ]);
    let acl = library.creates("/SIP/IpAccessControlLists.json", FORM, "FriendlyName=C%23");
    assert_eq!(acl["friendly_name"], "C#");
    let path = format!("/SIP/IpAccessControlLists/{}.json", sid(&acl));
    library.deletes(&path, &[FORM, "Content-Length: 0"]);
    library.fails(404, "GET", &path);
}

/// A library's own headers, and a server to send them to.
struct Library {
    ringway: Ringway,
    headers: String,
}

impl Library {
    fn new(headers: &[&str]) -> Self {
        let login = STANDARD.encode(format!("{ACCOUNT}:{TOKEN}"));
        let own: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        Self { ringway: Ringway::start(), headers: format!("Authorization: Basic {login}\r\n{own}") }
    }

    fn path(&self, path: &str) -> String {
        format!("/2010-04-01/Accounts/{ACCOUNT}{path}")
    }

    fn head(&self, method: &str, path: &str, more: &[&str]) -> String {
        let path = if path.starts_with("/2010") { path.to_owned() } else { self.path(path) };
        let more: String = more.iter().map(|header| format!("{header}\r\n")).collect();
        format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n{}{more}\r\n", self.ringway.http, self.headers)
    }

    fn reply(&self, method: &str, path: &str, more: &[&str], body: &str) -> Reply {
        let length = format!("Content-Length: {}", body.len());
        let mut more = more.to_vec();
        if !body.is_empty() {
            more.push(&length);
        }
        if !self.headers.contains("Connection:") {
            more.push("Connection: close");
        }
        http::send(self.ringway.http, &(self.head(method, path, &more) + body))
    }

    fn creates(&self, path: &str, kind: &str, form: &str) -> Value {
        let reply = self.reply("POST", path, &[kind], form);
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.json()
    }

    /// Sends the form only after `100 Continue`.
    fn creates_after_100(&self, path: &str, kind: &str, form: &str) -> Value {
        let length = format!("Content-Length: {}", form.len());
        let head = self.head("POST", path, &[kind, &length, "Expect: 100-continue", "Connection: close"]);
        let mut stream = TcpStream::connect(self.ringway.http).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        stream.write_all(head.as_bytes()).expect("the head is sent");
        let mut interim = [0; 25];
        stream.read_exact(&mut interim).expect("an interim reply");
        assert_eq!(interim.as_slice(), b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(form.as_bytes()).expect("the form is sent");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("the reply");
        let (head, body) = reply.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 201 "), "{reply}");
        serde_json::from_str(body).expect("JSON")
    }

    fn updates(&self, resource: &Value, kind: &str, form: &str) -> Value {
        let reply = self.reply("POST", resource["uri"].as_str().expect("a URI"), &[kind], form);
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()
    }

    /// A page whose one list is under `key`.
    fn page(&self, path: &str, key: &str) -> Value {
        let reply = self.reply("GET", path, &[], "");
        assert_eq!(reply.status, 200, "{reply:?}");
        let page = reply.json();
        let keys = page.as_object().expect("an object").keys();
        let lists: Vec<_> = keys.filter(|key| !PAGING.contains(&key.as_str())).collect();
        assert_eq!(lists, [key]);
        page
    }

    fn deletes(&self, path: &str, more: &[&str]) {
        let reply = self.reply("DELETE", path, more, "");
        assert_eq!((reply.status, reply.body.as_str()), (204, ""), "{reply:?}");
        assert!(reply.header("content-type").is_none(), "{reply:?}");
    }

    fn fails(&self, status: u16, method: &str, path: &str) -> Value {
        let reply = self.reply(method, path, &[], "");
        assert_eq!(reply.status, status, "{reply:?}");
        let error = reply.json();
        assert_eq!(error["status"], status);
        error
    }
}
