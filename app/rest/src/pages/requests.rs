//! What the errors of the API mean, what leads to them and what helps. The match has every row of the table of
//! errors, so that none can be without a page.

use super::Explanation;
use crate::error::Code;

/// What an error means.
pub(super) fn explain(code: Code) -> Explanation {
    let [meaning, causes, remedies] = texts(code);
    Explanation { meaning, causes, remedies }
}

#[rustfmt::skip]
fn texts(code: Code) -> [&'static str; 3] {
    match code {
        Code::Unauthenticated => [
            "The request did not prove who makes it.",
            "No credentials; a wrong auth token or secret; a token that was promoted away; an account that is suspended or closed; a subaccount that reaches for its owner.",
            "Send HTTP Basic with the SID of the account and its auth token, or the SID of an API key and its secret. `ringway token` shows the token of the root account.",
        ],
        Code::PermissionDenied => [
            "The credentials are good, but not for this.",
            "A Standard API key was used for accounts, keys or auth tokens; a subaccount wants subaccounts of its own or another status.",
            "Use the auth token of the account, or that of its owner.",
        ],
        Code::AccountNotActive => [
            "The account of the path is suspended or closed, so nothing below it can be reached.",
            "Its owner set its status.",
            "Let the owner set the status of a suspended account to active. A closed one stays closed.",
        ],
        Code::InvalidFriendlyName => [
            "The FriendlyName is not possible.",
            "It has more than 64 characters.",
            "Shorten it.",
        ],
        Code::MethodNotAllowed => [
            "The resource exists, and does not know this method.",
            "PUT or PATCH was used to change something; DELETE was sent to a list.",
            "Use one of the methods in the Allow header. Changes are made with POST.",
        ],
        Code::PageSizeTooLarge => [
            "More resources a page were asked for than a page may have.",
            "PageSize is above 1000.",
            "Ask for 1000 at most and follow next_page_uri.",
        ],
        Code::DeleteBeforeComplete => [
            "The record of a call that still lives cannot be deleted.",
            "The call is queued, ringing or in progress.",
            "End the call with Status=completed, wait until it is final, then delete it.",
        ],
        Code::NotFound => [
            "There is nothing at this path.",
            "A SID is mistyped or of another kind; the resource was deleted; it belongs to another account; this service does not have such resources.",
            "Compare the path of the message with the reference at /docs.",
        ],
        Code::Conflict => [
            "What is there does not allow the change.",
            "Something else still uses the resource; an IP record is mapped already; a secondary token exists.",
            "Remove what uses it first. The message says what.",
        ],
        Code::TooLarge => [
            "The form is larger than the service reads.",
            "The body has more than 256 KiB.",
            "Send less. TwiML that long is better fetched from a URL.",
        ],
        Code::InvalidParameter => [
            "A parameter is not what it must be.",
            "The message names the parameter and what it may be.",
            "Correct that parameter; the reference at /docs has the rule of each.",
        ],
        Code::TooManyRequests => [
            "The account asks more than it may at once, or in a second.",
            "Many requests in parallel; a loop without a pause.",
            "Wait as long as Retry-After says and repeat: nothing was changed. The operator raises the limits with --requests-max and --requests-per-second-max.",
        ],
        Code::Internal => [
            "The service failed.",
            "The disk is full or broken, or there is a fault in the service.",
            "Look for the Twilio-Request-Id of the reply in the log of the service.",
        ],
        Code::Unavailable => [
            "The service cannot do this at the moment.",
            "A call is busy with another update, or is handled elsewhere.",
            "Wait as long as Retry-After says and repeat.",
        ],
        Code::RequestTimeout => [
            "The body of the request did not come in time.",
            "The client or the network stopped in the middle.",
            "Repeat the request.",
        ],
        Code::UnsupportedMediaType => [
            "The body is not a form.",
            "JSON or something else was sent.",
            "Send application/x-www-form-urlencoded.",
        ],
        Code::NoCalledNumber => [
            "Nobody is named to be called.",
            "To is missing.",
            "Give a number, a SIP URI, or client: and a name.",
        ],
        Code::CallInvalidSendDigits => [
            "The keys to press are not possible.",
            "SendDigits has other letters than 0 to 9, *, #, w and W, or more than 32.",
            "Correct it or leave it out.",
        ],
        Code::CallInvalidTimeout => [
            "How long it may ring is not possible.",
            "Timeout is not a number from 1 to 600.",
            "Correct it or leave it out.",
        ],
        Code::FromNotVerified => [
            "The number may not be shown as the caller.",
            "From is neither a number of the account nor one that it has verified.",
            "Add it at OutgoingCallerIds or IncomingPhoneNumbers.",
        ],
        Code::InvalidToNumber => [
            "Who is to be called cannot be understood.",
            "To is neither a number in E.164 nor a SIP URI nor client: and a name.",
            "Write numbers with a plus and the country code.",
        ],
        Code::InvalidFromNumber => [
            "The caller cannot be understood.",
            "From has other letters than digits, letters, +, -, _ and a dot.",
            "Use a number or a bare user name.",
        ],
        Code::CallerRequired => [
            "Nobody is named as the caller.",
            "From is missing.",
            "Give a number of the account.",
        ],
        Code::CallInvalidApplication => [
            "The SID is not that of an application with a VoiceUrl.",
            "It is mistyped, was deleted, belongs to another account, or the application has no VoiceUrl.",
            "List the applications of the account.",
        ],
        Code::SipAuthUsernameTooLong => [
            "The user name is too long.",
            "SipAuthUsername has more than 255 characters.",
            "Shorten it.",
        ],
        Code::SipAuthUsername => [
            "The user name is not possible.",
            "SipAuthUsername has control characters.",
            "Correct it.",
        ],
        Code::SipAuthPasswordTooLong => [
            "The password is too long.",
            "SipAuthPassword has more than 255 characters.",
            "Shorten it.",
        ],
        Code::SipAuthPassword => [
            "The password is not possible.",
            "SipAuthPassword has control characters.",
            "Correct it.",
        ],
        Code::SipAuthPasswordRequired => [
            "A user name came without its password.",
            "SipAuthPassword is missing.",
            "Give both or none.",
        ],
        Code::SipHeadersTooLong => [
            "The headers in the SIP URI are too long.",
            "What follows the ? of To has 1024 characters or more.",
            "Send less.",
        ],
        Code::SipHeaderName => [
            "A header in the SIP URI has a name that is not possible.",
            "It has characters that header names have not.",
            "Use letters, digits and hyphens.",
        ],
        Code::SipHeaderValue => [
            "A header in the SIP URI has a value that is not possible.",
            "It has control characters, or is not escaped.",
            "Escape it as in any URL.",
        ],
        Code::CallInvalidUrl => [
            "The Url for a call is not possible.",
            "It is relative, not http or https, or has spaces.",
            "Give the whole URL, as https://example.com/twiml.",
        ],
        Code::CallInvalidMethod => [
            "The Method for a call is not possible.",
            "It is none of GET, POST, HEAD, PUT, PATCH and DELETE.",
            "Use GET or POST.",
        ],
        Code::InvalidCallState => [
            "The call cannot be changed any more.",
            "It has ended, perhaps just now.",
            "Fetch the call to see how it ended.",
        ],
        Code::TwimlTooLarge => [
            "The TwiML is too long to be given as a parameter.",
            "Twiml has more than 4000 characters.",
            "Serve the document from a URL and give that.",
        ],
        Code::MaximumDomains => [
            "The account has as many domains as it may have.",
            "There are 100, or as many as the operator allows.",
            "Delete one that is not used, or let the operator raise the limit.",
        ],
        Code::DomainValidation => [
            "A parameter of a domain or of a mapping is wrong.",
            "DomainName or the SID of a list is missing; the list is of another account; it is mapped to the domain already; a switch is neither true nor false.",
            "Correct the parameter that the message names.",
        ],
        Code::InvalidDomain => [
            "The name of the domain cannot be had.",
            "It is in use, here or in another account; it has characters that host names have not; it does not end with a suffix that is served; it is below a domain that is not this account's or its owner's.",
            "Choose another name of letters, digits and hyphens. Which suffixes are served is the operator's choice.",
        ],
        Code::DomainHasSubdomains => [
            "The domain has subdomains, which would lose what they are below.",
            "A domain that is deleted or renamed is the end of another one's name.",
            "Delete the subdomains first.",
        ],
        Code::ListValidation => [
            "An IP access control list, or an address in one, is not possible so.",
            "The FriendlyName is missing, too long or taken; the address is in the list already.",
            "Correct the parameter that the message names.",
        ],
        Code::ListInUse => [
            "The IP access control list guards a domain and cannot be deleted.",
            "It is mapped to a domain.",
            "Delete its mappings first.",
        ],
        Code::MaximumAddresses => [
            "The list has as many addresses as it may have.",
            "There are 100, or as many as the operator allows.",
            "Use a range (CidrPrefixLength) or a second list.",
        ],
        Code::AddressValidation => [
            "A parameter of an IP address is wrong.",
            "IpAddress is not a complete IPv4 address; CidrPrefixLength is not 1 to 32; the FriendlyName is missing.",
            "Give the address in four numbers and the range apart from it.",
        ],
        Code::MaximumCredentialLists => [
            "The account has as many credential lists as it may have.",
            "There are 100, or as many as the operator allows.",
            "Delete one that is not used.",
        ],
        Code::CredentialListValidation => [
            "A credential list is not possible so.",
            "The FriendlyName is missing, has more than 64 characters, or is that of another list.",
            "Choose another name.",
        ],
        Code::CredentialListInUse => [
            "The credential list guards a domain and cannot be deleted.",
            "It is mapped to a domain for calls or registrations.",
            "Delete its mappings first.",
        ],
        Code::MaximumCredentials => [
            "The list has as many credentials as it may have.",
            "There are 1000, or as many as the operator allows.",
            "Use a second list; a domain may have several.",
        ],
        Code::CredentialValidation => [
            "The user name or the password is not possible.",
            "The user name is missing, taken, longer than 32 characters or has characters that SIP cannot carry; the password has less than 12 characters, or no digit, upper case or lower case letter.",
            "Correct the parameter that the message names.",
        ],
        Code::MaximumConnectionPolicies => [
            "The account has as many connection policies as it may have.",
            "There are 10,000, or as many as the operator allows.",
            "Delete one that is not used.",
        ],
        Code::MaximumConnectionPolicyTargets => [
            "The connection policy has as many targets as it may have.",
            "There are 10, or as many as the operator allows.",
            "Delete one that is not used.",
        ],
        Code::MaximumLists => [
            "The account has as many IP access control lists as it may have.",
            "There are 1000, or as many as the operator allows.",
            "Delete one that is not used.",
        ],
        Code::InvalidByocTrunk => [
            "The SID is not that of a BYOC trunk of the account.",
            "It is mistyped, was deleted, or belongs to another account.",
            "List the trunks at /v1/ByocTrunks.",
        ],
        Code::InvalidUrl => [
            "A URL is not possible.",
            "It is relative, not http or https, has spaces, is too long, or has an underscore in its host name.",
            "Give the whole URL, as https://example.com/twiml. An empty value takes a URL away.",
        ],
        Code::InvalidMethod => [
            "A method is not possible.",
            "It is none of GET, POST, HEAD, PUT, PATCH and DELETE.",
            "Use GET or POST.",
        ],
        Code::FallbackWithoutUrl => [
            "A fallback stands in for a URL, and there is none.",
            "VoiceFallbackUrl was set while VoiceUrl is empty.",
            "Set VoiceUrl too.",
        ],
        Code::InvalidPhoneNumber => [
            "The number is not possible.",
            "It is missing, too short, too long, or not a number.",
            "Write it with a plus and the country code, as +15105551234.",
        ],
        Code::SmsFallbackWithoutUrl => [
            "A fallback stands in for a URL, and there is none.",
            "SmsFallbackUrl was set while SmsUrl is empty.",
            "Set SmsUrl too.",
        ],
        Code::ApplicationNotAccessible => [
            "The SID is not that of an application of the account.",
            "It is mistyped, was deleted, or belongs to another account.",
            "List the applications of the account.",
        ],
        Code::NumberInvalid => [
            "The number is not possible.",
            "It is missing, too short, too long, or not a number.",
            "Write it with a plus and the country code, as +15105551234.",
        ],
        Code::NumberNotAvailable => [
            "The number is in use.",
            "An account of this service has it already.",
            "Hand it over with AccountSid, or delete it there first.",
        ],
        Code::NumberValidated => [
            "The number is a caller ID of the account already.",
            "It was added before.",
            "Nothing needs to be done.",
        ],
        Code::InvalidArea => [
            "The area code is not possible.",
            "It does not have three digits.",
            "Give the PhoneNumber that you have in place of an area.",
        ],
        Code::NoNumberInArea => [
            "No number is for sale here.",
            "An AreaCode was given without a PhoneNumber.",
            "Give the PhoneNumber that you have: numbers are brought along.",
        ],
        Code::InvalidCallDelay => [
            "The delay of the validation call is not possible.",
            "CallDelay is not a number from 0 to 60.",
            "Leave it out: no call is made.",
        ],
        Code::InvalidCallbackUrl => [
            "The status callback of a validation is not possible.",
            "It is relative, or not http or https.",
            "Give the whole URL.",
        ],
        Code::NumberTypeMismatch => [
            "The number is of another kind than the list that it was sent to.",
            "A toll-free number was added to Local or Mobile, or the other way round.",
            "Use the list of its kind, or IncomingPhoneNumbers, which takes all.",
        ],
        Code::InvalidAccountSid => [
            "The SID of the account that should get the number is none.",
            "It is mistyped.",
            "Give the SID of an account of the family.",
        ],
        Code::NoSuchAccount => [
            "The account that should get the number is not one of the family.",
            "It belongs to somebody else, or does not exist.",
            "List the accounts.",
        ],
        Code::OtherAccountNotActive => [
            "The account that should get the number is suspended or closed.",
            "Its owner set its status.",
            "Set it to active first.",
        ],
        Code::NotTheParent => [
            "Only the owner of a family of accounts hands numbers over.",
            "The request was made with the credentials of a subaccount.",
            "Use the credentials of the root account.",
        ],
        Code::InvalidAccountStatus => [
            "The status of an account is not possible.",
            "It is none of active, suspended and closed.",
            "Use one of those.",
        ],
        Code::ParentAccountStatus => [
            "The root account cannot be suspended or closed.",
            "Its own status was set.",
            "Stop the service instead.",
        ],
        Code::ClosedAccountStatus => [
            "The subaccount is closed for good.",
            "A status was set after it was closed.",
            "Make another subaccount.",
        ],
        Code::PostalAddressValidation => [
            "A postal address is not possible so.",
            "A part is missing, empty or too long; the country is not two letters; the name of an address for emergency calls has more than 32 characters.",
            "Correct the parameter that the message names.",
        ],
        Code::EmergencyAddress => [
            "There is no address that help could be sent to.",
            "The number has no address with EmergencyEnabled, or the address is of another account.",
            "Add an address with EmergencyEnabled=true, then give its SID to the number as EmergencyAddressSid.",
        ],
        Code::EmergencyStatus => [
            "Emergency calling of the number cannot be switched so.",
            "EmergencyStatus=Active was sent for a number without an EmergencyAddressSid.",
            "Give the address in the same request or before.",
        ],
    }
}
