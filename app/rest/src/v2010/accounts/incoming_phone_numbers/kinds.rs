//! The lists of numbers: all of them, and those of one kind.

use ringway_store::NumberKind;

use crate::error::{Code, Fault};

/// What the kind of free numbers begins with in North America.
const TOLL_FREE: [&str; 7] = ["+1800", "+1833", "+1844", "+1855", "+1866", "+1877", "+1888"];

/// One of the lists.
pub(super) trait Numbers: Send + 'static {
    /// The kind it has, when it has one only.
    const KIND: Option<NumberKind>;
    /// What the document calls a number of it.
    const NAME: &'static str;
}

pub(super) struct All;
pub(super) struct Local;
pub(super) struct Mobile;
pub(super) struct TollFree;

impl Numbers for All {
    const KIND: Option<NumberKind> = None;
    const NAME: &'static str = "IncomingPhoneNumber";
}

impl Numbers for Local {
    const KIND: Option<NumberKind> = Some(NumberKind::Local);
    const NAME: &'static str = "IncomingPhoneNumberLocal";
}

impl Numbers for Mobile {
    const KIND: Option<NumberKind> = Some(NumberKind::Mobile);
    const NAME: &'static str = "IncomingPhoneNumberMobile";
}

impl Numbers for TollFree {
    const KIND: Option<NumberKind> = Some(NumberKind::TollFree);
    const NAME: &'static str = "IncomingPhoneNumberTollFree";
}

/// The kind of a number that is added to the list of a kind.
pub(super) fn kind_of(number: &str, list: Option<NumberKind>) -> Result<NumberKind, Fault> {
    let is_toll_free = TOLL_FREE.iter().any(|prefix| number.starts_with(prefix));
    if list.is_some_and(|kind| (kind == NumberKind::TollFree) != is_toll_free) {
        let sentence = format!("{number} is not a number of this kind");
        return Err(Fault::because(Code::NumberTypeMismatch, sentence));
    }
    Ok(if is_toll_free { NumberKind::TollFree } else { list.unwrap_or(NumberKind::Local) })
}
