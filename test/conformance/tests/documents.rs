//! The curl examples of the documents that this API was asked for with, run as they are printed: only their
//! placeholders are replaced, from one table, and the hosted names lead here.
#![allow(clippy::print_stdout)]

use std::path::Path;
use std::time::Duration;

use ringway_testkit::Ringway;
use ringway_testkit::ringway::{ACCOUNT, TOKEN, binary, sid};
use ringway_testkit::tools::{self, Scratch, have, shared};

const LIMIT: Duration = Duration::from_secs(60);
/// The document whose example names every field, with values that are none.
const EVERY_FIELD: &str = "004_919a15a5be831cec.txt";

/// Where somebody is whose number may make emergency calls.
const ADDRESS: [(&str, &str); 7] = [
    ("CustomerName", "Example"),
    ("Street", "1 Main Street"),
    ("City", "San Francisco"),
    ("Region", "CA"),
    ("PostalCode", "94105"),
    ("IsoCountry", "US"),
    ("EmergencyEnabled", "true"),
];

#[test]
fn every_example_does_what_its_document_says() {
    let Some(seeds) = shared("seeds") else { return };
    if !have("curl") {
        return;
    }
    let (ringway, home) = (Ringway::start(), curl_home());
    let mut files: Vec<_> = std::fs::read_dir(&seeds).expect("it can be read").flatten().collect();
    files.sort_by_key(std::fs::DirEntry::file_name);
    let mut ran = 0;
    for file in files {
        let text = std::fs::read_to_string(file.path()).expect("text");
        for example in examples(&text) {
            let world = World::new(&ringway, ran, &example);
            let (status, body) = run(&ringway, home.path(), &world.fill(&example));
            assert_eq!(status, expected(&example), "{example}\n{body}");
            let form = match () {
                () if status == 204 => body.is_empty(),
                () if example.contains(".json") => body.starts_with('{'),
                () => body.starts_with("<?xml version='1.0' encoding='UTF-8'?>\n<TwilioResponse>"),
            };
            assert!(form, "{example}\n{body}");
            ran += 1;
        }
    }
    assert_eq!(ran, 23, "examples were found");
}

#[test]
fn an_example_whose_values_are_none_is_told_the_first_of_them() {
    let Some(seed) = shared(&format!("seeds/{EVERY_FIELD}")) else { return };
    if !have("curl") {
        return;
    }
    let (ringway, home) = (Ringway::start(), curl_home());
    let text = std::fs::read_to_string(seed).expect("text");
    let example = examples(&text).remove(0);
    let world = World::new(&ringway, 0, &example);
    let where_and_who = world.table.iter().filter(|(printed, _)| !printed.contains('='));
    let as_printed = where_and_who.fold(example, |text, (printed, value)| text.replace(printed, value));
    let (status, body) = run(&ringway, home.path(), &as_printed);
    let error: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((status, &error["code"], &error["status"]), (400, &21300.into(), &400.into()), "{body}");
    assert!(error["message"].as_str().is_some_and(|text| text.contains("ByocTrunkSid")), "{body}");
}

/// The commands: lines that begin with curl, and those that a backslash joins to them.
fn examples(text: &str) -> Vec<String> {
    let mut lines = text.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        let line = line.strip_prefix("$ ").unwrap_or(line);
        if !line.starts_with("curl ") {
            continue;
        }
        let mut command = line.to_owned();
        while command.ends_with('\\') {
            command.push('\n');
            command.push_str(lines.next().unwrap_or_default());
        }
        found.push(command);
    }
    found
}

/// What the contract says of the verb and the place (rest.md 0).
fn expected(example: &str) -> u16 {
    let url = example.split_whitespace().find(|word| word.starts_with("https://")).unwrap_or_default();
    let place = url.rsplit('/').next().unwrap_or_default().trim_end_matches(".json");
    let is_list = ["Domains", "IpAccessControlListMappings", "CredentialListMappings"].contains(&place);
    match () {
        () if example.contains("-XDELETE") => 204,
        () if is_list && (example.contains("-XPOST") || example.contains("-X POST")) => 201,
        () => 200,
    }
}

/// What an example finds: a domain of its own with both lists, mapped unless the example is to map one.
struct World {
    table: Vec<(&'static str, String)>,
}

impl World {
    fn new(ringway: &Ringway, number: usize, example: &str) -> Self {
        let name = format!("example-{number}");
        let domain =
            ringway.create("/SIP/Domains.json", &[("DomainName", &format!("{name}.sip.twilio.com"))]);
        let acl = ringway.create("/SIP/IpAccessControlLists.json", &[("FriendlyName", &name)]);
        let users = ringway.create("/SIP/CredentialLists.json", &[("FriendlyName", &name)]);
        let (domain, acl, users) = (sid(&domain), sid(&acl), sid(&users));
        for (kind, list) in [("IpAccessControlList", acl), ("CredentialList", users)] {
            if !example.contains(&format!("{kind}Sid=")) {
                let path = format!("/SIP/Domains/{domain}/{kind}Mappings.json");
                ringway.create(&path, &[(&format!("{kind}Sid"), list)]);
            }
        }
        let login = ringway_testkit::http::Login { user: ACCOUNT.to_owned(), password: TOKEN.to_owned() };
        let trunk = ringway_testkit::http::request(
            ringway.http,
            "POST",
            "/v1/ByocTrunks",
            Some(&login),
            &[("FriendlyName", "t")],
        );
        let address = ringway.create("/Addresses.json", &ADDRESS);
        let number = [
            ("PhoneNumber", format!("+1415555{:04}", 1000 + number)),
            ("EmergencyAddressSid", sid(&address).to_owned()),
        ];
        let number = ringway.create(
            "/IncomingPhoneNumbers.json",
            &number.each_ref().map(|(name, value)| (*name, value.as_str())),
        );
        let table = vec![
            ("ACXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX", ACCOUNT.to_owned()),
            ("{AccountSid}", ACCOUNT.to_owned()),
            ("your_auth_token", TOKEN.to_owned()),
            ("username:password", format!("{ACCOUNT}:{TOKEN}")),
            ("SD32a3c49700934481addd5ce1659f04d2", domain.to_owned()),
            ("{Sid}", domain.to_owned()),
            ("AL95a47094615fe05b7c17e62a7877836c", acl.to_owned()),
            ("CL32a3c49700934481addd5ce1659f04d2", users.to_owned()),
            ("DomainName=marlo.", format!("DomainName=marlo-{name}.")),
            ("DomainName=string", format!("DomainName=renamed-{name}.sip.twilio.com")),
            ("ByocTrunkSid=string", format!("ByocTrunkSid={}", sid(&trunk.json()))),
            ("EmergencyCallerSid=string", format!("EmergencyCallerSid={}", sid(&number))),
        ];
        Self { table }
    }

    fn fill(&self, example: &str) -> String {
        self.table.iter().fold(example.to_owned(), |text, (printed, value)| text.replace(printed, value))
    }
}

/// Where curl finds that it is to print the status below the body.
fn curl_home() -> Scratch {
    let home = Scratch::new("curl");
    let settings = "silent\nshow-error\nwrite-out = \"\\n%{http_code}\"\n";
    std::fs::write(home.path().join(".curlrc"), settings).expect("it can be written");
    home
}

fn run(ringway: &Ringway, home: &Path, example: &str) -> (u16, String) {
    let output = tools::run(binary(), LIMIT, |command| {
        command.args(["exec", "--server", &format!("http://{}", ringway.http), "--data-dir"]);
        command.arg(&ringway.data_dir).args(["--", "sh", "-c", example]).env("CURL_HOME", home);
    });
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = told.rsplit_once('\n').unwrap_or_else(|| {
        panic!("{example}: {told}{}", String::from_utf8_lossy(&output.stderr));
    });
    (status.parse().unwrap_or_else(|error| panic!("{error}: {told}")), body.to_owned())
}
