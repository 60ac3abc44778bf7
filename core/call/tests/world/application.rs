//! The developer's application: a document for each request, after a while, or none at all.

use std::time::Duration;

use bytes::Bytes;
use ringway_call::input::{FetchFailure, Fetched};
use ringway_model::Random;

/// What the application does with one request.
pub(crate) struct Answer {
    pub(crate) after: Duration,
    /// A document; none is a server that does not answer.
    pub(crate) document: Option<String>,
}

/// A document after 5 to 400 ms.
pub(crate) fn document(random: &mut Random, text: &str) -> Answer {
    let after = Duration::from_millis(5 + random.below(396));
    Answer { after, document: Some(format!("<Response>{text}</Response>")) }
}

impl Answer {
    pub(super) fn result(self, url: String) -> Result<Fetched, FetchFailure> {
        match self.document {
            Some(document) => Ok(Fetched {
                url,
                status: 200,
                content_type: Some("text/xml".to_owned()),
                headers: Vec::new(),
                body: Bytes::from(document),
            }),
            None => Err(FetchFailure {
                code: 11205,
                message: "HTTP connection failure".to_owned(),
                url: None,
                response: None,
            }),
        }
    }
}
