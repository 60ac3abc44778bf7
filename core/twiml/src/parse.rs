//! From bytes to verbs.

use crate::attributes::Problems;
use crate::document::Document;
use crate::problem::{Fatal, Problem};
use crate::{verbs, xml};

/// Most bytes of a document (contract, runtime.md 1.5).
pub const DOCUMENT_BYTES_MAX: usize = 64 * 1024;

/// Most elements inside each other; no document needs half of it.
pub const ELEMENTS_DEPTH_MAX: usize = 16;

/// Reads a document. Faults of attributes and unknown elements are returned beside it, at most
/// [`crate::problem::PROBLEMS_MAX`] of them; whatever leaves nothing to execute is [`Fatal`].
pub fn parse(bytes: &[u8]) -> Result<(Document, Vec<Problem>), Fatal> {
    if bytes.len() > DOCUMENT_BYTES_MAX {
        let message =
            format!("TwiML response body too large: {} bytes, at most {DOCUMENT_BYTES_MAX}", bytes.len());
        return Err(Fatal { code: 11750, message });
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Fatal { code: 11770, message: "Empty response body".to_owned() });
    }
    let root = xml::read(bytes)?;
    if root.name != "Response" {
        let message = format!("The root element must be Response, and not {}", root.name);
        return Err(Fatal { code: 12102, message });
    }
    let mut problems = Problems::default();
    let verbs = verbs::read_all(&root, &mut problems);
    Ok((Document { verbs }, problems.into_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verb;
    use proptest::prelude::*;

    #[test]
    fn sizes_and_roots_are_checked_first() {
        for (text, code) in [
            (String::new(), 11770),
            (" \r\n".to_owned(), 11770),
            (format!("<Response>{}</Response>", " ".repeat(DOCUMENT_BYTES_MAX)), 11750),
            ("<response/>".to_owned(), 12102),
            ("<html><body>500</body></html>".to_owned(), 12102),
            ("Not found".to_owned(), 12100),
        ] {
            assert_eq!(parse(text.as_bytes()).map_err(|fatal| fatal.code), Err(code), "{text:.40}");
        }
    }

    #[test]
    fn an_empty_response_has_no_verbs_and_no_problems() {
        for text in
            ["<Response/>", "<?xml version=\"1.0\"?>\n<Response>\n<!-- <Say>no</Say> -->\n</Response>\n"]
        {
            assert_eq!(parse(text.as_bytes()), Ok((Document::default(), Vec::new())));
        }
    }

    #[test]
    fn verbs_come_in_order() {
        let text = b"<Response><Say>a</Say><Enqueue>+1</Enqueue><Hangup/></Response>";
        let (document, problems) = parse(text).unwrap_or_default();
        assert!(matches!(
            document.verbs.as_slice(),
            [Verb::Say(_), Verb::NotBuilt { name: "Enqueue" }, Verb::Hangup]
        ));
        assert_eq!(problems, []);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = parse(&bytes);
        }

        /// Pieces of TwiML in any order: most are refused, some are odd documents, none may panic.
        #[test]
        fn no_order_of_pieces_panics(pieces in proptest::collection::vec(prop_oneof![
            Just("<Response>"), Just("</Response>"), Just("<Say voice=\"x\" loop=\"-1\">"), Just("</Say>"),
            Just("<Gather numDigits=\"99999999999\" finishOnKey=\"\u{20ac}\">"), Just("</Gather>"), Just("<Play digits=\"1wW\"/>"),
            Just("<prosody rate=\"&#60;\">"), Just("</prosody>"), Just("<Pause length=\"\"/>"), Just("&#xD800;"), Just("&amp;"),
            Just("<![CDATA["), Just("]]>"), Just("<!--"), Just("-->"), Just("<?xml?>"), Just("<"), Just("\u{0}"), Just(" text "),
        ], 0..24)) {
            let _ = parse(pieces.concat().as_bytes());
            let _ = parse(format!("<Response>{}</Response>", pieces.concat()).as_bytes());
        }
    }
}
