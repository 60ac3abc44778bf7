use crate::world::{ACCOUNT, World, keys};

pub(crate) const FORM: &str = "CustomerName=Customer+123&Street=1+Hasselhoff+Lane&City=Berlin&Region=Berlin&PostalCode=10785&IsoCountry=de";

#[tokio::test]
async fn an_address_lives_its_life() {
    let world = World::new().await;
    let form = format!("{FORM}&FriendlyName=Main+Office&StreetSecondary=Suite+300&AutoCorrectAddress=False");
    let made = world.post("/Addresses.json", &form).await.created();
    assert_eq!(
        keys(&made),
        [
            "account_sid",
            "city",
            "customer_name",
            "date_created",
            "date_updated",
            "friendly_name",
            "iso_country",
            "postal_code",
            "region",
            "sid",
            "street",
            "uri",
            "emergency_enabled",
            "validated",
            "verified",
            "street_secondary"
        ]
    );
    assert_eq!((&made["iso_country"], &made["street_secondary"]), (&"DE".into(), &"Suite 300".into()));
    let sid = made["sid"].as_str().unwrap();
    let path = format!("/Addresses/{sid}.json");
    assert_eq!(made["uri"], format!("/2010-04-01/Accounts/{ACCOUNT}{path}"));
    assert_eq!(world.get(&path).await.found(), made);
    let changed = world.post(&path, "CustomerName=Customer+456&StreetSecondary=&IsoCountry=US").await.found();
    assert_eq!((&changed["customer_name"], &changed["city"]), (&"Customer 456".into(), &"Berlin".into()));
    assert!(changed["street_secondary"].is_null() && changed["iso_country"] == "DE");
    let xml = world.get(&format!("/Addresses/{sid}")).await.text;
    assert!(xml.contains("<Address><Sid>") && xml.contains("<StreetSecondary/>"), "{xml}");
    world.delete(&path).await.deleted();
    world.get(&path).await.missing(&world.path(&path));
}

#[tokio::test]
async fn addresses_are_filtered_by_what_they_say() {
    let world = World::new().await;
    let sid = world.made("/Addresses.json", &format!("{FORM}&FriendlyName=a&EmergencyEnabled=true")).await;
    world.made("/Addresses.json", &FORM.replace("=de", "=US")).await;
    for (query, count) in [
        ("CustomerName=Customer+123", 2),
        ("FriendlyName=a", 1),
        ("EmergencyEnabled=True", 1),
        ("EmergencyEnabled=false", 1),
        ("IsoCountry=de", 1),
        ("IsoCountry=FR", 0),
    ] {
        let page = world.get(&format!("/Addresses.json?{query}")).await.found();
        assert_eq!(page["addresses"].as_array().unwrap().len(), count, "{query}");
        assert!(page["uri"].as_str().unwrap().contains(query), "{query}");
    }
    assert_eq!(world.get("/Addresses.json?FriendlyName=a").await.found()["addresses"][0]["sid"], sid);
}

#[tokio::test]
async fn what_an_address_lacks_is_named() {
    let world = World::new().await;
    for name in ["CustomerName", "Street", "City", "Region", "PostalCode", "IsoCountry"] {
        let form: Vec<_> = FORM.split('&').filter(|pair| !pair.starts_with(&format!("{name}="))).collect();
        world.post("/Addresses.json", &form.join("&")).await.refused(400, 21628, name);
    }
    for (form, names) in [
        (FORM.replace("=de", "=Germany"), "IsoCountry"),
        (format!("{FORM}&EmergencyEnabled=perhaps"), "EmergencyEnabled"),
        (format!("{FORM}&FriendlyName={}", "x".repeat(65)), "FriendlyName"),
        (format!("{FORM}&EmergencyEnabled=true&FriendlyName={}", "x".repeat(33)), "FriendlyName"),
    ] {
        world.post("/Addresses.json", &form).await.refused(400, 21628, names);
    }
    let path = format!("/Addresses/{}.json", world.made("/Addresses.json", FORM).await);
    world.post(&path, "City=").await.refused(400, 21628, "City");
}

#[tokio::test]
async fn an_address_that_a_number_has_stays() {
    let world = World::new().await;
    let sid = world.made("/Addresses.json", &format!("{FORM}&EmergencyEnabled=true")).await;
    let path = format!("/Addresses/{sid}.json");
    let form = format!("PhoneNumber=%2B15105551212&EmergencyAddressSid={sid}&EmergencyStatus=Active");
    let number = world.made("/IncomingPhoneNumbers.json", &form).await;
    let dependent = world.get(&format!("/Addresses/{sid}/DependentPhoneNumbers.json")).await.found();
    let row = &dependent["dependent_phone_numbers"][0];
    assert_eq!((&row["sid"], &row["emergency_status"]), (&number.as_str().into(), &"Active".into()));
    assert_eq!(keys(&row["capabilities"]), ["Voice", "SMS", "MMS"]);
    assert!(row.get("origin").is_none());
    world.delete(&path).await.refused(409, 20409, "phone number");
    world.post(&path, "EmergencyEnabled=false").await.refused(409, 20409, "phone number");
    world.delete(&format!("/IncomingPhoneNumbers/{number}.json")).await.deleted();
    world.delete(&path).await.deleted();
    let gone = world.path(&format!("/Addresses/{sid}/DependentPhoneNumbers.json"));
    world.get(&gone).await.missing(&gone);
}
