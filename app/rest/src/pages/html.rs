//! HTML, and the frame of every page.

const STYLE: &str = include_str!("style.css");

/// A piece of a page.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Adds markup of ours.
    pub(super) fn raw(&mut self, markup: &str) {
        self.0.push_str(markup);
    }

    /// Adds an element with a text, in which what is between backticks is code.
    pub(super) fn element(&mut self, name: &str, text: &str) {
        self.0.push_str(&format!("<{name}>{}</{name}>", prose(text)));
    }

    /// Adds a list of what semicolons separate.
    pub(super) fn list(&mut self, text: &str) {
        self.raw("<ul>");
        for item in text.trim_end_matches('.').split("; ") {
            self.element("li", item);
        }
        self.raw("</ul>");
    }
}

/// A whole page; `aside` is its navigation.
pub(super) fn layout(title: &str, aside: &str, content: &Html) -> String {
    let title = escape(title);
    let class = if aside.is_empty() { " class=\"plain\"" } else { "" };
    let body = &content.0;
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title} · Ringway</title>\
         <style>{STYLE}</style></head><body><header><a class=\"home\" href=\"/docs\">Ringway</a>\
         <nav aria-label=\"Site\"><a href=\"/docs\">Reference</a><a href=\"/docs/errors\">Errors</a>\
         <a href=\"/openapi.json\">OpenAPI</a></nav></header><div id=\"page\"{class}>{aside}\
         <main>{body}</main></div></body></html>"
    )
}

/// Escaped, with what is between backticks as code.
pub(super) fn prose(text: &str) -> String {
    let parts = escape(text);
    let mut parts = parts.split('`');
    let mut out = parts.next().unwrap_or_default().to_owned();
    let mut is_code = true;
    for part in parts {
        out.push_str(if is_code { "<code>" } else { "</code>" });
        out.push_str(part);
        is_code = !is_code;
    }
    out
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_backticks_are_code() {
        assert_eq!(prose("a < `b & \"c\"` d"), "a &lt; <code>b &amp; &quot;c&quot;</code> d");
    }
}
