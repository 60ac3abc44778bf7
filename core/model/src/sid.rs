//! String identifiers: two capital letters that name the kind, then 32 hexadecimal digits
//! (contract, rest.md 0: `^XX[0-9a-fA-F]{32}$`, generated in lower case).

use std::fmt;
use std::str::FromStr;

const LENGTH: usize = 34;

/// The text is not a SID of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidSid;

impl fmt::Display for InvalidSid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a SID of the expected kind")
    }
}

impl std::error::Error for InvalidSid {}

fn parse(prefix: [u8; 2], text: &str) -> Result<[u8; LENGTH], InvalidSid> {
    let bytes: [u8; LENGTH] = text.as_bytes().try_into().map_err(|_| InvalidSid)?;
    let (kind, digits) = bytes.split_at(2);
    (kind == prefix && digits.iter().all(u8::is_ascii_hexdigit)).then_some(bytes).ok_or(InvalidSid)
}

fn print(prefix: [u8; 2], random: [u8; 16]) -> [u8; LENGTH] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; LENGTH];
    text[..2].copy_from_slice(&prefix);
    for (pair, byte) in text[2..].chunks_exact_mut(2).zip(random) {
        pair[0] = HEX[usize::from(byte >> 4)];
        pair[1] = HEX[usize::from(byte & 15)];
    }
    text
}

macro_rules! sids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; LENGTH]);

        impl $name {
            /// The two letters every SID of this kind begins with.
            pub const PREFIX: &'static str = $prefix;

            /// Makes a SID from 16 random bytes.
            pub fn from_random(random: [u8; 16]) -> Self {
                let prefix = $prefix.as_bytes();
                Self(print([prefix[0], prefix[1]], random))
            }

            /// The 34 characters.
            pub fn as_str(&self) -> &str {
                std::str::from_utf8(&self.0).unwrap_or_default()
            }
        }

        impl FromStr for $name {
            type Err = InvalidSid;
            fn from_str(text: &str) -> Result<Self, InvalidSid> {
                let prefix = $prefix.as_bytes();
                parse([prefix[0], prefix[1]], text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}

sids! {
    /// An account or subaccount.
    AccountSid = "AC";
    /// An API key.
    KeySid = "SK";
    /// A call, or one leg of one.
    CallSid = "CA";
    /// A notification: something that went wrong in a call, for the developer to read.
    NotificationSid = "NO";
    /// A SIP domain.
    DomainSid = "SD";
    /// An IP access control list.
    IpAccessControlListSid = "AL";
    /// An address range of an IP access control list.
    IpAddressSid = "IP";
    /// A credential list.
    CredentialListSid = "CL";
    /// A user name and password of a credential list.
    CredentialSid = "CR";
    /// A phone number.
    PhoneNumberSid = "PN";
    /// A postal address.
    AddressSid = "AD";
    /// URLs under one name, that numbers and calls can share.
    ApplicationSid = "AP";
    /// An Elastic SIP trunk.
    TrunkSid = "TK";
    /// An identity that a regulator asks for.
    IdentitySid = "RI";
    /// A bundle of documents that a regulator asks for.
    BundleSid = "BU";
    /// A bring-your-own-carrier trunk.
    ByocTrunkSid = "BY";
    /// A connection policy: where calls that leave through a trunk go.
    ConnectionPolicySid = "NY";
    /// A target of a connection policy.
    ConnectionPolicyTargetSid = "NE";
    /// An IP record: an address range of a carrier.
    IpRecordSid = "IL";
    /// A source IP mapping: the domain of calls from an IP record.
    SourceIpMappingSid = "IB";
    /// A registration: one contact that a phone registered for its address-of-record. A kind of our own.
    RegistrationSid = "RW";
    /// One HTTP request to the REST API, as its reply headers name it.
    RequestSid = "RQ";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_lower_case_and_parses_either_case() {
        let sid = CallSid::from_random([0xAB; 16]);
        assert_eq!(sid.as_str(), "CAabababababababababababababababab");
        assert_eq!(sid.as_str().parse(), Ok(sid));
        assert!("CAABABABABABABABABABABABABABABABAB".parse::<CallSid>().is_ok());
    }

    #[test]
    fn refuses_another_kind_another_length_and_other_digits() {
        for text in ["", "CA", "ACabababababababababababababababab", "CAgbababababababababababababababab"] {
            assert_eq!(text.parse::<CallSid>(), Err(InvalidSid), "{text}");
        }
    }
}
