//! Every error the API answers with: one table of numbers, HTTP statuses and texts
//! (contract, rest.md 0.3), and the value that carries one of them to the reply.

use std::borrow::Cow;

use http::StatusCode;
use ringway_store::{ListError, StoreError};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:ident, $number:expr, $text:literal;)*) => {
        /// A row of the table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// The whole table.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The HTTP status it is answered with.
            pub(crate) fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// Its number in the error dictionary. A few HTTP errors have none.
            pub(crate) fn number(self) -> Option<u32> {
                match self { $(Self::$name => $number,)* }
            }

            /// Its text in the error dictionary.
            pub(crate) fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

codes! {
    Unauthenticated = UNAUTHORIZED, Some(20003), "Authenticate";
    PermissionDenied = FORBIDDEN, Some(20003), "Permission Denied";
    AccountNotActive = FORBIDDEN, Some(20005), "Account not active";
    InvalidFriendlyName = BAD_REQUEST, Some(20002), "Invalid FriendlyName";
    MethodNotAllowed = METHOD_NOT_ALLOWED, Some(20004), "Method not allowed";
    PageSizeTooLarge = BAD_REQUEST, Some(20007), "Page size too large";
    DeleteBeforeComplete = BAD_REQUEST, Some(20009), "Cannot delete this resource before it is complete";
    NotFound = NOT_FOUND, Some(20404), "Not Found";
    Conflict = CONFLICT, Some(20409), "Conflict";
    TooLarge = PAYLOAD_TOO_LARGE, Some(20413), "Request Entity Too Large";
    InvalidParameter = BAD_REQUEST, Some(20422), "Invalid Parameter";
    TooManyRequests = TOO_MANY_REQUESTS, Some(20429), "Too Many Requests";
    Internal = INTERNAL_SERVER_ERROR, Some(20500), "Internal Server Error";
    Unavailable = SERVICE_UNAVAILABLE, Some(20503), "Service unavailable";
    RequestTimeout = REQUEST_TIMEOUT, None, "Request Timeout";
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE, None, "Unsupported Media Type";

    NoCalledNumber = BAD_REQUEST, Some(21201), "No Called number specified";
    CallInvalidUrl = BAD_REQUEST, Some(21205), "Invalid URL";
    CallInvalidSendDigits = BAD_REQUEST, Some(21206), "Invalid SendDigits";
    CallInvalidTimeout = BAD_REQUEST, Some(21208), "Invalid Timeout";
    CallInvalidMethod = BAD_REQUEST, Some(21209), "Invalid Method";
    FromNotVerified = BAD_REQUEST, Some(21210), "'From' phone number not verified";
    InvalidToNumber = BAD_REQUEST, Some(21211), "Invalid 'To' Phone Number";
    InvalidFromNumber = BAD_REQUEST, Some(21212), "Invalid From Number (caller ID)";
    CallerRequired = BAD_REQUEST, Some(21213), "Caller phone number is required";
    CallInvalidApplication = BAD_REQUEST, Some(21218), "Invalid ApplicationSid";
    SipAuthUsernameTooLong = BAD_REQUEST, Some(21221), "Invalid SipAuthUsername. Must be fewer than 256 chars";
    SipAuthUsername = BAD_REQUEST, Some(21222), "Invalid SipAuthUsername. Illegal chars";
    SipAuthPasswordTooLong = BAD_REQUEST, Some(21223), "Invalid SipAuthPassword. Must be fewer than 256 chars";
    SipAuthPassword = BAD_REQUEST, Some(21224), "Invalid SipAuthPassword. Illegal chars";
    SipAuthPasswordRequired = BAD_REQUEST, Some(21225), "SipAuthPassword is required when providing SipAuthUsername";
    SipHeadersTooLong = BAD_REQUEST, Some(21227), "Headers portion of SIP URI must be fewer than 1024 chars";
    SipHeaderName = BAD_REQUEST, Some(21228), "Invalid SIP Header. Illegal chars in header name";
    SipHeaderValue = BAD_REQUEST, Some(21229), "Invalid SIP Header. Illegal chars in header value";
    InvalidCallState = BAD_REQUEST, Some(21220), "Invalid call state";
    TwimlTooLarge = BAD_REQUEST, Some(32018), "Twiml size exceeded maximum allowed value";

    MaximumDomains = BAD_REQUEST, Some(21230), "Maximum Domains Reached";
    DomainValidation = BAD_REQUEST, Some(21231), "Domain Validation Error";
    InvalidDomain = BAD_REQUEST, Some(21232), "Invalid Domain";
    DomainHasSubdomains = BAD_REQUEST, Some(21233), "Domain still has subdomains";
    ListValidation = BAD_REQUEST, Some(21235), "IP Access Control List Validation Error";
    ListInUse = BAD_REQUEST, Some(21236), "IP Access Control List Dependencies Violation";
    MaximumAddresses = BAD_REQUEST, Some(21237), "Maximum IP Addresses Reached for List";
    AddressValidation = BAD_REQUEST, Some(21238), "Address Validation Error";
    MaximumCredentialLists = BAD_REQUEST, Some(21239), "Maximum Credential Lists Reached";
    CredentialListValidation = BAD_REQUEST, Some(21240), "Credential List Validation Error";
    CredentialListInUse = BAD_REQUEST, Some(21241), "Credential List Dependencies Violation";
    MaximumCredentials = BAD_REQUEST, Some(21242), "Maximum Credentials Reached for List";
    CredentialValidation = BAD_REQUEST, Some(21243), "Credential Validation Error";
    MaximumConnectionPolicies = BAD_REQUEST, Some(21253), "Max Connection Policies Reached";
    MaximumConnectionPolicyTargets = BAD_REQUEST, Some(21254), "Max Connection Policy Entries Reached";
    MaximumLists = BAD_REQUEST, Some(21255), "Maximum IP Access Control Lists reached";
    InvalidByocTrunk = BAD_REQUEST, Some(21300), "Invalid BYOC trunk SID";
    InvalidUrl = BAD_REQUEST, Some(21402), "Invalid Url";
    InvalidMethod = BAD_REQUEST, Some(21403), "Invalid Method";
    FallbackWithoutUrl = BAD_REQUEST, Some(21405), "Cannot set VoiceFallbackUrl without setting Url";
    InvalidPhoneNumber = BAD_REQUEST, Some(21401), "Invalid Phone Number";
    SmsFallbackWithoutUrl = BAD_REQUEST, Some(21406), "Cannot set SmsFallbackUrl without setting SmsUrl";
    ApplicationNotAccessible = BAD_REQUEST, Some(21420), "ApplicationSid is not accessible";
    NumberInvalid = BAD_REQUEST, Some(21421), "Phone Number is invalid";
    NumberNotAvailable = BAD_REQUEST, Some(21422), "PhoneNumber is not available";
    NumberValidated = BAD_REQUEST, Some(21450), "Phone number already validated on your account";
    InvalidArea = BAD_REQUEST, Some(21451), "Invalid area code";
    NoNumberInArea = BAD_REQUEST, Some(21452), "No phone numbers found in area code";
    InvalidCallDelay = BAD_REQUEST, Some(21454), "Invalid CallDelay";
    InvalidCallbackUrl = BAD_REQUEST, Some(21456), "Invalid CallbackUrl";
    NumberTypeMismatch = BAD_REQUEST, Some(21458), "PhoneNumber Provisioning Type Mismatch";
    InvalidAccountSid = BAD_REQUEST, Some(21470), "Invalid AccountSid";
    NoSuchAccount = BAD_REQUEST, Some(21471), "Account does not exist";
    OtherAccountNotActive = BAD_REQUEST, Some(21472), "Account is not active";
    NotTheParent = BAD_REQUEST, Some(21474), "API User must be the parent account to transfer phone numbers.";
    InvalidAccountStatus = BAD_REQUEST, Some(21475), "Unable to update Status, invalid Status.";
    ParentAccountStatus = BAD_REQUEST, Some(21477), "Unable to update Status for parent accounts";
    ClosedAccountStatus = BAD_REQUEST, Some(21479), "Unable to update Status for subaccount, subaccount has been closed.";
    PostalAddressValidation = BAD_REQUEST, Some(21628), "Address Validation Error";
    EmergencyAddress = BAD_REQUEST, Some(22221), "Emergency address is not registered";
    EmergencyStatus = BAD_REQUEST, Some(22222), "Emergency Status cannot be updated";
}

/// An error on its way to the client.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    /// What exactly was wrong, for the person who made the request.
    pub(crate) sentence: Option<Cow<'static, str>>,
    /// The `detail` field, where the contract has one.
    pub(crate) detail: Option<&'static str>,
    /// The verbs that would have been allowed.
    pub(crate) allow: Option<String>,
    /// Whether the connection is of no use any more.
    pub(crate) close: bool,
}

impl Fault {
    /// The bare error of the table.
    pub(crate) fn of(code: Code) -> Self {
        Self { code, sentence: None, detail: None, allow: None, close: false }
    }

    /// The error with a sentence that names the field.
    pub(crate) fn because(code: Code, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self { sentence: Some(sentence.into()), ..Self::of(code) }
    }

    /// The same, and the connection ends with it.
    pub(crate) fn closing(self) -> Self {
        Self { close: true, ..self }
    }

    /// 404: its message names the path that was asked for, which the reply adds.
    pub(crate) fn not_found() -> Self {
        Self::of(Code::NotFound)
    }

    /// 405, for a resource that exists in the tree.
    pub(crate) fn wrong_verb(allow: String) -> Self {
        Self { allow: Some(allow), ..Self::of(Code::MethodNotAllowed) }
    }

    /// The `message` field; `path` is what the client asked for.
    pub(crate) fn message(&self, path: &str) -> Cow<'static, str> {
        match (self.code, &self.sentence) {
            (Code::NotFound, _) => format!("The requested resource {path} was not found").into(),
            (code, None) => code.text().into(),
            (Code::Unauthenticated, Some(sentence)) => sentence.clone(),
            (code, Some(sentence)) => format!("{}: {sentence}", code.text()).into(),
        }
    }
}

impl From<StoreError> for Fault {
    /// The reason goes to the log and never to the client.
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        Self::of(Code::Internal)
    }
}

impl From<ListError> for Fault {
    fn from(error: ListError) -> Self {
        match error {
            ListError::UnknownPageToken => {
                Self::because(Code::InvalidParameter, "PageToken is not one that a page of this list gave")
            }
            ListError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_the_text_of_the_table_and_what_was_wrong() {
        let fault = Fault::because(Code::InvalidUrl, "VoiceUrl must be absolute");
        assert_eq!(fault.message("/x"), "Invalid Url: VoiceUrl must be absolute");
        assert_eq!(Fault::of(Code::Internal).message("/x"), "Internal Server Error");
    }

    #[test]
    fn a_missing_resource_is_named_by_the_path_that_was_asked_for() {
        let message = Fault::not_found().message("/2010-04-01/Accounts/AC1/Calls/x.json");
        assert_eq!(message, "The requested resource /2010-04-01/Accounts/AC1/Calls/x.json was not found");
    }
}
