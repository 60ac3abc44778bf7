use crate::world::{ACCOUNT, TOKEN, World, keys};

#[tokio::test]
async fn an_account_shows_itself() {
    let world = World::new().await;
    let body = world.get(".json").await.found();
    assert_eq!(
        keys(&body),
        [
            "auth_token",
            "date_created",
            "date_updated",
            "friendly_name",
            "owner_account_sid",
            "sid",
            "status",
            "subresource_uris",
            "type",
            "uri"
        ]
    );
    assert_eq!((&body["sid"], &body["owner_account_sid"]), (&ACCOUNT.into(), &ACCOUNT.into()));
    assert_eq!(
        (&body["auth_token"], &body["status"], &body["type"]),
        (&TOKEN.into(), &"active".into(), &"Full".into())
    );
    assert_eq!(body["subresource_uris"]["sip"], format!("/2010-04-01/Accounts/{ACCOUNT}/SIP.json"));
    assert_eq!(body["uri"], format!("/2010-04-01/Accounts/{ACCOUNT}.json"));
}
