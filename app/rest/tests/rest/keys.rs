use crate::world::{UNKNOWN, World, keys};

#[tokio::test]
async fn a_key_lives_its_life_and_shows_its_secret_once() {
    let world = World::new().await;
    let created = world.post("/Keys.json", "FriendlyName=User+Joey").await.created();
    assert_eq!(keys(&created), ["sid", "friendly_name", "date_created", "date_updated", "secret"]);
    let (sid, secret) = (created["sid"].as_str().unwrap(), created["secret"].as_str().unwrap());
    let path = format!("/Keys/{sid}.json");
    let found = world.get(&path).await.found();
    assert_eq!(keys(&found), ["sid", "friendly_name", "date_created", "date_updated"]);
    assert_eq!(world.get("/Keys.json").await.found()["keys"][0], found);
    assert_eq!(world.post(&path, "FriendlyName=New").await.found()["friendly_name"], "New");
    assert_eq!(world.post(&path, "").await.found()["friendly_name"], "New");

    world.ask_as(sid, secret, "GET", "/SIP/Domains.json", "").await.found();
    world.delete(&path).await.deleted();
    world.get(&path).await.missing(&world.path(&path));
    world.ask_as(sid, secret, "GET", "/SIP/Domains.json", "").await.refused(401, 20003, "Authenticate");
}

#[tokio::test]
async fn a_key_needs_no_name_but_not_too_long_a_one() {
    let world = World::new().await;
    assert_eq!(world.post("/Keys.json", "").await.created()["friendly_name"], "");
    let long = format!("FriendlyName={}", "x".repeat(65));
    world.post("/Keys.json", &long).await.refused(400, 20002, "FriendlyName");
    let path = world.path(&format!("/Keys/SK{UNKNOWN}.json"));
    world.post(&path, "FriendlyName=x").await.missing(&path);
    world.delete(&path).await.missing(&path);
}
