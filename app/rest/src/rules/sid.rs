//! SIDs.

use std::fmt::Display;
use std::marker::PhantomData;
use std::str::FromStr;

use ringway_model::sid::{
    AccountSid, AddressSid, ApplicationSid, BundleSid, ByocTrunkSid, CallSid, ConnectionPolicySid,
    ConnectionPolicyTargetSid, CredentialListSid, CredentialSid, DomainSid, IdentitySid,
    IpAccessControlListSid, IpAddressSid, IpRecordSid, KeySid, NotificationSid, PhoneNumberSid,
    RegistrationSid, SourceIpMappingSid, TrunkSid,
};
use serde_json::{Value as Json, json};

use super::Rule;
use crate::error::{Code, Fault};
use crate::form::Form;

/// A kind of SID.
pub(crate) trait Sid: FromStr + Display + Copy + Send + Sync + 'static {
    /// The two letters it begins with.
    const PREFIX: &'static str;
}

macro_rules! sids {
    ($($name:ident)*) => {$(
        impl Sid for $name {
            const PREFIX: &'static str = $name::PREFIX;
        }
    )*};
}

sids! {
    AccountSid AddressSid ApplicationSid BundleSid ByocTrunkSid CallSid ConnectionPolicySid
    ConnectionPolicyTargetSid CredentialListSid CredentialSid DomainSid IdentitySid IpAccessControlListSid
    IpAddressSid IpRecordSid KeySid NotificationSid PhoneNumberSid RegistrationSid SourceIpMappingSid
    TrunkSid
}

/// The SID of `what`; given empty, not given.
pub(crate) fn sid<T: Sid>(code: Code, what: &'static str) -> One<T> {
    One { code, what, kind: PhantomData }
}

pub(crate) struct One<T> {
    code: Code,
    what: &'static str,
    kind: PhantomData<T>,
}

impl<T: Sid> Rule for One<T> {
    type Value = Option<T>;

    fn read(&self, form: &Form, name: &str) -> Result<Option<T>, Fault> {
        let wrong = |_| Fault::because(self.code, format!("{name} must be the SID of {}", self.what));
        form.text(name).map(|text| text.parse().map_err(wrong)).transpose()
    }

    fn schema(&self) -> Json {
        schema(T::PREFIX)
    }
}

/// The SID of `what`, or, given empty (`Some(None)`), none any more.
pub(crate) fn clearable_sid<T: Sid>(code: Code, what: &'static str) -> Clearable<T> {
    Clearable(sid(code, what))
}

pub(crate) struct Clearable<T>(One<T>);

impl<T: Sid> Rule for Clearable<T> {
    type Value = Option<Option<T>>;

    fn read(&self, form: &Form, name: &str) -> Result<Self::Value, Fault> {
        match form.value(name) {
            None => Ok(None),
            Some(_) => self.0.read(form, name).map(Some),
        }
    }

    fn schema(&self) -> Json {
        json!({"type": "string", "pattern": format!("^({}[0-9a-fA-F]{{32}})?$", T::PREFIX)})
    }
}

/// The schema of the SIDs that begin with `prefix`.
pub(crate) fn schema(prefix: &str) -> Json {
    json!({"type": "string", "minLength": 34, "maxLength": 34,
           "pattern": format!("^{prefix}[0-9a-fA-F]{{32}}$")})
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::tests::read;
    use super::*;

    #[test]
    fn a_sid_is_of_its_kind_and_empty_clears_it() {
        let text = "BY00000000000000000000000000000001";
        let rule = || clearable_sid::<ByocTrunkSid>(Code::InvalidByocTrunk, "a trunk");
        assert_eq!(read(rule(), text).unwrap(), Some(Some(text.parse().unwrap())));
        assert_eq!(read(rule(), "").unwrap(), Some(None));
        assert_eq!(read(rule(), "SD00000000000000000000000000000001"), Err(Code::InvalidByocTrunk));
        assert_eq!(rule().read(&Form::default(), "X").unwrap(), None);
    }
}
