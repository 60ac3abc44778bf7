use ringway_model::CallStatus;
use ringway_store::FinishedCall;
use serde_json::Value;

use crate::world::{ACCOUNT, World, keys, seconds};

const RECORDS: &str = "/Usage/Records.json";

/// A call that was completed on that day.
async fn completed(world: &World, number: u8, day: &str, duration_s: u32) {
    let sid = world.call(number, CallStatus::InProgress, day).await;
    let finished = FinishedCall {
        sid,
        status: CallStatus::Completed,
        end_time: seconds(day),
        duration_s,
        answered_by: None,
        callback: None,
    };
    assert!(world.store.finish_call(finished).await.unwrap());
}

fn totals(page: &Value) -> Vec<String> {
    let rows = page["usage_records"].as_array().unwrap();
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    rows.iter()
        .map(|row| {
            ["category", "start_date", "end_date", "count", "usage"].map(|key| text(row, key)).join(" ")
        })
        .collect()
}

#[tokio::test]
async fn a_record_counts_calls_and_started_minutes() {
    let world = World::new().await;
    completed(&world, 1, "0", 61).await;
    completed(&world, 2, "0", 60).await;
    completed(&world, 3, "1", 1).await;
    world.call(4, CallStatus::InProgress, "0").await;
    let page = world.get(&format!("{RECORDS}?StartDate=2015-07-01&EndDate=2015-07-31")).await.found();
    assert_eq!(
        totals(&page),
        [
            "calls 2015-07-01 2015-07-31 3 4",
            "calls-inbound 2015-07-01 2015-07-31 3 4",
            "calls-sip 2015-07-01 2015-07-31 0 0",
            "calls-sip-inbound 2015-07-01 2015-07-31 0 0",
        ]
    );
    let row = &page["usage_records"][0];
    assert_eq!(
        keys(row),
        [
            "account_sid",
            "api_version",
            "as_of",
            "category",
            "count",
            "count_unit",
            "description",
            "end_date",
            "price",
            "price_unit",
            "start_date",
            "subresource_uris",
            "uri",
            "usage",
            "usage_unit"
        ]
    );
    let base = format!("/2010-04-01/Accounts/{ACCOUNT}/Usage/Records");
    assert_eq!(row["subresource_uris"]["daily"], format!("{base}/Daily.json?Category=calls"));
    assert_eq!(row["uri"], format!("{base}.json?Category=calls&StartDate=2015-07-01&EndDate=2015-07-31"));
    assert!(row["as_of"].as_str().unwrap().ends_with("+00:00"));
}

#[tokio::test]
async fn lists_by_time_cut_usage_into_pieces() {
    let world = World::new().await;
    completed(&world, 1, "0", 60).await;
    completed(&world, 2, "20", 60).await;
    for (path, expected) in [
        (
            "/Daily.json?Category=calls&StartDate=2015-07-19&EndDate=2015-07-21",
            vec!["calls 2015-07-21 2015-07-21 0 0", "calls 2015-07-20 2015-07-20 1 1"],
        ),
        (
            "/Monthly.json?Category=calls&EndDate=2015-08-31",
            vec!["calls 2015-08-01 2015-08-31 1 1", "calls 2015-07-20 2015-07-31 1 1"],
        ),
        ("/Yearly.json?Category=calls&EndDate=2015-12-31", vec!["calls 2015-07-20 2015-12-31 2 2"]),
        ("/Yearly.json?Category=mms", vec![]),
    ] {
        let page = world.get(&format!("/Usage/Records{path}")).await.found();
        assert_eq!(totals(&page), expected, "{path}");
    }
    let all = world.get("/Usage/Records/AllTime.json?Category=calls").await.found();
    assert!(totals(&all)[0].starts_with("calls 2015-07-20 20"));
    assert!(totals(&all)[0].ends_with(" 2 2"));
    for list in ["Today", "Yesterday", "ThisMonth", "LastMonth"] {
        let page = world.get(&format!("/Usage/Records/{list}.json")).await.found();
        assert_eq!(page["usage_records"].as_array().unwrap().len(), 4, "{list}");
    }
    let none = world.path("/Usage/Records/Hourly.json");
    world.get(&none).await.missing(&none);
}

#[tokio::test]
async fn records_are_paged_and_bad_dates_named() {
    let world = World::new().await;
    completed(&world, 1, "0", 60).await;
    let first = world.get("/Usage/Records/Daily.json?EndDate=2015-07-22&PageSize=5").await.found();
    let next = first["next_page_uri"].as_str().unwrap();
    let second = world.get(next).await.found();
    assert_eq!(second["previous_page_uri"].as_str().unwrap().matches("&Page=0&").count(), 1);
    let last = world.get(second["next_page_uri"].as_str().unwrap()).await.found();
    assert!(last["next_page_uri"].is_null());
    let rows: Vec<String> = [first, second, last].iter().flat_map(totals).collect();
    assert_eq!(rows.len(), 12);
    assert_eq!(rows.iter().collect::<std::collections::HashSet<_>>().len(), 12);
    for (query, names) in [("StartDate=x", "StartDate"), ("EndDate=2015-13-01", "EndDate")] {
        world.get(&format!("{RECORDS}?{query}")).await.refused(400, 20422, names);
    }
    world.get(&format!("{RECORDS}?StartDate=-30days&EndDate=%2B1days")).await.found();
    world.post(RECORDS, "").await.refused(405, 20004, "Method");
}

#[tokio::test]
async fn the_parent_sees_what_its_subaccounts_used_unless_it_asks_not_to() {
    let world = World::new().await;
    completed(&world, 1, "0", 60).await;
    let child = world.post("/2010-04-01/Accounts.json", "").await.created();
    let child = child["sid"].as_str().unwrap();
    let query = "Category=calls&StartDate=2015-07-20&EndDate=2015-07-20";
    let one = ["calls 2015-07-20 2015-07-20 1 1"];
    for (path, expected) in [
        (format!("{RECORDS}?{query}"), one[0]),
        (format!("{RECORDS}?{query}&IncludeSubaccounts=false"), one[0]),
        (format!("/2010-04-01/Accounts/{child}{RECORDS}?{query}"), "calls 2015-07-20 2015-07-20 0 0"),
    ] {
        assert_eq!(totals(&world.get(&path).await.found()), [expected], "{path}");
    }
}
