//! The reference: the OpenAPI document for people to read.

use serde_json::Value as Json;

use super::html::{Html, escape, layout, prose};

/// The page of this document.
pub(crate) fn reference(document: &Json) -> String {
    let mut page = Html::default();
    page.element("h1", "Reference");
    for paragraph in text(&document["info"]["description"]).split("\n\n") {
        page.element("p", paragraph);
    }
    introduce(&mut page);
    let mut aside = "<aside><nav aria-label=\"Resources\">".to_owned();
    for tag in items(&document["tags"]) {
        let name = text(&tag["name"]);
        let anchor = anchor(name);
        aside.push_str(&format!("<a href=\"#{anchor}\">{}</a>", escape(name)));
        page.raw(&format!("<section id=\"{anchor}\">"));
        page.element("h2", name);
        page.element("p", text(&tag["description"]));
        for (path, verb, operation) in operations(document) {
            if operation["tags"][0] == *name {
                describe(&mut page, document, path, verb, operation);
            }
        }
        page.raw("</section>");
    }
    aside.push_str("</nav></aside>");
    layout("Reference", &aside, &page)
}

fn introduce(page: &mut Html) {
    page.element(
        "p",
        "Requests prove who makes them by HTTP Basic: the SID of an account and its auth token, or the SID of an API \
         key and its secret. The examples take them, and where the service is, from the environment:",
    );
    page.raw(
        "<pre><code>export RINGWAY=http://127.0.0.1:8080\nexport ACCOUNT_SID=AC…\nexport AUTH_TOKEN=…</code></pre>",
    );
}

fn operations(document: &Json) -> impl Iterator<Item = (&str, &str, &Json)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, verbs)| {
        let verbs = verbs.as_object().into_iter().flatten();
        verbs.map(|(verb, operation)| (path.as_str(), verb.as_str(), operation))
    })
}

fn describe(page: &mut Html, document: &Json, path: &str, verb: &str, operation: &Json) {
    let id = escape(text(&operation["operationId"]));
    let old = if operation["deprecated"] == true { "<span class=\"old\">older path</span>" } else { "" };
    page.raw(&format!(
        "<details id=\"{id}\"><summary><span class=\"verb {verb}\">{}</span><code>{}</code>{old}\
         <span class=\"about\">{}</span></summary><div>",
        verb.to_ascii_uppercase(),
        escape(path),
        prose(text(&operation["summary"])),
    ));
    let query = items(&operation["parameters"]).filter(|parameter| parameter["in"] == "query");
    let rows =
        query.map(|it| (text(&it["name"]), &it["schema"], text(&it["description"]), it["required"] == true));
    table(page, "Parameters", rows);
    let form = &operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"];
    table(page, "Form", fields(form));
    page.element("h4", "Example");
    page.raw(&format!("<pre><code>{}</code></pre>", escape(&example(path, verb, operation, form))));
    answer(page, document, operation);
    page.raw("</div></details>");
}

/// The members of an object with their schemas, what they mean, and whether they must be there.
fn fields(object: &Json) -> impl Iterator<Item = (&str, &Json, &str, bool)> {
    let members = object["properties"].as_object().into_iter().flatten();
    members.map(|(name, schema)| {
        let is_required = items(&object["required"]).any(|it| it == name);
        (name.as_str(), schema, text(&schema["description"]), is_required)
    })
}

fn table<'a>(page: &mut Html, title: &str, rows: impl Iterator<Item = (&'a str, &'a Json, &'a str, bool)>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    page.element("h4", title);
    page.raw("<table><tbody>");
    for (name, schema, about, is_required) in rows {
        let required = if is_required { " <span class=\"required\">required</span>" } else { "" };
        page.raw(&format!(
            "<tr><td><code>{}</code>{required}<span class=\"type\">{}</span></td><td>{}</td></tr>",
            escape(name),
            escape(&kind(schema)),
            prose(about),
        ));
    }
    page.raw("</tbody></table>");
}

/// A schema in a few words.
fn kind(schema: &Json) -> String {
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<_> = words.iter().map(|word| word.as_str().unwrap_or("null")).collect();
        return words.join(" · ");
    }
    let mut kind = match &schema["type"] {
        Json::Array(types) => types.iter().map(text).collect::<Vec<_>>().join(" or "),
        other => text(other).to_owned(),
    };
    if let (Some(least), Some(most)) = (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
        kind.push_str(&format!(", {least} to {most}"));
    }
    match (schema["minLength"].as_u64(), schema["maxLength"].as_u64()) {
        (None | Some(0), Some(most)) => kind.push_str(&format!(", at most {most} characters")),
        (Some(least), Some(most)) if least == most => kind.push_str(&format!(", {most} characters")),
        (Some(least), Some(most)) => kind.push_str(&format!(", {least} to {most} characters")),
        _ => {}
    }
    kind
}

/// A command that does it.
fn example(path: &str, verb: &str, operation: &Json, form: &Json) -> String {
    let path = path.replace("{AccountSid}", "$ACCOUNT_SID");
    let needs_account = operation["security"].as_array().is_none();
    let user = if needs_account { " -u \"$ACCOUNT_SID:$AUTH_TOKEN\"" } else { "" };
    let method = if verb == "get" { String::new() } else { format!(" -X {}", verb.to_ascii_uppercase()) };
    let mut command = format!("curl{user}{method} \"$RINGWAY{path}\"");
    for (name, schema, _, is_required) in fields(form) {
        if is_required {
            command.push_str(&format!(" \\\n  --data-urlencode '{name}={}'", sample(name, schema)));
        }
    }
    command
}

/// A value that the schema allows.
fn sample(name: &str, schema: &Json) -> String {
    if let Some(example) = schema["examples"][0].as_str() {
        return example.to_owned();
    }
    match name {
        "DomainName" => "acme.sip.twilio.com".to_owned(),
        "Password" => "Correct0Horse".to_owned(),
        "IpAddress" => "192.0.2.1".to_owned(),
        "IsoCountry" => "US".to_owned(),
        "UpdateRequest" => "[{\"iso_code\": \"GB\", \"low_risk_numbers_enabled\": true}]".to_owned(),
        _ => match text(&schema["pattern"]).get(1..3) {
            Some(prefix) if name.ends_with("Sid") => format!("{prefix}…"),
            _ => format!("My {name}"),
        },
    }
}

/// What comes back when all is well.
fn answer(page: &mut Html, document: &Json, operation: &Json) {
    let responses = operation["responses"].as_object().into_iter().flatten();
    for (status, response) in responses.filter(|(status, _)| status.starts_with('2')) {
        let schema = &response["content"]["application/json"]["schema"];
        let list =
            fields(schema).find_map(|(name, schema, ..)| Some((name, schema["items"]["$ref"].as_str()?)));
        let (title, reference) = match (list, schema["$ref"].as_str()) {
            (Some((key, reference)), _) => (format!("Answer: {status}, a page of {key}, each"), reference),
            (None, Some(reference)) => (format!("Answer: {status}"), reference),
            (None, None) => (format!("Answer: {status}"), ""),
        };
        match document.pointer(reference.trim_start_matches('#')).filter(|_| !reference.is_empty()) {
            Some(shown) => {
                let rows = fields(shown).map(|(name, schema, about, _)| (name, schema, about, false));
                table(page, &title, rows);
            }
            None => page.element("h4", &title),
        }
    }
}

fn anchor(name: &str) -> String {
    name.to_ascii_lowercase().replace(' ', "-")
}

fn text(value: &Json) -> &str {
    value.as_str().unwrap_or_default()
}

fn items(value: &Json) -> impl Iterator<Item = &Json> {
    value.as_array().into_iter().flatten()
}
