//! Calls, their callbacks and what becomes of both after a crash.

mod common;

use std::time::Duration;

use common::{World, call_sid, callback, time};
use ringway_model::CallStatus;
use ringway_store::{
    Call, CallFilter, Callback, Claim, DeleteCallError, FinishedCall, LogLevel, NewNotification,
    NotificationFilter, PageQuery, Recovered, TimeRange,
};

const LEASE: Duration = Duration::from_secs(30);

impl World {
    fn call(&self, number: u8) -> Option<Call> {
        self.store.call(&self.account, &call_sid(number)).unwrap()
    }

    fn finish(&self, number: u8, status: CallStatus) -> bool {
        self.store.finish_call(finished(number, status)).wait().unwrap()
    }

    fn claim(&self, node: &str, seconds: i64) -> Vec<Callback> {
        self.store.claim_due_callbacks(node.to_owned(), time(seconds), 10, LEASE).wait().unwrap()
    }

    fn notification(&self, number: u8) -> NewNotification {
        NewNotification {
            account_sid: self.account,
            call_sid: Some(call_sid(number)),
            error_code: 11200,
            log: LogLevel::Error,
            message_text: "lost".to_owned(),
            message_date: time(3000),
            request_url: String::new(),
            request_method: String::new(),
            request_variables: String::new(),
            response_headers: String::new(),
            response_body: String::new(),
        }
    }
}

fn finished(number: u8, status: CallStatus) -> FinishedCall {
    FinishedCall {
        sid: call_sid(number),
        status,
        end_time: time(2000),
        duration_s: 7,
        answered_by: None,
        callback: Some(callback()),
    }
}

#[test]
fn a_call_goes_from_ringing_to_completed_and_is_then_left_alone() {
    let world = World::new();
    world.store.insert_call(world.new_call(1)).wait().unwrap();
    let update = |status| world.store.update_call_status(call_sid(1), status, None, time(1500)).wait();
    assert!(update(CallStatus::InProgress).unwrap());
    let call = world.call(1).unwrap();
    assert_eq!(
        (call.status, call.start_time, call.end_time),
        (CallStatus::InProgress, Some(time(1000)), None)
    );
    assert!(world.finish(1, CallStatus::Completed));
    assert!(!update(CallStatus::InProgress).unwrap());
    assert!(!world.finish(1, CallStatus::Failed));
    let call = world.call(1).unwrap();
    assert_eq!(
        (call.status, call.end_time, call.duration_s),
        (CallStatus::Completed, Some(time(2000)), Some(7))
    );
    assert_eq!(world.claim("one", 2000).len(), 1, "one callback for one end");
}

#[test]
fn what_happens_before_the_first_row_is_on_the_disk_goes_into_that_row() {
    let world = World::new();
    world.sabotage("CREATE TRIGGER late BEFORE UPDATE ON calls BEGIN SELECT RAISE(ABORT, 'late'); END");
    drop(world.store.insert_call(world.new_call(1)));
    let update = |now| {
        world.store.update_call_status(call_sid(1), CallStatus::InProgress, Some(time(1400)), time(now))
    };
    assert!(update(1500).wait().unwrap());
    let call = world.call(1).unwrap();
    assert_eq!(call.status, CallStatus::InProgress);
    assert_eq!((call.created, call.start_time, call.updated), (time(1000), Some(time(1400)), time(1500)));
    assert!(update(1600).wait().is_err(), "the row is there now and has to be changed");
}

#[test]
fn a_write_that_fails_takes_no_other_with_it() {
    let world = World::new();
    world.sabotage(
        "CREATE TRIGGER poison BEFORE INSERT ON callbacks WHEN NEW.call_sid LIKE 'CA0303%'
         BEGIN SELECT RAISE(ABORT, 'poison'); END",
    );
    let ends: Vec<_> = (1..=5)
        .map(|number| {
            drop(world.store.insert_call(world.new_call(number)));
            world.store.finish_call(finished(number, CallStatus::Completed))
        })
        .collect();
    let ended: Vec<bool> = ends.into_iter().map(|end| end.wait().is_ok()).collect();
    assert_eq!(ended, [true, true, false, true, true]);
    assert_eq!(world.call(3).unwrap().status, CallStatus::Ringing, "undone whole");
    assert_eq!(world.claim("one", 2000).len(), 4, "none twice");
}

#[test]
fn the_callback_of_an_end_can_be_leased_with_it() {
    let world = World::new();
    world.store.insert_call(world.new_call(1)).wait().unwrap();
    let claim = Claim { node: "one".to_owned(), lease: LEASE };
    let end = |status| world.store.finish_call_and_claim(finished(1, status), claim.clone()).wait().unwrap();
    let leased = end(CallStatus::Completed).unwrap();
    assert_eq!((&leased.request, leased.attempts), (&callback(), 0));
    assert_eq!(end(CallStatus::Failed), None, "it is over");
    assert!(world.claim("two", 2029).is_empty());
    let again = world.claim("two", 2030);
    assert_eq!(again, [leased], "found as it was stored once the lease is over");
}

#[test]
fn a_final_state_comes_only_with_an_end() {
    let world = World::new();
    world.store.insert_call(world.new_call(1)).wait().unwrap();
    let update = world.store.update_call_status(call_sid(1), CallStatus::Busy, None, time(1500)).wait();
    assert!(update.is_err());
    assert_eq!(world.call(1).unwrap().status, CallStatus::Ringing);
}

#[test]
fn the_end_and_its_callback_are_stored_together_or_not_at_all() {
    let world = World::new();
    world.store.insert_call(world.new_call(1)).wait().unwrap();
    world.sabotage("CREATE TRIGGER full BEFORE INSERT ON callbacks BEGIN SELECT RAISE(ABORT, 'full'); END");
    assert!(world.store.finish_call(finished(1, CallStatus::Completed)).wait().is_err());
    assert_eq!(world.call(1).unwrap().status, CallStatus::Ringing);
    world.sabotage("DROP TRIGGER full");
    assert!(world.finish(1, CallStatus::Completed));
    assert_eq!(world.claim("one", 2000).len(), 1);
}

#[test]
fn writes_that_nobody_waits_for_are_done_in_order() {
    let world = World::new();
    for number in 1..=50 {
        drop(world.store.insert_call(world.new_call(number)));
        drop(world.store.finish_call(finished(number, CallStatus::NoAnswer)));
    }
    let world = world.reopened();
    let calls = world.store.calls(&world.account, &CallFilter::default(), &PageQuery::default()).unwrap();
    assert_eq!(calls.rows.len(), 50);
    assert!(calls.rows.iter().all(|call| call.status == CallStatus::NoAnswer));
    assert_eq!(calls.rows[0].sid, call_sid(50));
}

#[test]
fn once_settled_what_was_queued_can_be_read() {
    let world = World::new();
    drop(world.store.insert_call(world.new_call(1)));
    world.store.settled().wait().unwrap();
    assert!(world.call(1).is_some());
}

#[test]
fn only_a_call_that_is_over_can_be_deleted() {
    let world = World::new();
    world.store.insert_call(world.new_call(1)).wait().unwrap();
    let delete = || world.store.delete_call(world.account, call_sid(1)).wait();
    assert!(matches!(delete(), Err(DeleteCallError::NotFinished)));
    world.finish(1, CallStatus::Completed);
    assert!(delete().unwrap());
    assert!(!delete().unwrap());
    assert_eq!(world.call(1), None);
}

#[test]
fn calls_are_found_by_each_filter() {
    let world = World::new();
    let mut second = world.new_call(2);
    second.to = "sip:carol@a.sip.twilio.com".to_owned();
    second.from = "sip:dave@example.com".to_owned();
    second.parent_call_sid = Some(call_sid(1));
    second.start_time = Some(time(5000));
    world.store.insert_call(world.new_call(1)).wait().unwrap();
    world.store.insert_call(second.clone()).wait().unwrap();
    world.finish(1, CallStatus::Busy);
    let found = |filter: CallFilter| {
        let page = world.store.calls(&world.account, &filter, &PageQuery::default()).unwrap();
        page.rows.iter().map(|call| call.sid).collect::<Vec<_>>()
    };
    let (first, all) = (call_sid(1), CallFilter::default);
    assert_eq!(found(all()), [second.sid, first]);
    assert_eq!(found(CallFilter { to: Some(second.to.clone()), ..all() }), [second.sid]);
    assert_eq!(found(CallFilter { from: Some(second.from.clone()), ..all() }), [second.sid]);
    assert_eq!(found(CallFilter { parent_call_sid: Some(first), ..all() }), [second.sid]);
    assert_eq!(found(CallFilter { status: Some(CallStatus::Busy), ..all() }), [first]);
    let since = TimeRange { from: Some(time(5000)), until: None };
    assert_eq!(found(CallFilter { start: since, ..all() }), [second.sid]);
    let until = TimeRange { from: None, until: Some(time(5000)) };
    assert_eq!(found(CallFilter { start: until, ..all() }), [first]);
    let ended = TimeRange { from: Some(time(2000)), until: Some(time(2001)) };
    assert_eq!(found(CallFilter { end: ended, ..all() }), [first]);
}

#[test]
fn after_a_crash_every_unfinished_call_of_the_node_fails_with_its_callback_and_a_notification() {
    let world = World::new();
    let mut elsewhere = world.new_call(3);
    elsewhere.node = "two".to_owned();
    world.store.insert_call(world.new_call(1)).wait().unwrap();
    world.store.insert_call(world.new_call(2)).wait().unwrap();
    world.store.insert_call(elsewhere).wait().unwrap();
    world.finish(2, CallStatus::Completed);
    assert_eq!(world.claim("one", 2000).len(), 1, "leased when the node died");

    let world = world.reopened();
    let unfinished = world.store.unfinished_calls("one").unwrap();
    assert_eq!(unfinished.len(), 1);
    assert_eq!(unfinished[0].callback, Some(callback()));
    let notification = world.notification(1);
    let recover = move |unfinished: &ringway_store::UnfinishedCall| Recovered {
        callback: unfinished.callback.clone(),
        notification: Some(notification.clone()),
    };
    let recovered = world.store.recover_calls("one".to_owned(), time(3000), recover.clone()).wait().unwrap();
    assert_eq!(recovered, [call_sid(1)]);
    assert_eq!(world.call(1).unwrap().status, CallStatus::Failed);
    assert_eq!(world.call(2).unwrap().status, CallStatus::Completed);
    assert_eq!(world.call(3).unwrap().status, CallStatus::Ringing);
    let due = world.claim("one", 3000);
    let calls: Vec<_> = due.iter().map(|callback| callback.call_sid).collect();
    assert_eq!(calls, [Some(call_sid(2)), Some(call_sid(1))]);
    let filter = NotificationFilter { call_sid: Some(call_sid(1)), ..Default::default() };
    let page = world.store.notifications(&world.account, &filter, &PageQuery::default()).unwrap();
    assert_eq!(page.rows.len(), 1);

    let again = world.store.recover_calls("one".to_owned(), time(3001), recover).wait().unwrap();
    assert!(again.is_empty());
}

#[test]
fn a_leased_callback_is_nobody_elses_until_the_lease_is_over() {
    let world = World::new();
    world.store.insert_call(world.new_call(1)).wait().unwrap();
    world.finish(1, CallStatus::Completed);
    assert!(world.claim("one", 1999).is_empty(), "not due yet");
    let first = world.claim("one", 2000);
    assert_eq!((first.len(), first[0].request.clone()), (1, callback()));
    assert!(world.claim("two", 2029).is_empty());
    assert_eq!(world.store.next_callback_due().unwrap(), Some(time(2030)));
    let second = world.claim("two", 2030);
    assert_eq!(second[0].idempotency_token, first[0].idempotency_token);
    let id = first[0].id;
    assert!(!world.store.complete_callback(id, "one".to_owned()).wait().unwrap(), "the lease had passed on");
    assert!(!world.store.reschedule_callback(id, "one".to_owned(), time(2040)).wait().unwrap());
    assert!(world.store.complete_callback(id, "two".to_owned()).wait().unwrap());
    assert_eq!(world.store.next_callback_due().unwrap(), None);
}

#[test]
fn a_failed_callback_comes_back_when_it_is_due_and_is_given_up_after_a_day() {
    let world = World::new();
    world.store.insert_call(world.new_call(1)).wait().unwrap();
    world.finish(1, CallStatus::Completed);
    let first = world.claim("one", 2000).remove(0);
    assert!(world.store.reschedule_callback(first.id, "one".to_owned(), time(2060)).wait().unwrap());
    let world = world.reopened();
    assert!(world.claim("one", 2059).is_empty());
    let second = world.claim("one", 2060).remove(0);
    assert_eq!((second.attempts, &second.idempotency_token), (1, &first.idempotency_token));
    let day = 24 * 60 * 60;
    assert!(
        world.store.reschedule_callback(second.id, "one".to_owned(), time(2000 + 2 * day)).wait().unwrap()
    );
    assert_eq!(world.store.next_callback_due().unwrap(), Some(time(2000 + day)));
    assert!(world.store.expire_callbacks(time(2000 + day - 1)).wait().unwrap().is_empty());
    assert_eq!(world.store.expire_callbacks(time(2000 + day)).wait().unwrap().len(), 1);
    assert_eq!(world.store.next_callback_due().unwrap(), None);
}

#[test]
fn notifications_are_read_by_call_level_and_date() {
    let world = World::new();
    let first = world.store.insert_notification(world.notification(1)).wait().unwrap();
    let mut warning = world.notification(2);
    warning.log = LogLevel::Warning;
    warning.message_date = time(9000);
    let second = world.store.insert_notification(warning).wait().unwrap();
    let found = |filter: NotificationFilter| {
        let page = world.store.notifications(&world.account, &filter, &PageQuery::default()).unwrap();
        page.rows.iter().map(|row| row.sid).collect::<Vec<_>>()
    };
    let all = NotificationFilter::default;
    assert_eq!(found(all()), [second, first]);
    assert_eq!(found(NotificationFilter { call_sid: Some(call_sid(1)), ..all() }), [first]);
    assert_eq!(found(NotificationFilter { log: Some(LogLevel::Warning), ..all() }), [second]);
    let dates = TimeRange { from: Some(time(9000)), until: None };
    assert_eq!(found(NotificationFilter { dates, ..all() }), [second]);
    let of = |call: Option<u8>| {
        world.store.notification(&world.account, call.map(call_sid).as_ref(), &first).unwrap()
    };
    assert_eq!(of(None).unwrap().error_code, 11200);
    assert!(of(Some(1)).is_some() && of(Some(2)).is_none());
    assert!(world.store.delete_notification(world.account, first).wait().unwrap());
    assert_eq!(found(all()), [second]);
}
