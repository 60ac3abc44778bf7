use serde_json::Value;

use crate::world::{ACCOUNT, World, keys};

async fn five(world: &World) -> Vec<String> {
    let mut sids = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        sids.push(world.made("/SIP/CredentialLists.json", &format!("FriendlyName={name}")).await);
    }
    sids.reverse();
    sids
}

fn sids(page: &Value) -> Vec<&str> {
    page["credential_lists"].as_array().unwrap().iter().map(|row| row["sid"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_envelope_has_one_key_besides_its_own() {
    let world = World::new().await;
    let page = world.get("/SIP/CredentialLists.json").await.found();
    assert_eq!(
        keys(&page),
        [
            "credential_lists",
            "end",
            "first_page_uri",
            "next_page_uri",
            "page",
            "page_size",
            "previous_page_uri",
            "start",
            "uri"
        ]
    );
    let uri = format!("/2010-04-01/Accounts/{ACCOUNT}/SIP/CredentialLists.json?PageSize=50&Page=0");
    assert_eq!((&page["uri"], &page["first_page_uri"]), (&uri.as_str().into(), &uri.as_str().into()));
    assert!(page["next_page_uri"].is_null() && page["previous_page_uri"].is_null());
    assert_eq!((&page["start"], &page["end"], &page["page_size"]), (&0.into(), &0.into(), &50.into()));
}

#[tokio::test]
async fn a_walk_by_next_and_back_by_previous_sees_every_row_once() {
    let world = World::new().await;
    let all = five(&world).await;
    let mut uri = "/SIP/CredentialLists.json?PageSize=2".to_owned();
    let (mut pages, mut seen): (Vec<Value>, Vec<String>) = (Vec::new(), Vec::new());
    loop {
        let page = world.get(&uri).await.found();
        seen.extend(sids(&page).into_iter().map(str::to_owned));
        pages.push(page.clone());
        match page["next_page_uri"].as_str() {
            Some(next) => uri = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, all);
    assert_eq!(pages.len(), 3);
    let base = format!("/2010-04-01/Accounts/{ACCOUNT}/SIP/CredentialLists.json?PageSize=2");
    assert_eq!(pages[0]["next_page_uri"], format!("{base}&Page=1&PageToken=PA{}", all[1]));
    assert_eq!(pages[1]["uri"], pages[0]["next_page_uri"]);
    assert_eq!((&pages[1]["start"], &pages[1]["end"]), (&2.into(), &3.into()));
    assert_eq!((&pages[2]["start"], &pages[2]["end"]), (&4.into(), &4.into()));
    assert_eq!(pages[2]["previous_page_uri"], format!("{base}&Page=1&PageToken=PB{}", all[4]));
    let back = world.get(pages[2]["previous_page_uri"].as_str().unwrap()).await.found();
    assert_eq!(sids(&back), sids(&pages[1]));
    let first = world.get(back["previous_page_uri"].as_str().unwrap()).await.found();
    assert_eq!(sids(&first), sids(&pages[0]));
    assert_eq!(sids(&world.get(back["first_page_uri"].as_str().unwrap()).await.found()), sids(&pages[0]));
}

#[tokio::test]
async fn rows_made_and_deleted_meanwhile_neither_repeat_nor_hide_others() {
    let world = World::new().await;
    let all = five(&world).await;
    let first = world.get("/SIP/CredentialLists.json?PageSize=2").await.found();
    world.made("/SIP/CredentialLists.json", "FriendlyName=new").await;
    world.delete(&format!("/SIP/CredentialLists/{}.json", all[1])).await.deleted();
    let second = world.get(first["next_page_uri"].as_str().unwrap()).await.found();
    assert_eq!(sids(&second), [&all[2], &all[3]]);
}

#[tokio::test]
async fn a_page_may_be_asked_for_by_number_alone_and_past_the_end() {
    let world = World::new().await;
    let all = five(&world).await;
    let second = world.get("/SIP/CredentialLists.json?PageSize=2&Page=1").await.found();
    assert_eq!(sids(&second), [&all[2], &all[3]]);
    let past = world.get("/SIP/CredentialLists.json?PageSize=2&Page=9").await.found();
    assert!(sids(&past).is_empty() && past["next_page_uri"].is_null());
}

#[tokio::test]
async fn bad_paging_is_refused_and_named() {
    let world = World::new().await;
    for (query, code, names) in [
        ("PageSize=1001", 20007, "PageSize"),
        ("PageSize=0", 20422, "PageSize"),
        ("PageSize=x", 20422, "PageSize"),
        ("Page=-1", 20422, "Page"),
        ("PageToken=x", 20422, "PageToken"),
        ("PageToken=PACL00000000000000000000000000000099&Page=1", 20422, "PageToken"),
    ] {
        world.get(&format!("/SIP/CredentialLists.json?{query}")).await.refused(400, code, names);
    }
    assert_eq!(world.get("/SIP/CredentialLists.json?PageSize=1000").await.found()["page_size"], 1000);
}
