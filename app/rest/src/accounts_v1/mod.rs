//! `/v1` of the accounts product: the auth tokens of the account that asks.

mod auth_tokens;

use ringway_engine::calls::CallControl;

use crate::tree::Tree;

/// Adds the resources of the accounts product.
pub(crate) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    auth_tokens::grow(tree);
}
