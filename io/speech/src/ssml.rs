//! A second look at what reaches the engine. Documents are cleaned where they are parsed; the engine has
//! markup
//! that opens files and control characters that change its state, so nothing of either kind passes here.

/// The elements of the contract (runtime.md 3.2 Say).
const ELEMENTS: [&str; 11] =
    ["speak", "break", "emphasis", "lang", "p", "phoneme", "prosody", "s", "say-as", "sub", "w"];

/// Whether markup has no other elements than the known ones.
pub(crate) fn is_safe(ssml: &str) -> bool {
    ssml.split('<').skip(1).all(|tag| {
        let name = tag.strip_prefix('/').unwrap_or(tag);
        let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap_or(name.len());
        let (name, rest) = name.split_at(end);
        ELEMENTS.contains(&name) && rest.starts_with([' ', '>', '/'])
    })
}

/// The text without what the engine would take for commands: control characters, and `[[`, which opens its
/// phoneme notation.
pub(crate) fn harmless(text: &str) -> String {
    let printable: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    printable.replace('[', " [ ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_elements_pass_and_no_others() {
        assert!(is_safe(
            "<speak>a <break time=\"1s\"/><say-as interpret-as=\"digits\">1</say-as> &lt;b</speak>"
        ));
        for markup in [
            "<audio src='x'/>",
            "<speak><mark/></speak>",
            "<!DOCTYPE x>",
            "<?xml?>",
            "a < b",
            "<p",
            "<pp>",
            "<break:audio/>",
        ] {
            assert!(!is_safe(markup), "{markup}");
        }
    }

    #[test]
    fn commands_in_a_text_are_defused() {
        assert_eq!(harmless("a\u{1}+20Pb\0c\n[[h@l'oU]]"), "a +20Pb c  [  [ h@l'oU]]");
        assert!(!harmless("[[[[").contains("[["));
    }
}
