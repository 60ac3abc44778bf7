//! What can be wrong with a document, under the numbers that applications know (contract, runtime.md 1.8 and
//! 3.1).

use std::fmt;

/// Most problems that one document reports; each becomes a row that somebody has to read.
pub const PROBLEMS_MAX: usize = 32;

/// A fault that does not stop the document: a default was used, or an element left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// 12200 or one of the 13xxx warnings.
    pub code: u32,
    /// One sentence that quotes the value and says what was done instead.
    pub message: String,
    /// The element that it was found on, `Gather` or `Gather->Say`.
    pub element: String,
}

/// A fault that leaves no document to execute: the fallback URL is asked next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fatal {
    /// 11750 (too large), 11770 (empty), 12100 (not XML that we accept) or 12102 (another root).
    pub code: u32,
    /// One sentence for the developer; says where, when the parser knows.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.code, self.message, self.element)
    }
}

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Fatal {}
