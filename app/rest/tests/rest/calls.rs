use std::sync::atomic::Ordering;

use ringway_engine::calls::{CallCommand, ControlError};
use ringway_model::CallStatus;
use ringway_store::{FinishedCall, HttpMethod};

use crate::world::{ACCOUNT, UNKNOWN, World, keys, seconds};

const ORDER: [&str; 26] = [
    "account_sid",
    "answered_by",
    "api_version",
    "caller_name",
    "date_created",
    "date_updated",
    "direction",
    "duration",
    "end_time",
    "forwarded_from",
    "from",
    "from_formatted",
    "group_sid",
    "parent_call_sid",
    "phone_number_sid",
    "price",
    "price_unit",
    "sid",
    "start_time",
    "status",
    "subresource_uris",
    "to",
    "to_formatted",
    "trunk_sid",
    "uri",
    "queue_time",
];

async fn finish(world: &World, sid: ringway_model::sid::CallSid, status: CallStatus) {
    let finished = FinishedCall {
        sid,
        status,
        end_time: seconds("0"),
        duration_s: 15,
        answered_by: None,
        callback: None,
    };
    assert!(world.store.finish_call(finished).await.unwrap());
}

#[tokio::test]
async fn a_live_call_and_a_finished_one_are_shown() {
    let world = World::new().await;
    let sid = world.call(1, CallStatus::InProgress, "0").await;
    let path = format!("/Calls/{sid}.json");
    let live = world.get(&path).await.found();
    assert_eq!(keys(&live), ORDER);
    assert_eq!((&live["status"], &live["direction"]), (&"in-progress".into(), &"inbound".into()));
    assert_eq!(live["start_time"], "Mon, 20 Jul 2015 17:27:10 +0000");
    assert!(live["duration"].is_null() && live["end_time"].is_null());
    assert_eq!((&live["to_formatted"], &live["from_formatted"]), (&"(305) 141-6799".into(), &live["from"]));
    assert_eq!(live["uri"], format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/{sid}.json"));
    assert_eq!(
        live["subresource_uris"]["notifications"],
        format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/{sid}/Notifications.json")
    );
    finish(&world, sid, CallStatus::Completed).await;
    let over = world.get(&path).await.found();
    assert_eq!((&over["status"], &over["duration"]), (&"completed".into(), &"15".into()));
}

#[tokio::test]
async fn a_call_can_be_fetched_as_soon_as_its_application_knows_of_it() {
    let world = World::new().await;
    for number in 1..=5 {
        let call = world.new_call(number, CallStatus::Ringing, "0");
        let path = format!("/Calls/{}.json", call.sid);
        // Nobody waits for it: the application is asked meanwhile.
        drop(world.store.insert_call(call));
        assert_eq!(world.get(&path).await.found()["status"], "ringing");
    }
}

#[tokio::test]
async fn a_call_that_was_never_answered_has_no_duration_and_initiated_is_queued() {
    let world = World::new().await;
    let busy = world.call(1, CallStatus::Ringing, "0").await;
    finish(&world, busy, CallStatus::Busy).await;
    assert!(world.get(&format!("/Calls/{busy}.json")).await.found()["duration"].is_null());
    let begun = world.call(2, CallStatus::Initiated, "0").await;
    assert_eq!(world.get(&format!("/Calls/{begun}.json")).await.found()["status"], "queued");
}

#[tokio::test]
async fn lists_are_filtered_and_their_uris_keep_the_filters() {
    let world = World::new().await;
    let old = world.call(1, CallStatus::InProgress, "-3").await;
    let new = world.call(2, CallStatus::Ringing, "0").await;
    for (query, expected) in [
        ("", vec![new, old]),
        ("Status=ringing", vec![new]),
        ("To=%2B13051416799", vec![new, old]),
        ("From=nobody", vec![]),
        ("ParentCallSid=CA00000000000000000000000000000099", vec![]),
        ("StartTime=2015-07-17", vec![old]),
        ("StartTime%3C=2015-07-20", vec![old]),
        ("StartTime%3E=2015-07-20", vec![new]),
        ("StartTime%3E=2015-07-18&StartTime%3C=2015-07-19", vec![]),
        ("EndTime%3E=2015-07-20", vec![]),
    ] {
        let page = world.get(&format!("/Calls.json?{query}")).await.found();
        let sids: Vec<_> =
            page["calls"].as_array().unwrap().iter().map(|call| call["sid"].as_str().unwrap()).collect();
        let expected: Vec<_> = expected.iter().map(|sid| sid.as_str()).collect();
        assert_eq!(sids, expected, "{query}");
    }
    let page = world.get("/Calls.json?StartTime%3E=2015-07-20&Junk=1&To=%2B13051416799").await.found();
    let uri = format!("/2010-04-01/Accounts/{ACCOUNT}/Calls.json?StartTime%3E=2015-07-20&To=%2B13051416799");
    assert_eq!(page["uri"], format!("{uri}&PageSize=50&Page=0"));
    for bad in ["Status=dialling", "StartTime=yesterday", "EndTime%3C=x", "ParentCallSid=x"] {
        let name = bad.split(['=', '%']).next().unwrap();
        world.get(&format!("/Calls.json?{bad}")).await.refused(400, 20422, name);
    }
}

#[tokio::test]
async fn updates_reach_the_live_call() {
    let world = World::new().await;
    let sid = world.call(1, CallStatus::InProgress, "0").await;
    let path = format!("/Calls/{sid}.json");
    for (form, command) in [
        ("Status=completed", CallCommand::Complete),
        ("Status=canceled", CallCommand::Cancel),
        (
            "Url=http%3A%2F%2Fexample.com%2Fnext&Method=get",
            CallCommand::Redirect { url: "http://example.com/next".to_owned(), method: HttpMethod::Get },
        ),
        ("Twiml=%3CResponse%2F%3E", CallCommand::RunTwiml("<Response/>".to_owned())),
    ] {
        assert_eq!(keys(&world.post(&path, form).await.found()), ORDER);
        assert_eq!(world.calls.taken.lock().unwrap().pop(), Some((sid, command)));
    }
    world.post(&path, "").await.found();
    assert!(world.calls.taken.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_update_that_the_call_does_not_take_says_why() {
    let world = World::new().await;
    let sid = world.call(1, CallStatus::InProgress, "0").await;
    let path = format!("/Calls/{sid}.json");
    for (error, status, code) in [
        (ControlError::Busy, 503, 20503),
        (ControlError::NotHere, 503, 20503),
        (ControlError::Ended, 400, 21220),
    ] {
        *world.calls.answer.lock().unwrap() = Some(error);
        let reply = world.post(&path, "Status=completed").await;
        reply.refused(status, code, "");
        assert_eq!(reply.header("retry-after"), if status == 503 { "1" } else { "" });
    }
    world.calls.taken.lock().unwrap().clear();
    finish(&world, sid, CallStatus::Completed).await;
    world.post(&path, "Status=completed").await.refused(400, 21220, "not in progress");
    assert!(world.calls.taken.lock().unwrap().is_empty());
}

#[tokio::test]
async fn bad_updates_are_refused_and_named() {
    let world = World::new().await;
    let sid = world.call(1, CallStatus::InProgress, "0").await;
    let path = format!("/Calls/{sid}.json");
    let long = format!("Twiml={}", "x".repeat(4001));
    for (form, code, names) in [
        ("Url=nonsense", 21205, "Url"),
        ("Url=http%3A%2F%2Fa%2F&Method=FETCH", 21209, "Method"),
        (&long, 32018, "Twiml"),
        ("Status=ringing", 20422, "Status"),
        ("StatusCallback=http%3A%2F%2Fa%2F", 20422, "StatusCallback"),
    ] {
        world.post(&path, form).await.refused(400, code, names);
    }
    let unknown = world.path(&format!("/Calls/CA{UNKNOWN}.json"));
    world.post(&unknown, "Status=completed").await.missing(&unknown);
}

#[tokio::test]
async fn only_a_finished_call_can_be_deleted() {
    let world = World::new().await;
    let sid = world.call(1, CallStatus::InProgress, "0").await;
    let path = world.path(&format!("/Calls/{sid}.json"));
    world.delete(&path).await.refused(400, 20009, "Cannot delete this resource before it is complete");
    finish(&world, sid, CallStatus::Completed).await;
    world.delete(&path).await.deleted();
    world.get(&path).await.missing(&path);
    world.delete(&path).await.missing(&path);
}

#[tokio::test]
async fn a_panic_costs_one_request_and_tells_nothing() {
    let world = World::new().await;
    let sid = world.call(1, CallStatus::InProgress, "0").await;
    let path = format!("/Calls/{sid}.json");
    world.calls.panics.store(true, Ordering::Relaxed);
    let reply = world.post(&path, "Status=completed").await;
    reply.refused(500, 20500, "Internal Server Error");
    assert!(!reply.text.contains("secret"));
    world.get(&path).await.found();
}

#[tokio::test]
async fn the_requests_of_a_call_are_its_events() {
    let world = World::new().await;
    let call = world.call(1, CallStatus::InProgress, "0").await;
    for (number, response_code) in [(1, Some(200)), (2, None)] {
        let event = ringway_store::NewCallEvent {
            account_sid: world.account(),
            call_sid: call,
            number,
            request_method: HttpMethod::Post,
            request_url: format!("http://example.com/{number}"),
            request_params: vec![
                ("CallSid".to_owned(), call.to_string()),
                ("SipHeader_X-A".to_owned(), "1".to_owned()),
            ],
            response_code,
            response_content_type: response_code.map(|_| "text/xml".to_owned()),
            response_body: "<Response/>".to_owned(),
            duration: std::time::Duration::from_millis(50),
            now: seconds("0"),
        };
        world.store.insert_call_event(event).await.unwrap();
    }
    let path = format!("/Calls/{call}/Events.json");
    let page = world.get(&path).await.found();
    let events = page["events"].as_array().unwrap();
    assert_eq!(keys(&events[0]), ["request", "response"]);
    assert_eq!(keys(&events[0]["request"]), ["method", "url", "parameters"]);
    assert_eq!(events[0]["request"]["url"], "http://example.com/2");
    assert_eq!(keys(&events[0]["request"]["parameters"]), ["call_sid", "SipHeader_X-A"]);
    assert!(events[0]["response"]["response_code"].is_null());
    let response = &events[1]["response"];
    assert_eq!(
        keys(response),
        ["response_code", "request_duration", "content_type", "response_body", "date_created"]
    );
    assert_eq!((&response["response_code"], &response["request_duration"]), (&200.into(), &50.into()));
    assert_eq!(response["date_created"], "Mon, 20 Jul 2015 17:27:10 +0000");

    let first = world.get(&format!("{path}?PageSize=1")).await.found();
    let second = world.get(first["next_page_uri"].as_str().unwrap()).await.found();
    assert_eq!(second["events"][0], events[1]);
    assert!(second["next_page_uri"].is_null());
    let xml = world.get(&format!("/Calls/{call}/Events")).await.text;
    assert!(xml.contains("<Event><Request><Method>POST</Method>"), "{xml}");
    assert!(xml.contains("<SipHeader_X-A>") || xml.contains("<SipHeaderX-A>"), "{xml}");
    world.delete(&path).await.refused(405, 20004, "Method");
    let unknown = world.path("/Calls/CA00000000000000000000000000000099/Events.json");
    world.get(&unknown).await.missing(&unknown);
}
