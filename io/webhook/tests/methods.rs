//! Each of the methods that a resource may name, as an application sees it.

mod support;

use ringway_model::Secret;
use ringway_webhook::{CallSession, Method, sign};
use support::{Server, TOKEN, TWIML, client, ok, post};
use url::Url;

#[tokio::test]
async fn parameters_are_in_the_query_or_in_the_form_and_signed_where_they_are() {
    for (method, name, in_form) in [
        (Method::Get, "GET", false),
        (Method::Head, "HEAD", false),
        (Method::Delete, "DELETE", false),
        (Method::Post, "POST", true),
        (Method::Put, "PUT", true),
        (Method::Patch, "PATCH", true),
    ] {
        let server = Server::start(|_| ok(TWIML)).await;
        let mut request = post(server.url("/voice"));
        request.method = method;
        let params = request.params.clone();
        let response = client().fetch(&CallSession::new(), request).await.unwrap();
        assert_eq!(response.body.is_empty(), name == "HEAD", "{name}");

        let seen = &server.received()[0];
        assert_eq!(seen.method, name);
        let encoded = "To=sip%3Aa+b%40h&From=%2B1";
        let signed = if in_form { params } else { Vec::new() };
        match in_form {
            true => assert_eq!((seen.target.as_str(), seen.body.as_str()), ("/voice", encoded), "{name}"),
            false => {
                assert_eq!((seen.target.as_str(), seen.body.as_str()), (&*format!("/voice?{encoded}"), ""))
            }
        }
        let url = Url::parse(&server.url(&seen.target)).unwrap();
        let signature = sign(&Secret::new(TOKEN), &url, &signed);
        assert_eq!(seen.header("x-twilio-signature"), Some(signature.as_str()), "{name}");
    }
}
