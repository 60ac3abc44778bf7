//! SSML inside Say: the elements of the contract (runtime.md 3.2) are written again, safely, and flattened to
//! plain words for synthesisers and people that read no SSML. Anything else keeps its words and loses its
//! tags.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use quick_xml::escape::escape;

use crate::attributes::{Problems, quoted};
use crate::xml::{Element, Node, squeeze};

/// The elements that may stand in a Say, with their attributes.
const ELEMENTS: &[(&str, &[&str])] = &[
    ("break", &["strength", "time"]),
    ("emphasis", &["level"]),
    ("lang", &["xml:lang"]),
    ("p", &[]),
    ("phoneme", &["alphabet", "ph"]),
    ("prosody", &["volume", "rate", "pitch"]),
    ("s", &[]),
    ("say-as", &["interpret-as", "format", "detail", "role"]),
    ("sub", &["alias"]),
    ("w", &["role"]),
];

/// The words of a Say in both forms.
pub(crate) struct Words {
    pub(crate) text: String,
    pub(crate) ssml: Option<String>,
}

/// Reads the content of a Say, called `path` in messages.
pub(crate) fn words(say: &Element, path: &str, problems: &mut Problems) -> Words {
    let mut writer = Writer { text: String::new(), ssml: String::new(), elements: 0 };
    writer.content(say, path, problems);
    let ssml = (writer.elements > 0).then(|| format!("<speak>{}</speak>", squeeze(&writer.ssml)));
    Words { text: squeeze(&writer.text), ssml }
}

struct Writer {
    text: String,
    ssml: String,
    elements: usize,
}

impl Writer {
    fn content(&mut self, element: &Element, path: &str, problems: &mut Problems) {
        for child in &element.children {
            match child {
                Node::Text(text) => {
                    self.text.push_str(text);
                    self.ssml.push_str(&escape(text.as_str()));
                }
                Node::Element(child) => self.element(child, path, problems),
            }
        }
    }

    fn element(&mut self, element: &Element, path: &str, problems: &mut Problems) {
        let Some((name, allowed)) = ELEMENTS.iter().find(|(name, _)| *name == element.name) else {
            let message = format!(
                "Schema validation warning: element {} is not allowed here; its text is spoken",
                quoted(&element.name)
            );
            problems.add(12200, path, message);
            return self.content(element, path, problems);
        };
        self.elements += 1;
        self.start(element, name, allowed, path, problems);
        let plain_before = self.text.len();
        self.content(element, path, problems);
        self.ssml.push_str(&format!("</{name}>"));
        self.flatten(element, name, plain_before);
    }

    fn start(
        &mut self,
        element: &Element,
        name: &str,
        allowed: &[&str],
        path: &str,
        problems: &mut Problems,
    ) {
        self.ssml.push('<');
        self.ssml.push_str(name);
        for (key, value) in &element.attributes {
            if allowed.contains(&key.as_str()) {
                self.ssml.push_str(&format!(" {key}=\"{}\"", escape(value.as_str())));
            } else {
                let message =
                    format!("Schema validation warning: attribute {} of {name} is not allowed", quoted(key));
                problems.add(12200, path, message);
            }
        }
        self.ssml.push('>');
    }

    /// Plain words: an alias instead of what it stands for, and a gap where sentences meet.
    fn flatten(&mut self, element: &Element, name: &str, before: usize) {
        match name {
            "sub" => {
                if let Some((_, alias)) = element.attributes.iter().find(|(key, _)| key == "alias") {
                    self.text.truncate(before);
                    self.text.push_str(alias);
                }
            }
            "break" | "p" | "s" => self.text.push(' '),
            _ => (),
        }
    }
}
