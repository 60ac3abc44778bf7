//! The same resources in XML and CSV.

use axum::body::Body;
use http::Request;

use crate::world::{ACCOUNT, World};

#[tokio::test]
async fn without_extension_a_domain_is_xml_and_so_are_its_uris() {
    let world = World::new().await;
    let sid = world.made("/SIP/Domains.json", "DomainName=a.sip.twilio.com&FriendlyName=R%26D").await;
    let reply = world.get(&format!("/SIP/Domains/{sid}")).await;
    assert_eq!(reply.header("content-type"), "application/xml");
    let base = format!("/2010-04-01/Accounts/{ACCOUNT}/SIP/Domains/{sid}");
    let head = format!(
        "<?xml version='1.0' encoding='UTF-8'?>\n<TwilioResponse><SipDomain><Sid>{sid}</Sid>\
         <AccountSid>{ACCOUNT}</AccountSid><FriendlyName>R&amp;D</FriendlyName>\
         <ApiVersion>2010-04-01</ApiVersion><DomainName>a.sip.twilio.com</DomainName><AuthType/><VoiceUrl/>\
         <VoiceMethod>POST</VoiceMethod>"
    );
    let tail = format!(
        "<Uri>{base}</Uri><SubresourceUris>\
         <CredentialListMappings>{base}/CredentialListMappings</CredentialListMappings>\
         <IpAccessControlListMappings>{base}/IpAccessControlListMappings</IpAccessControlListMappings>\
         </SubresourceUris></SipDomain></TwilioResponse>"
    );
    assert!(reply.text.starts_with(&head) && reply.text.ends_with(&tail), "{}", reply.text);
}

#[tokio::test]
async fn a_list_in_xml_keeps_the_extension_it_was_asked_with() {
    let world = World::new().await;
    world.made("/SIP/CredentialLists.json", "FriendlyName=a").await;
    let reply = world.get("/SIP/CredentialLists.xml?PageSize=1").await;
    let uri = format!("/2010-04-01/Accounts/{ACCOUNT}/SIP/CredentialLists.xml?PageSize=1&amp;Page=0");
    assert!(
        reply.text.contains(&format!(
            "<TwilioResponse><CredentialLists end=\"0\" firstpageuri=\"{uri}\" nextpageuri=\"\" page=\"0\" \
             pagesize=\"1\" previouspageuri=\"\" start=\"0\" uri=\"{uri}\"><CredentialList><Sid>CL"
        )),
        "{}",
        reply.text
    );
}

#[tokio::test]
async fn creating_deleting_and_failing_work_in_xml() {
    let world = World::new().await;
    let created = world.post("/SIP/IpAccessControlLists", "FriendlyName=a").await;
    assert_eq!(created.status, 201);
    let (_, rest) = created.text.split_once("<Sid>").unwrap();
    let (sid, _) = rest.split_once("</Sid>").unwrap();
    world.delete(&format!("/SIP/IpAccessControlLists/{sid}")).await.deleted();
    let missing = world.get(&format!("/SIP/IpAccessControlLists/{sid}")).await;
    assert_eq!(missing.status, 404);
    assert!(missing.text.contains("<RestException><Code>20404</Code><Message>The requested resource"));
    let refused = world.send(Request::builder().uri(world.path("/Calls")).body(Body::empty()).unwrap()).await;
    assert_eq!(
        refused.text,
        "<?xml version='1.0' encoding='UTF-8'?>\n<TwilioResponse><RestException><Code>20003</Code>\
         <Detail>Your AccountSid or AuthToken was incorrect.</Detail><Message>Authenticate</Message>\
         <MoreInfo>http://localhost/docs/errors/20003</MoreInfo><Status>401</Status></RestException>\
         </TwilioResponse>"
    );
}

#[tokio::test]
async fn a_list_in_csv_is_a_header_and_a_row_an_item() {
    let world = World::new().await;
    let list = world.made("/SIP/IpAccessControlLists.json", "FriendlyName=a").await;
    let path = format!("/SIP/IpAccessControlLists/{list}/IpAddresses");
    world.made(&format!("{path}.json"), "FriendlyName=x%2Cy&IpAddress=192.0.2.1").await;
    let reply = world.get(&format!("{path}.csv")).await;
    assert_eq!(reply.header("content-type"), "text/csv");
    let lines: Vec<_> = reply.text.lines().collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        lines[0],
        "AccountSid,DateCreated,DateUpdated,FriendlyName,IpAccessControlListSid,IpAddress,\
         CidrPrefixLength,Sid,Uri"
    );
    assert!(lines[1].contains(&format!(",\"x,y\",{list},192.0.2.1,32,IP")), "{}", lines[1]);
}
