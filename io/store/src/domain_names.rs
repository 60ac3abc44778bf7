//! Which names a domain may have, and below which domain it comes with them (contract, rest.md 4).

use ringway_model::sid::{AccountSid, DomainSid};

use crate::StoreError;
use crate::lists;
use crate::sqlite::rows;
use crate::writer::Work;

/// Why a domain may not have a name.
pub(crate) enum NameError {
    /// Some account has it.
    Taken,
    /// It ends in no suffix served here.
    OutsideSuffixes,
    /// The domain it would be below is not there, or not theirs.
    NoParent(String),
    /// Storage failed.
    Store(StoreError),
}

impl From<StoreError> for NameError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Whether the domain may have this name, and which domain is its parent then. A name with one label before
/// the suffix has none; a longer one needs the domain that is named by it without its first label.
pub(crate) fn place(
    work: &Work<'_>,
    account: &AccountSid,
    sid: &DomainSid,
    name: &str,
) -> Result<Option<DomainSid>, NameError> {
    let labels =
        labels_before_suffix(name, &work.settings.domain_suffixes).ok_or(NameError::OutsideSuffixes)?;
    let taken = "SELECT 1 FROM domains WHERE domain_name = ? AND sid <> ? AND deleted_at IS NULL";
    if lists::exists(work.connection, taken, &[name, sid.as_str()])? {
        return Err(NameError::Taken);
    }
    if !labels.contains('.') {
        return Ok(None);
    }
    let parent = name.split_once('.').map_or("", |(_, parent)| parent);
    let sql = "SELECT sid FROM domains
        WHERE domain_name = ?1 AND sid <> ?2 AND deleted_at IS NULL
            AND account_sid IN (?3, (SELECT owner_account_sid FROM accounts WHERE sid = ?3))";
    let values = [parent, sid.as_str(), account.as_str()];
    let found = rows::one(work.connection, sql, values, |cells| cells.parse())?;
    found.map(Some).ok_or_else(|| NameError::NoParent(parent.to_owned()))
}

/// What stands before the longest suffix that fits.
fn labels_before_suffix<'n>(name: &'n str, suffixes: &[String]) -> Option<&'n str> {
    let before = |suffix: &String| name.strip_suffix(suffix.as_str())?.strip_suffix('.');
    suffixes.iter().filter_map(before).filter(|labels| !labels.is_empty()).min_by_key(|labels| labels.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_suffix_that_fits_is_taken_off() {
        let suffixes = ["sip.twilio.com".to_owned(), "ringway.test".to_owned(), "eu.ringway.test".to_owned()];
        assert_eq!(labels_before_suffix("a.b.sip.twilio.com", &suffixes), Some("a.b"));
        assert_eq!(labels_before_suffix("a.eu.ringway.test", &suffixes), Some("a"));
        for outside in ["sip.twilio.com", ".sip.twilio.com", "asip.twilio.com", "a.example.com"] {
            assert_eq!(labels_before_suffix(outside, &suffixes), None, "{outside}");
        }
    }
}
