//! Call transfer: Refer-To (RFC 3515), Replaces (RFC 3891), and the pieces of SIP that report how it went
//! (RFC 3420).

use ringway_model::uri::UriRef;

use super::{Message, NameAddr, Params};

/// Where a REFER points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferTo<'a> {
    /// The whole value as received.
    pub value: &'a str,
    /// The URI to call, without the headers that it asks for.
    pub uri: String,
    /// The call that the new one is to replace, of an attended transfer.
    pub replaces: Option<Replaces>,
    /// The other headers of the URI, in order, escapes resolved. Which of them a call may carry is for the
    /// caller to say (RFC 3261 19.1.5).
    pub headers: Vec<(String, String)>,
}

impl<'a> ReferTo<'a> {
    /// Parses the value of a Refer-To header. None when it is no address, or its Replaces is none.
    pub fn parse(value: &'a str) -> Option<Self> {
        let address = NameAddr::parse(value)?;
        let uri = UriRef::parse(address.uri).ok()?;
        let mut replaces = None;
        let mut headers = Vec::new();
        for (name, value) in uri.headers_decoded() {
            if name.eq_ignore_ascii_case("Replaces") && replaces.is_none() {
                replaces = Some(Replaces::parse(&value)?);
            } else {
                headers.push((name.into_owned(), value.into_owned()));
            }
        }
        Some(Self { value, uri: uri.without_headers(), replaces, headers })
    }
}

/// The dialog that an INVITE takes the place of, as the side that gets the INVITE sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaces {
    /// Its Call-ID.
    pub call_id: String,
    /// The tag of the side that gets the INVITE.
    pub to_tag: String,
    /// The tag of the other side.
    pub from_tag: String,
    /// Only if it is not answered yet.
    pub early_only: bool,
}

impl Replaces {
    /// Parses the value of a Replaces header; both tags must be there (RFC 3891 6.1).
    pub fn parse(value: &str) -> Option<Self> {
        let (call_id, _) = value.split_once(';')?;
        let params = Params(value.get(call_id.len()..)?);
        let call_id = call_id.trim();
        (!call_id.is_empty()).then_some(())?;
        Some(Self {
            call_id: call_id.to_owned(),
            to_tag: params.value("to-tag")?.to_owned(),
            from_tag: params.value("from-tag")?.to_owned(),
            early_only: params.get("early-only").is_some(),
        })
    }
}

/// The status that a NOTIFY of a transfer reports: the first line of its `message/sipfrag` body.
pub fn sipfrag_status(notify: &Message) -> Option<u16> {
    let content_type = notify.content_type()?.split(';').next()?.trim();
    if !content_type.eq_ignore_ascii_case("message/sipfrag") {
        return None;
    }
    let line = notify.body().split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
    let rest = std::str::from_utf8(line).ok()?.strip_prefix("SIP/2.0 ")?;
    let digits = rest.get(..3).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok().filter(|status| (100..700).contains(status))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn rfc3515_2_1_a_refer_to_is_an_address_with_headers() {
        let refer =
            ReferTo::parse("\"Bob\" <sip:bob@example.com;user=phone?X-Room=7%2F2&Subject=a%20b>").unwrap();
        assert_eq!(refer.uri, "sip:bob@example.com;user=phone");
        let headers = [("X-Room", "7/2"), ("Subject", "a b")];
        assert_eq!(refer.headers, headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(refer.replaces, None);
        assert_eq!(ReferTo::parse("sip:bob@example.com").unwrap().uri, "sip:bob@example.com");
        assert_eq!(ReferTo::parse("nonsense"), None);
    }

    #[test]
    fn rfc5589_7_3_an_attended_transfer_names_the_call_to_replace() {
        let value = "<sips:482n4z24kdg@chicago.example.com;gr=8594958?Replaces=090459243588173445%3Bto-tag%3D9m2n3wq\
                     %3Bfrom-tag%3D763231>";
        let refer = ReferTo::parse(value).unwrap();
        assert_eq!(refer.uri, "sips:482n4z24kdg@chicago.example.com;gr=8594958");
        let replaces = refer.replaces.unwrap();
        assert_eq!(replaces.call_id, "090459243588173445");
        assert_eq!((replaces.to_tag.as_str(), replaces.from_tag.as_str()), ("9m2n3wq", "763231"));
        assert!(!replaces.early_only);
        assert_eq!(
            ReferTo::parse("<sip:a@b?Replaces=1%3Bto-tag%3D2>"),
            None,
            "a Replaces without a from-tag"
        );
    }

    #[test]
    fn rfc3891_6_1_both_tags_and_a_call_id_make_a_replaces() {
        let replaces =
            Replaces::parse("98732@sip.example.com ;from-tag=r33th4x0r ;to-tag=ff87ff;early-only").unwrap();
        assert_eq!(replaces.call_id, "98732@sip.example.com");
        assert_eq!((replaces.to_tag.as_str(), replaces.from_tag.as_str()), ("ff87ff", "r33th4x0r"));
        assert!(replaces.early_only);
        for text in ["", "1", "1;to-tag=2", ";to-tag=1;from-tag=2"] {
            assert_eq!(Replaces::parse(text), None, "{text}");
        }
    }
}
