//! Pages neither repeat nor miss a row, whatever is written meanwhile.

mod common;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use common::World;
use ringway_store::{ListError, ListSid, MappingKind, Page, PageQuery, PageToken};

fn names(page: &Page<ringway_store::CredentialList>) -> Vec<&str> {
    page.rows.iter().map(|list| list.friendly_name.as_str()).collect()
}

fn query(size: u32, page: u32, token: Option<PageToken>) -> PageQuery {
    PageQuery { size, page, token }
}

#[test]
fn pages_go_from_new_to_old_and_back() {
    let world = World::new();
    for name in ["1", "2", "3", "4", "5"] {
        world.credential_list(name);
    }
    let page = |query| world.store.credential_lists(&world.account, &query).unwrap();
    let first = page(query(2, 0, None));
    assert_eq!((names(&first), first.has_next), (vec!["5", "4"], true));
    let after = |page: &Page<ringway_store::CredentialList>| {
        Some(PageToken::After(page.rows.last().unwrap().sid.to_string()))
    };
    let second = page(query(2, 1, after(&first)));
    assert_eq!((names(&second), second.has_next), (vec!["3", "2"], true));
    let third = page(query(2, 2, after(&second)));
    assert_eq!((names(&third), third.has_next), (vec!["1"], false));
    let back = Some(PageToken::Before(third.rows[0].sid.to_string()));
    let back = page(query(2, 1, back));
    assert_eq!((names(&back), back.has_next), (vec!["3", "2"], true));
    let exact = page(query(5, 0, None));
    assert!(!exact.has_next);
}

#[test]
fn a_page_number_alone_is_counted_out() {
    let world = World::new();
    for name in ["1", "2", "3"] {
        world.credential_list(name);
    }
    let page = world.store.credential_lists(&world.account, &query(2, 1, None)).unwrap();
    assert_eq!((names(&page), page.has_next), (vec!["1"], false));
    let beyond = world.store.credential_lists(&world.account, &query(1000, u32::MAX, None)).unwrap();
    assert!(beyond.rows.is_empty() && !beyond.has_next);
}

#[test]
fn deleting_each_row_as_it_is_seen_misses_none() {
    let world = World::new();
    for number in 0..10 {
        world.credential_list(&number.to_string());
    }
    let (mut token, mut number, mut seen) = (None, 0, Vec::new());
    loop {
        let page = world.store.credential_lists(&world.account, &query(3, number, token)).unwrap();
        for list in &page.rows {
            seen.push(list.friendly_name.clone());
            assert!(world.store.delete_credential_list(world.account, list.sid).wait().unwrap());
        }
        if !page.has_next {
            break;
        }
        token = page.rows.last().map(|list| PageToken::After(list.sid.to_string()));
        number += 1;
    }
    assert_eq!(seen, ["9", "8", "7", "6", "5", "4", "3", "2", "1", "0"]);
}

#[test]
fn a_token_of_another_list_or_account_is_unknown() {
    let world = World::new();
    let list = world.credential_list("a");
    let child = world.store.create_subaccount(world.account, "child".to_owned()).wait().unwrap().unwrap();
    let token = || Some(PageToken::After(list.sid.to_string()));
    assert!(world.store.credential_lists(&world.account, &query(1, 1, token())).is_ok());
    let foreign = world.store.credential_lists(&child.sid, &query(1, 1, token()));
    assert!(matches!(foreign, Err(ListError::UnknownPageToken)));
    let other = world.store.domains(&world.account, &query(1, 1, token()));
    assert!(matches!(other, Err(ListError::UnknownPageToken)));
}

#[test]
fn mappings_are_paged_by_the_sid_of_their_list() {
    let world = World::new();
    let domain = world.domain("a");
    let kind = MappingKind::RegistrationsCredentialList;
    for name in ["1", "2", "3"] {
        let sid = ListSid::from(world.credential_list(name).sid);
        world.store.create_mapping(world.account, domain.sid, kind, sid).wait().unwrap();
    }
    let page = |query| world.store.mappings(&world.account, &domain.sid, kind, &query).unwrap().unwrap();
    let first = page(query(2, 0, None));
    let token = PageToken::After(first.rows[1].list_sid.to_string());
    let second = page(query(2, 1, Some(token)));
    let names: Vec<_> = first.rows.iter().chain(&second.rows).map(|row| row.friendly_name.as_str()).collect();
    assert_eq!(names, ["3", "2", "1"]);
}

#[test]
fn rows_that_stay_are_listed_once_while_others_come_and_go() {
    let world = World::with(|options| options.limits.credential_lists_per_account = 100_000);
    let staying: HashSet<_> =
        (0..60).map(|number| world.credential_list(&format!("stays {number}")).sid).collect();
    let going: Vec<_> = (0..60).map(|number| world.credential_list(&format!("goes {number}")).sid).collect();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for sid in going {
                assert!(world.store.delete_credential_list(world.account, sid).wait().unwrap());
            }
            for number in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let made = world.credential_list(&format!("comes {number}"));
                if number % 2 == 0 {
                    assert!(world.store.delete_credential_list(world.account, made.sid).wait().unwrap());
                }
            }
        });
        for _ in 0..20 {
            list_all_and_check(&world, &staying);
        }
        stop.store(true, Ordering::Relaxed);
    });
}

fn list_all_and_check(world: &World, staying: &HashSet<ringway_model::sid::CredentialListSid>) {
    let (mut token, mut number, mut seen) = (None, 0, Vec::new());
    loop {
        let page = world.store.credential_lists(&world.account, &query(7, number, token)).unwrap();
        seen.extend(page.rows.iter().map(|list| list.sid));
        if !page.has_next {
            break;
        }
        token = page.rows.last().map(|list| PageToken::After(list.sid.to_string()));
        number += 1;
    }
    let once: HashSet<_> = seen.iter().copied().collect();
    assert_eq!(once.len(), seen.len(), "a row was repeated");
    assert!(staying.is_subset(&once), "a row was missed");
}
