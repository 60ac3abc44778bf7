//! The small pieces of the grammar that many headers share (RFC 3261 25.1). All texts here are unfolded:
//! linear white space is spaces and tabs.

#[allow(clippy::indexing_slicing)] // runs while compiling only
const fn token_table() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let marks = b"-.!%*_+`'~";
    let mut index = 0;
    while index < marks.len() {
        table[marks[index] as usize] = true;
        index += 1;
    }
    table
}

const TOKEN: [bool; 256] = token_table();

/// Whether a byte may stand in a `token`.
pub(crate) fn is_token_byte(byte: u8) -> bool {
    TOKEN.get(usize::from(byte)).copied().unwrap_or(false)
}

/// Whether this is a `token`: a method, a header name, a parameter name.
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// Without the white space around it.
pub(crate) fn trim(text: &str) -> &str {
    trim_start(text).trim_end_matches([' ', '\t'])
}

/// Without the white space before it.
pub(crate) fn trim_start(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

/// The length of the quoted string that `text` begins with, both quotes counted; `None` when it does not
/// begin with a quote or has no end.
pub(crate) fn quoted_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.first() != Some(&b'"') {
        return None;
    }
    let mut position = 1;
    loop {
        let found = position + memchr::memchr2(b'"', b'\\', bytes.get(position..)?)?;
        if bytes.get(found) == Some(&b'"') {
            return Some(found + 1);
        }
        position = found + 2;
    }
}

/// What a quoted string says: without its quotes, escapes resolved. Other text is returned as it is.
pub fn unquoted(text: &str) -> std::borrow::Cow<'_, str> {
    let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return text.into();
    };
    if !inner.contains('\\') {
        return inner.into();
    }
    let mut said = String::with_capacity(inner.len());
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        said.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    said.into()
}

/// The elements of a comma-separated header value; commas inside quotes and angle brackets do not count, and
/// empty elements are left out.
#[derive(Debug, Clone)]
pub(crate) struct Elements<'a>(pub(crate) &'a str);

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        while !self.0.is_empty() {
            let (element, rest) = match element_length(self.0).and_then(|end| self.0.split_at_checked(end)) {
                Some((element, rest)) => (element, rest.get(1..).unwrap_or_default()),
                None => (self.0, ""),
            };
            self.0 = rest;
            let element = trim(element);
            if !element.is_empty() {
                return Some(element);
            }
        }
        None
    }
}

/// Where the first element ends: the position of its comma, or `None` when there is no further one.
fn element_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut position = 0;
    loop {
        let found = position + memchr::memchr3(b',', b'"', b'<', bytes.get(position..)?)?;
        position = match bytes.get(found)? {
            b',' => return Some(found),
            b'"' => found + quoted_length(text.get(found..)?)?,
            _ => found + memchr::memchr(b'>', bytes.get(found..)?)? + 1,
        };
    }
}

/// Generic parameters, `;name=value;name`, in order: names and values as written (quotes kept), a name
/// without `=` has no value.
#[derive(Debug, Clone, Copy, Default)]
pub struct Params<'a>(pub(crate) &'a str);

impl<'a> Params<'a> {
    /// The first parameter of this name, without regard to case: `Some(None)` when it has no value.
    pub fn get(&self, name: &str) -> Option<Option<&'a str>> {
        let mut params = *self;
        params.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The value of the first parameter of this name.
    pub(crate) fn value(&self, name: &str) -> Option<&'a str> {
        self.get(name).flatten()
    }

    /// Whether everything is a well-formed parameter, and there are at most `most`.
    pub(crate) fn are_sound(mut self, most: usize) -> bool {
        let count = self.by_ref().count();
        trim(self.0).is_empty() && count <= most
    }
}

impl<'a> Iterator for Params<'a> {
    type Item = (&'a str, Option<&'a str>);

    fn next(&mut self) -> Option<Self::Item> {
        let text = trim_start(trim_start(self.0).strip_prefix(';')?);
        let name_end = text.bytes().position(|byte| !is_token_byte(byte)).unwrap_or(text.len());
        let (name, rest) = text.split_at_checked(name_end)?;
        if name.is_empty() {
            return None;
        }
        let Some(value) = trim_start(rest).strip_prefix('=') else {
            self.0 = rest;
            return Some((name, None));
        };
        let value = trim_start(value);
        let value_end = quoted_length(value)
            .unwrap_or_else(|| value.bytes().position(|byte| !is_value_byte(byte)).unwrap_or(value.len()));
        let (value, rest) = value.split_at_checked(value_end)?;
        self.0 = rest;
        Some((name, Some(value)))
    }
}

/// What a bare parameter value may hold: tokens, hosts, IPv6 addresses, and what phones put there besides.
fn is_value_byte(byte: u8) -> bool {
    byte >= 0x80 || (byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'<' | b'>' | b'\\'))
}

/// A number written in decimal digits, leading zeros allowed; `None` when it is something else or too big.
pub(crate) fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// A number of seconds: digits, and what is beyond 32 bits is as much as fits (RFC 3261 20.19).
pub(crate) fn delta_seconds(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().unwrap_or(u32::MAX))
}
