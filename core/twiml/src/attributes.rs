//! Reading attributes: each is taken once, checked, and replaced by its default with a numbered warning when
//! it is no good.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::HashSet;

use crate::document::{HttpMethod, LOOPS_MAX};
use crate::problem::{PROBLEMS_MAX, Problem};
use crate::xml::Element;

/// The problems of a document, bounded.
#[derive(Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    /// Adds one; beyond the bound the last one says that there are more.
    pub(crate) fn add(&mut self, code: u32, element: &str, message: String) {
        if self.0.len() + 1 < PROBLEMS_MAX {
            self.0.push(Problem { code, message, element: element.to_owned() });
        } else if self.0.len() < PROBLEMS_MAX {
            let message = "There are more problems than are listed".to_owned();
            self.0.push(Problem { code: 12200, message, element: "Response".to_owned() });
        }
    }

    /// All of them, in document order.
    pub(crate) fn into_vec(self) -> Vec<Problem> {
        self.0
    }
}

/// The attributes of one element. Those that nobody asked for are reported by [`Attributes::finish`].
pub(crate) struct Attributes<'a> {
    element: &'a Element,
    /// `Gather` or `Gather->Say`.
    path: String,
    known: HashSet<&'static str>,
}

impl<'a> Attributes<'a> {
    /// Of `element`, which is called `path` in messages.
    pub(crate) fn new(element: &'a Element, path: &str) -> Self {
        Self { element, path: path.to_owned(), known: HashSet::new() }
    }

    /// The value as written.
    pub(crate) fn raw(&mut self, name: &'static str) -> Option<&'a str> {
        self.known.insert(name);
        self.element.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value without the white space around it.
    pub(crate) fn trimmed(&mut self, name: &'static str) -> Option<&'a str> {
        self.raw(name).map(str::trim)
    }

    /// The value that `read` makes of it; else `default`, with a warning `code` when there was a value.
    pub(crate) fn read<T: Clone>(
        &mut self,
        name: &'static str,
        code: u32,
        default: (T, &str),
        problems: &mut Problems,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> T {
        let Some(value) = self.trimmed(name) else { return default.0 };
        read(value).unwrap_or_else(|| {
            let message = format!("Invalid {name} value {}: {} is used", quoted(value), default.1);
            problems.add(code, &self.path, message);
            default.0
        })
    }

    /// `GET` or `POST`, by default `POST`.
    pub(crate) fn method(&mut self, name: &'static str, code: u32, problems: &mut Problems) -> HttpMethod {
        let either = |method: &HttpMethod| matches!(method, HttpMethod::Get | HttpMethod::Post);
        self.read(name, code, (HttpMethod::Post, "POST"), problems, |value| value.parse().ok().filter(either))
    }

    /// `true` or `false`.
    pub(crate) fn boolean(
        &mut self,
        name: &'static str,
        code: u32,
        default: bool,
        problems: &mut Problems,
    ) -> bool {
        let word = if default { "true" } else { "false" };
        self.read(name, code, (default, word), problems, |value| match value {
            _ if value.eq_ignore_ascii_case("true") => Some(true),
            _ if value.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        })
    }

    /// `loop`: 1 to 1000; 0 is as often as can be.
    pub(crate) fn loops(&mut self, code: u32, problems: &mut Problems) -> u32 {
        self.read("loop", code, (1, "1"), problems, |value| match whole_number(value)? {
            0 => Some(LOOPS_MAX),
            count => Some(count.min(LOOPS_MAX)),
        })
    }

    /// Warns of every attribute that was not read.
    pub(crate) fn finish(self, problems: &mut Problems) {
        for (name, _) in &self.element.attributes {
            let of_xml = name == "xmlns" || name.starts_with("xmlns:") || name.starts_with("xsi:");
            if !self.known.contains(name.as_str()) && !of_xml {
                let message =
                    format!("Schema validation warning: attribute {} is not allowed here", quoted(name));
                problems.add(12200, &self.path, message);
            }
        }
    }
}

/// Digits and nothing else; too large is the largest.
pub(crate) fn whole_number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u32::MAX))
}

/// The value in quotes, cut where it becomes a burden.
pub(crate) fn quoted(value: &str) -> String {
    const SHOWN: usize = 100;
    match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", value.get(..end).unwrap_or_default()),
        None => format!("{value:?}"),
    }
}
