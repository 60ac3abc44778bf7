//! What is fuzzed: one function for each target, which takes any bytes and panics when something is wrong. The
//! programs in `fuzz/` feed them with coverage in view; the tests here replay what those have found worth keeping.

mod endpoint;
mod sip;

/// A target's function.
pub type Target = fn(&[u8]);

/// Every target by the name of its corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("digest", sip::digest),
    ("endpoint", endpoint::endpoint),
    ("framing", sip::framing),
    ("message", sip::message),
    ("sdp", sdp),
    ("twiml", twiml),
    ("uri", sip::uri),
];

/// The function of a target.
///
/// # Panics
/// When there is none of this name.
pub fn target(name: &str) -> Target {
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("no target {name}")).1
}

/// A session description is read, answered and, as an answer to ours, applied.
fn sdp(data: &[u8]) {
    use ringway_media::sdp::{LocalMedia, Negotiation, SessionDescription, sdp_from_body};
    let _ = sdp_from_body("multipart/mixed;boundary=b", data);
    let Ok(description) = SessionDescription::parse(data) else { return };
    let local = LocalMedia::new([192, 0, 2, 1].into(), 4000, 4001, 1);
    if let Ok(answer) = Negotiation::new(local.clone()).answer(&description) {
        SessionDescription::parse(&answer.sdp).expect("our answer can be read");
    }
    let mut offering = Negotiation::new(local);
    SessionDescription::parse(&offering.offer()).expect("our offer can be read");
    let _ = offering.apply_answer(&description);
}

/// A document is read, or refused.
fn twiml(data: &[u8]) {
    let _ = ringway_twiml::parse(data);
}
