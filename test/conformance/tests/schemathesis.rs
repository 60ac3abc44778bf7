//! schemathesis makes up requests from an OpenAPI document and judges the answers by it: from our own document with
//! all of its checks, from the official ones with those that make sense for documents without errors.
#![allow(clippy::print_stdout)]

use std::path::Path;
use std::time::Duration;

use ringway_testkit::Ringway;
use ringway_testkit::ringway::{ACCOUNT, TOKEN};
use ringway_testkit::tools::{self, client_tools, shared, workspace};

const LIMIT: Duration = Duration::from_secs(900);
const SEED: &str = "1";
/// Cases of all operations together; `RINGWAY_CASES` asks for more.
const CASES: usize = 500;
/// Promoting a token changes the one that the requests prove themselves with.
const LEFT_OUT: &str = "UpdateAuthTokenPromotion";

#[test]
fn our_own_document_is_true() {
    let Some(tools) = client_tools() else { return };
    let ringway = Ringway::start();
    let document = format!("http://{}/openapi.json", ringway.http);
    run(&tools, &ringway, "ours.toml", &document, &["--checks=all", "--exclude-operation-id", LEFT_OUT]);
}

#[test]
fn the_official_documents_are_kept_by_what_succeeds() {
    let Some(tools) = client_tools() else { return };
    for document in ["oai-sip.json", "oai-voice.json", "oai-voice-v1.json"] {
        let Some(path) = shared(&format!("contract/{document}")) else { return };
        let ringway = Ringway::start();
        let checks = "--checks=not_a_server_error,content_type_conformance,response_schema_conformance";
        run(&tools, &ringway, "official.toml", &path.display().to_string(), &[checks]);
    }
}

fn run(tools: &Path, ringway: &Ringway, config: &str, document: &str, arguments: &[&str]) {
    let cases = std::env::var("RINGWAY_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let operations = 100;
    let config = workspace().join("test/conformance/schemathesis").join(config);
    let output = tools::run(tools.join("python/bin/schemathesis"), LIMIT, |command| {
        command.arg("--config-file").arg(config).arg("run").arg(document);
        command.args(["--url", &format!("http://{}", ringway.http)]);
        command.args(["--auth", &format!("{ACCOUNT}:{TOKEN}")]);
        command.args(["--seed", SEED, "--max-examples", &(cases / operations).to_string()]);
        command.args([
            "--continue-on-failure",
            "--no-color",
            "--warnings=off",
            "--suppress-health-check=all",
        ]);
        command.args(arguments).current_dir(&ringway.data_dir);
    });
    let told = String::from_utf8_lossy(&output.stdout);
    println!("{told}");
    assert!(output.status.success(), "{document}: {told}{}", String::from_utf8_lossy(&output.stderr));
}
