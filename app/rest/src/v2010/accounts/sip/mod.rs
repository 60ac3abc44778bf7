//! `/2010-04-01/Accounts/{AC}/SIP` (contract, rest.md 1). The containers themselves have no operations.

mod credential_lists;
mod domains;
mod ip_access_control_lists;

use ringway_engine::calls::CallControl;

use crate::tree::Tree;

pub(super) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    domains::grow(tree);
    ip_access_control_lists::grow(tree);
    credential_lists::grow(tree);
}
