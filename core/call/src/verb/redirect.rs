//! Redirect: another document takes over.

use ringway_twiml::document::Redirect;

use super::Transfer;
use crate::effect::Purpose;

/// Where it leads.
pub(crate) fn transfer(redirect: Redirect) -> Transfer {
    Transfer {
        purpose: Purpose::Redirect,
        reference: redirect.url,
        method: redirect.method,
        params: Vec::new(),
    }
}
