use ringway_model::CallStatus;
use ringway_model::sid::CallSid;
use ringway_store::{LogLevel, NewNotification};

use crate::world::{ACCOUNT, UNKNOWN, World, keys, seconds};

async fn notify(world: &World, call: Option<CallSid>, code: u32, log: LogLevel, day: &str) -> String {
    let new = NewNotification {
        account_sid: world.account(),
        call_sid: call,
        error_code: code,
        log,
        message_text: "Msg=HTTP+404&ErrorCode=11200".to_owned(),
        message_date: seconds(day),
        request_url: "http://example.com/twiml".to_owned(),
        request_method: if call.is_some() { "POST" } else { "" }.to_owned(),
        request_variables: "CallSid=CA1".to_owned(),
        response_headers: "Content-Length=0".to_owned(),
        response_body: "<html>".to_owned(),
    };
    world.store.insert_notification(new).await.unwrap().to_string()
}

const LISTED: [&str; 14] = [
    "account_sid",
    "api_version",
    "call_sid",
    "date_created",
    "date_updated",
    "error_code",
    "log",
    "message_date",
    "message_text",
    "more_info",
    "request_method",
    "request_url",
    "sid",
    "uri",
];

#[tokio::test]
async fn a_notification_of_a_call_is_listed_and_shown_whole() {
    let world = World::new().await;
    let call = world.call(1, CallStatus::InProgress, "0").await;
    let sid = notify(&world, Some(call), 11200, LogLevel::Error, "0").await;
    let list = world.get(&format!("/Calls/{call}/Notifications.json")).await.found();
    let listed = &list["notifications"][0];
    assert_eq!(keys(listed), LISTED);
    assert_eq!((&listed["error_code"], &listed["log"]), (&"11200".into(), &"0".into()));
    assert_eq!(listed["more_info"], "http://localhost/docs/errors/11200");
    assert_eq!(listed["message_date"], "Mon, 20 Jul 2015 17:27:10 +0000");
    let uri = format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/{call}/Notifications/{sid}.json");
    assert_eq!(listed["uri"], uri);
    let shown = world.get(&uri).await.found();
    assert_eq!(
        (&shown["request_variables"], &shown["response_headers"], &shown["response_body"]),
        (&"CallSid=CA1".into(), &"Content-Length=0".into(), &"<html>".into())
    );
    assert_eq!(keys(&shown).len(), LISTED.len() + 3);
    assert_eq!(keys(&shown)[12..], ["request_variables", "response_body", "response_headers", "sid", "uri"]);
}

#[tokio::test]
async fn notifications_of_the_account_are_all_of_them_and_filtered() {
    let world = World::new().await;
    let call = world.call(1, CallStatus::InProgress, "0").await;
    let error = notify(&world, Some(call), 11200, LogLevel::Error, "-3").await;
    let warning = notify(&world, None, 12200, LogLevel::Warning, "0").await;
    for (query, expected) in [
        ("", vec![&warning, &error]),
        ("Log=0", vec![&error]),
        ("Log=1", vec![&warning]),
        ("MessageDate=2015-07-17", vec![&error]),
        ("MessageDate%3E=2015-07-18", vec![&warning]),
        ("MessageDate%3C=2015-07-18&Log=1", vec![]),
    ] {
        let page = world.get(&format!("/Notifications.json?{query}")).await.found();
        let rows = page["notifications"].as_array().unwrap();
        let sids: Vec<_> = rows.iter().map(|row| row["sid"].as_str().unwrap()).collect();
        assert_eq!(sids, expected, "{query}");
    }
    let shown = world.get(&format!("/Notifications/{warning}.json")).await.found();
    assert!(shown["call_sid"].is_null() && shown["request_method"].is_null());
    assert_eq!(shown["uri"], format!("/2010-04-01/Accounts/{ACCOUNT}/Notifications/{warning}.json"));
    world.get("/Notifications.json?Log=2").await.refused(400, 20422, "Log");
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_nothing_can_be_changed() {
    let world = World::new().await;
    let (one, other) =
        (world.call(1, CallStatus::InProgress, "0").await, world.call(2, CallStatus::InProgress, "0").await);
    let sid = notify(&world, Some(one), 11200, LogLevel::Error, "0").await;
    for path in [
        format!("/Calls/{other}/Notifications/{sid}.json"),
        format!("/Calls/CA{UNKNOWN}/Notifications.json"),
        format!("/Notifications/NO{UNKNOWN}.json"),
    ] {
        world.get(&path).await.missing(&world.path(&path));
    }
    let reply = world.delete(&format!("/Notifications/{sid}.json")).await;
    reply.refused(405, 20004, "Method not allowed");
    assert_eq!(reply.header("allow"), "GET");
}
