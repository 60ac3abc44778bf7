//! What is purged, what stays, and what a purged call leaves behind.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::{World, call_sid, time};
use ringway_model::CallStatus;
use ringway_store::{
    CallFilter, FinishedCall, HttpMethod, LogLevel, NewCallEvent, NewNotification, NotificationFilter,
    PageQuery, Retention, UsageDay,
};

const KEPT: Retention = Retention { deleted: None, notifications: None, calls: None };
const DAY: Option<Duration> = Some(Duration::from_secs(86_400));

fn purged(world: &World, retention: Retention) -> usize {
    world.store.purge(retention).wait().unwrap()
}

fn finished_call(world: &World, number: u8) {
    world.store.insert_call(world.new_call(number)).wait().unwrap();
    let end = FinishedCall {
        sid: call_sid(number),
        status: CallStatus::Completed,
        end_time: time(1100),
        duration_s: 100,
        answered_by: None,
        callback: None,
    };
    assert!(world.store.finish_call(end).wait().unwrap());
}

fn event(world: &World, call: u8, url: &str) {
    numbered_event(world, call, 1, url);
}

/// A request that is the `number`-th of its call.
fn numbered_event(world: &World, call: u8, number: u32, url: &str) {
    let event = NewCallEvent {
        account_sid: world.account,
        call_sid: call_sid(call),
        number,
        request_method: HttpMethod::Get,
        request_url: url.to_owned(),
        request_params: Vec::new(),
        response_code: Some(200),
        response_content_type: None,
        response_body: "é".repeat(20_000),
        duration: Duration::from_millis(1),
        now: time(1000),
    };
    world.store.insert_call_event(event).wait().unwrap();
}

fn events(world: &World, number: u8) -> usize {
    let page = PageQuery { size: 1000, ..PageQuery::default() };
    world.store.call_events(&world.account, &call_sid(number), &page).unwrap().rows.len()
}

fn calls(world: &World) -> usize {
    world.store.calls(&world.account, &CallFilter::default(), &PageQuery::default()).unwrap().rows.len()
}

#[test]
fn nothing_goes_that_is_to_be_kept() {
    let world = World::new();
    finished_call(&world, 1);
    event(&world, 1, "http://a/");
    assert_eq!(purged(&world, KEPT), 0);
    assert_eq!((calls(&world), events(&world, 1)), (1, 1));
}

#[test]
fn an_old_call_goes_with_its_events_and_its_usage_stays() {
    let world = World::new();
    finished_call(&world, 1);
    event(&world, 1, "http://a/");
    world.store.insert_call(world.new_call(2)).wait().unwrap();
    let used = || world.store.usage(&world.account, false, 0, 1).unwrap();
    let before = used();
    assert_eq!(before, [UsageDay { day: 0, inbound: true, sip: false, calls: 1, minutes: 2 }]);
    assert_eq!(purged(&world, Retention { calls: DAY, ..KEPT }), 1);
    assert_eq!((calls(&world), events(&world, 1), used()), (1, 0, before));
    finished_call(&world, 3);
    assert_eq!(purged(&world, Retention { calls: DAY, ..KEPT }), 1);
    assert_eq!(used()[0].calls, 2);
    assert_eq!(purged(&world, Retention { calls: DAY, ..KEPT }), 0);
}

#[test]
fn old_notifications_and_events_go_and_the_call_stays() {
    let world = World::new();
    finished_call(&world, 1);
    event(&world, 1, "http://a/");
    let new = NewNotification {
        account_sid: world.account,
        call_sid: None,
        error_code: 11200,
        log: LogLevel::Error,
        message_text: String::new(),
        message_date: time(1000),
        request_url: String::new(),
        request_method: String::new(),
        request_variables: String::new(),
        response_headers: String::new(),
        response_body: String::new(),
    };
    world.store.insert_notification(new).wait().unwrap();
    assert_eq!(purged(&world, Retention { notifications: DAY, ..KEPT }), 2);
    let filter = NotificationFilter::default();
    let left = world.store.notifications(&world.account, &filter, &PageQuery::default()).unwrap();
    assert_eq!((left.rows.len(), events(&world, 1), calls(&world)), (0, 0, 1));
}

#[test]
fn deleted_rows_go_whatever_referred_to_them_and_names_can_be_taken_again() {
    let world = World::new();
    let (parent, list) = (world.domain("a"), world.credential_list("list"));
    let child = world.domain("b.a");
    world.credential(&list, "alice");
    for domain in [child.sid, parent.sid] {
        assert!(world.store.delete_domain(world.account, domain).wait().unwrap());
    }
    assert!(world.store.delete_credential_list(world.account, list.sid).wait().unwrap());
    let kept = world.domain("c");
    assert_eq!(purged(&world, Retention { deleted: DAY, ..KEPT }), 0);
    world.sabotage(
        "UPDATE domains SET deleted_at = 1 WHERE deleted_at IS NOT NULL;
         UPDATE credential_lists SET deleted_at = 1 WHERE deleted_at IS NOT NULL;
         UPDATE credentials SET deleted_at = 1 WHERE deleted_at IS NOT NULL;",
    );
    let mut gone = 0;
    loop {
        match purged(&world, Retention { deleted: DAY, ..KEPT }) {
            0 => break,
            rows => gone += rows,
        }
    }
    assert_eq!(gone, 4);
    let left = world.store.domains(&world.account, &PageQuery::default()).unwrap();
    assert_eq!(left.rows.iter().map(|domain| domain.sid).collect::<Vec<_>>(), [kept.sid]);
    world.domain("a");
    world.reopened();
}

#[test]
fn of_a_call_that_asks_for_ever_the_newest_requests_are_kept() {
    let world = World::new();
    finished_call(&world, 1);
    finished_call(&world, 2);
    event(&world, 2, "http://other/");
    for number in 0..203 {
        numbered_event(&world, 1, number + 1, &format!("http://a/{number}"));
    }
    assert_eq!((events(&world, 1), events(&world, 2)), (200, 1));
    let page = PageQuery { size: 1000, ..PageQuery::default() };
    let rows = world.store.call_events(&world.account, &call_sid(1), &page).unwrap().rows;
    assert_eq!(
        (rows[0].request_url.as_str(), rows[199].request_url.as_str()),
        ("http://a/202", "http://a/3")
    );
    assert_eq!(rows[0].response_body.len(), 16 << 10);
}

/// Every reference between tables is one that a purge waits for: else it would fail for good.
#[test]
fn a_purge_waits_for_every_row_that_refers_to_one_that_goes() {
    let world = World::new();
    let connection = rusqlite::Connection::open(world.database()).unwrap();
    let sql = "SELECT child.name || '.' || link.\"from\", link.\"table\" FROM sqlite_schema AS child
        JOIN pragma_foreign_key_list(child.name) AS link
        WHERE child.type = 'table' AND link.\"to\" = 'sid' AND link.\"table\" <> 'accounts'";
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let references: Vec<(String, String)> = rows.collect::<Result<_, _>>().unwrap();
    assert!(references.len() > 10);
    let source = include_str!("../src/retention.rs");
    for (reference, table) in references {
        assert!(source.contains(&format!("\"{reference}\"")), "{table} is referred to by {reference}");
    }
}
