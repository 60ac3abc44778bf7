//! A small tree of elements: what is left of XML once everything that a document may not have (a DTD, other
//! entities, deep nesting) was refused.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::borrow::Cow;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::ELEMENTS_DEPTH_MAX;
use crate::problem::Fatal;

/// An element with what it contains.
#[derive(Debug, Default)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Node>,
}

/// What an element contains. Comments and processing instructions are gone.
#[derive(Debug)]
pub(crate) enum Node {
    Element(Element),
    Text(String),
}

impl Element {
    /// The text directly inside, white space normalised.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for child in &self.children {
            match child {
                Node::Text(part) => text.push_str(part),
                Node::Element(_) => text.push(' '),
            }
        }
        squeeze(&text)
    }

    /// The elements directly inside.
    pub(crate) fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|child| match child {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }
}

/// One space for any run of white space, none at the ends.
pub(crate) fn squeeze(text: &str) -> String {
    let mut squeezed = String::with_capacity(text.len());
    for word in text.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()) {
        if !squeezed.is_empty() {
            squeezed.push(' ');
        }
        squeezed.push_str(word);
    }
    squeezed
}

/// Reads the one root element.
pub(crate) fn read(bytes: &[u8]) -> Result<Element, Fatal> {
    let text = decode(bytes)?;
    if let Some(character) = text.chars().find(|character| !is_xml_character(*character)) {
        return Err(not_xml(&format!("U+{:04X} is not a character of XML", u32::from(character))));
    }
    let mut reader = Reader::from_str(&text);
    reader.config_mut().expand_empty_elements = true;
    let mut builder = Builder::default();
    loop {
        let event = reader.read_event();
        let done = event.map_err(|error| error.to_string()).and_then(|event| builder.take(event));
        match done {
            Ok(false) => (),
            Ok(true) => return builder.finish(),
            Err(why) => return Err(not_xml(&format!("{why}, line {}", line(&text, &reader)))),
        }
    }
}

/// Elements that are still open, from the root inwards, and the root once it was closed.
#[derive(Default)]
struct Builder {
    open: Vec<Element>,
    root: Option<Element>,
    begun: bool,
}

impl Builder {
    /// Takes one event; true at the end of the document.
    fn take(&mut self, event: Event<'_>) -> Result<bool, String> {
        let first = !std::mem::replace(&mut self.begun, true);
        match event {
            Event::Start(start) | Event::Empty(start) => self.open(&start)?,
            Event::End(_) => self.close(),
            Event::Text(text) => self.text(&text.xml10_content())?,
            Event::CData(data) => self.character_data(&data.xml10_content())?,
            Event::GeneralRef(reference) => {
                let character =
                    match reference.resolve_char_ref().map_err(|error| error.to_string())? {
                        Some(character) if is_xml_character(character) => Cow::Owned(character.to_string()),
                        Some(_) => return Err(format!("&{};, which is not a character of XML", &*reference)),
                        None => Cow::Borrowed(quick_xml::escape::resolve_xml_entity(&reference).ok_or_else(
                            || format!("the entity &{}; is not one of XML's five", &*reference),
                        )?),
                    };
                self.character_data(&character)?;
            }
            Event::DocType(_) => return Err("a DOCTYPE is not accepted".to_owned()),
            Event::Decl(_) if !first => {
                return Err("the XML declaration must be the very first thing in a document".to_owned());
            }
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => (),
            Event::Eof => return Ok(true),
        }
        Ok(false)
    }

    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), String> {
        if self.open.len() >= ELEMENTS_DEPTH_MAX {
            return Err(format!("more than {ELEMENTS_DEPTH_MAX} elements inside each other"));
        }
        if self.open.is_empty() && self.root.is_some() {
            return Err("a second root element".to_owned());
        }
        let name = checked_name(start.name().as_ref())?;
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let value =
                attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| error.to_string())?;
            if !value.chars().all(is_xml_character) {
                return Err("an attribute with a character that XML does not have".to_owned());
            }
            attributes.push((checked_name(attribute.key.as_ref())?, value.into_owned()));
        }
        self.open.push(Element { name, attributes, children: Vec::new() });
        Ok(())
    }

    /// The reader has checked that the names match.
    fn close(&mut self) {
        let Some(element) = self.open.pop() else { return };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(Node::Element(element)),
            None => self.root = Some(element),
        }
    }

    fn text(&mut self, text: &str) -> Result<(), String> {
        if self.open.is_empty() && text.chars().all(|character| " \t\r\n".contains(character)) {
            return Ok(());
        }
        self.character_data(text)
    }

    fn character_data(&mut self, text: &str) -> Result<(), String> {
        let parent = self.open.last_mut().ok_or("text outside of the root element")?;
        match parent.children.last_mut() {
            Some(Node::Text(before)) => before.push_str(text),
            _ => parent.children.push(Node::Text(text.to_owned())),
        }
        Ok(())
    }

    fn finish(self) -> Result<Element, Fatal> {
        match (self.open.last(), self.root) {
            (Some(open), _) => Err(not_xml(&format!("<{}> is never closed", open.name))),
            (None, Some(root)) => Ok(root),
            (None, None) => Err(not_xml("there is no element")),
        }
    }
}

fn not_xml(why: &str) -> Fatal {
    Fatal { code: 12100, message: format!("Document parse failure: {why}") }
}

fn line(text: &str, reader: &Reader<&[u8]>) -> usize {
    let position =
        usize::try_from(reader.error_position().max(reader.buffer_position())).unwrap_or(usize::MAX);
    1 + text.bytes().take(position).filter(|byte| *byte == b'\n').count()
}

/// UTF-8 with or without its mark, and Latin-1 where the declaration says so.
fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Fatal> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(_) if declares_latin_1(bytes) => Ok(bytes.iter().map(|byte| char::from(*byte)).collect()),
        Err(_) => Err(not_xml("it is not written in UTF-8")),
    }
}

fn declares_latin_1(bytes: &[u8]) -> bool {
    let end = bytes.iter().position(|byte| *byte == b'>').unwrap_or(0);
    let declaration = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).to_ascii_lowercase();
    declaration.starts_with("<?xml") && declaration.contains("iso-8859-1")
}

/// XML 1.0, 2.2.
fn is_xml_character(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

fn checked_name(name: &str) -> Result<String, String> {
    let starts_well = name.starts_with(|first: char| first.is_alphabetic() || first == '_' || first == ':');
    let goes_on =
        name.chars().all(|character| character.is_alphanumeric() || "_:-.\u{B7}".contains(character));
    (starts_well && goes_on).then(|| name.to_owned()).ok_or_else(|| format!("{name:?} is not a name of XML"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn text_keeps_the_five_entities_character_references_and_cdata() {
        let root = read(b"<a>1 &lt; &#50; &amp;<!-- no --> &#x33;<![CDATA[ <b> ]]></a>").unwrap();
        assert_eq!(root.text(), "1 < 2 & 3 <b>");
    }

    #[test]
    fn what_is_not_xml_or_more_than_we_accept_is_refused_with_a_line() {
        let deep = "<a>".repeat(ELEMENTS_DEPTH_MAX + 1) + &"</a>".repeat(ELEMENTS_DEPTH_MAX + 1);
        for (text, word) in [
            ("", "no element"),
            ("hello", "text outside"),
            ("<a>", "closed"),
            ("<a></b>", "line 1"),
            ("<a/><b/>", "second root"),
            ("<a/>x", "text outside"),
            ("<!DOCTYPE a><a/>", "DOCTYPE"),
            ("<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", "DOCTYPE"),
            ("<a>\n&nbsp;</a>", "&nbsp;"),
            ("<a b=\"&nbsp;\"/>", "nbsp"),
            ("<a>&#0;</a>", "0"),
            ("<a>\u{1}</a>", "U+0001"),
            ("<a b='1' b='2'/>", "duplicate"),
            ("<a b=1/>", "line 1"),
            ("<a>http://b?c=1&d=2</a>", "line 1"),
            ("<a b='c&d'/>", "line 1"),
            ("\n<?xml version=\"1.0\"?><a/>", "very first"),
            ("<1/>", "not a name"),
            (deep.as_str(), "inside each other"),
        ] {
            let fatal = read(text.as_bytes()).unwrap_err();
            assert_eq!(fatal.code, 12100, "{text}");
            assert!(fatal.message.to_lowercase().contains(&word.to_lowercase()), "{text}: {}", fatal.message);
        }
    }

    #[test]
    fn a_declared_latin_1_document_is_read_and_an_undeclared_one_is_not() {
        let declared = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>caf\xE9</a>";
        assert_eq!(read(declared).unwrap().text(), "caf\u{e9}");
        assert_eq!(read(b"<a>caf\xE9</a>").unwrap_err().code, 12100);
        assert_eq!(read(b"\xEF\xBB\xBF<?xml version='1.0'?><a>x</a>").unwrap().text(), "x");
    }
}
