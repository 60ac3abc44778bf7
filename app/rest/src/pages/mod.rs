//! The pages for people: the reference, made from the OpenAPI document, and a page for each error. They need no
//! script and nothing from anywhere else.

mod calls;
mod html;
mod reference;
mod requests;

pub(crate) use reference::reference;

use crate::error::Code;
use html::{Html, layout};

/// What an error means, what leads to it, and what helps.
#[derive(Debug, Clone, Copy)]
struct Explanation {
    meaning: &'static str,
    causes: &'static str,
    remedies: &'static str,
}

/// An error by its number.
#[derive(Debug, Clone, Copy)]
struct Entry {
    number: u32,
    title: &'static str,
    explanation: Explanation,
}

/// The page of all errors.
pub(crate) fn errors() -> String {
    let mut page = Html::default();
    page.element("h1", "Errors");
    page.element("p", "What the API answers with, and what calls leave as notifications.");
    page.raw("<table class=\"errors\"><thead><tr><th>Number</th><th>Error</th></tr></thead><tbody>");
    for entry in entries() {
        let number = entry.number;
        page.raw(&format!("<tr><td><a href=\"/docs/errors/{number}\">{number}</a></td>"));
        page.element("td", entry.title);
        page.raw("</tr>");
    }
    page.raw("</tbody></table>");
    layout("Errors", "", &page)
}

/// The page of the errors with this number, if there are any.
pub(crate) fn error(number: u32) -> Option<String> {
    let found: Vec<_> = entries().into_iter().filter(|entry| entry.number == number).collect();
    let first = found.first()?;
    let mut page = Html::default();
    page.raw("<p class=\"crumbs\"><a href=\"/docs/errors\">Errors</a></p>");
    let titles: Vec<_> = found.iter().map(|entry| entry.title).collect();
    page.element("h1", &format!("{number} {}", titles.join(", ")));
    for Entry { title, explanation: Explanation { meaning, causes, remedies }, .. } in &found {
        if found.len() > 1 {
            page.element("h2", title);
        }
        page.element("p", meaning);
        page.element("h3", "What leads to it");
        page.list(causes);
        page.element("h3", "What helps");
        page.element("p", remedies);
    }
    Some(layout(&format!("{number} {}", first.title), "", &page))
}

/// The errors of the API and those of calls, by their numbers.
fn entries() -> Vec<Entry> {
    let of_requests = Code::ALL.iter().filter_map(|&code| {
        Some(Entry { number: code.number()?, title: code.text(), explanation: requests::explain(code) })
    });
    let mut entries: Vec<_> = of_requests.chain(calls::ENTRIES.iter().copied()).collect();
    entries.sort_by_key(|entry| entry.number);
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_of_the_table_has_its_page() {
        for number in Code::ALL.iter().filter_map(|code| code.number()) {
            let page = error(number).expect("a page");
            assert!(page.contains(&format!("<h1>{number} ")) && page.contains("What helps"), "{number}");
        }
        assert!(error(32201).is_some_and(|page| page.contains("no list of the domain has")));
        assert_eq!(error(99999), None);
    }

    #[test]
    fn one_number_may_stand_for_two_errors() {
        let page = error(20003).expect("a page");
        assert!(page.contains("<h2>Authenticate</h2>") && page.contains("<h2>Permission Denied</h2>"));
    }

    #[test]
    fn no_number_is_explained_twice() {
        for entry in calls::ENTRIES {
            assert_eq!(
                entries().iter().filter(|it| it.number == entry.number).count(),
                1,
                "{}",
                entry.number
            );
        }
    }
}
