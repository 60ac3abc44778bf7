//! How many rows of a kind there may be (contract, rest.md 4). The operator may raise each.

/// The most rows of each kind; a request for one more is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// SIP domains of one account: 100.
    pub domains_per_account: u32,
    /// IP access control lists of one account: 1,000.
    pub ip_access_control_lists_per_account: u32,
    /// Addresses of one IP access control list: 100.
    pub addresses_per_list: u32,
    /// Credential lists of one account: 100.
    pub credential_lists_per_account: u32,
    /// Credentials of one list: 1,000.
    pub credentials_per_list: u32,
    /// Connection policies of one account: 10,000.
    pub connection_policies_per_account: u32,
    /// Targets of one connection policy: 10.
    pub targets_per_connection_policy: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            domains_per_account: 100,
            ip_access_control_lists_per_account: 1000,
            addresses_per_list: 100,
            credential_lists_per_account: 100,
            credentials_per_list: 1000,
            connection_policies_per_account: 10_000,
            targets_per_connection_policy: 10,
        }
    }
}
