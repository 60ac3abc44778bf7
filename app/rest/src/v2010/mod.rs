//! `/2010-04-01`: the tree of modules follows the tree of paths.

mod accounts;

use ringway_engine::calls::CallControl;

use crate::tree::Tree;

/// The version that resources of this tree say they are of.
pub(crate) const API_VERSION: &str = "2010-04-01";

/// Adds the resources below `/2010-04-01`.
pub(crate) fn grow<C: CallControl>(tree: &mut Tree<C>) {
    accounts::grow(tree);
}
