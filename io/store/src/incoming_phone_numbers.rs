//! Phone numbers of an account (contract, rest.md 2 "IncomingPhoneNumbers").

use std::fmt;
use std::str::FromStr;

use ringway_call::HttpMethod;
use ringway_model::sid::{
    AccountSid, AddressSid, ApplicationSid, BundleSid, DomainSid, IdentitySid, PhoneNumberSid, TrunkSid,
};
use rusqlite::params;

use crate::directory::Change;
use crate::lists;
use crate::page::Listing;
use crate::records::{self, Record, record};
use crate::sqlite::rows;
use crate::writer::Work;
use crate::{Address, Application, ListError, Page, PageQuery, Pending, Store, StoreError};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = ();
            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($word => Ok(Self::$variant),)* _ => Err(()) }
            }
        }
    };
}

words! {
    /// What kind of number it is.
    NumberKind {
        /// Of a place.
        Local = "local",
        /// Of a mobile network.
        Mobile = "mobile",
        /// Free of charge for who calls it.
        TollFree = "toll-free",
    }
}

words! {
    /// What a call to a number is taken for.
    ReceiveMode {
        /// A voice call.
        Voice = "voice",
        /// A fax.
        Fax = "fax",
    }
}

record! {
    /// A phone number.
    IncomingPhoneNumber(PhoneNumberSid) in "incoming_phone_numbers",
    /// What its owner says about a phone number.
    IncomingPhoneNumberFields {
        /// The number in E.164.
        phone_number: String,
        /// What kind it is.
        kind: NumberKind,
        /// What people call it.
        friendly_name: String,
        /// The version of the API that its webhooks speak.
        api_version: String,
        /// Asked when it is called.
        voice_url: Option<String>,
        /// How.
        voice_method: HttpMethod,
        /// Asked instead when that fails.
        voice_fallback_url: Option<String>,
        /// How.
        voice_fallback_method: HttpMethod,
        /// Whether the caller's name is to be looked up.
        voice_caller_id_lookup: bool,
        /// Whose URLs are used instead of its own.
        voice_application_sid: Option<ApplicationSid>,
        /// What a call is taken for.
        voice_receive_mode: ReceiveMode,
        /// Asked when a message comes.
        sms_url: Option<String>,
        /// How.
        sms_method: HttpMethod,
        /// Asked instead when that fails.
        sms_fallback_url: Option<String>,
        /// How.
        sms_fallback_method: HttpMethod,
        /// Whose URLs are used instead of its own.
        sms_application_sid: Option<ApplicationSid>,
        /// Told when a call is over.
        status_callback: Option<String>,
        /// How.
        status_callback_method: HttpMethod,
        /// The Elastic SIP trunk that takes its calls.
        trunk_sid: Option<TrunkSid>,
        /// What a regulator asks for.
        identity_sid: Option<IdentitySid>,
        /// What a regulator asks for.
        bundle_sid: Option<BundleSid>,
        /// Where it is, to regulators.
        address_sid: Option<AddressSid>,
        /// Whether it may make emergency calls.
        emergency_active: bool,
        /// Where it is, to those who send help; one that is enabled for that.
        emergency_address_sid: Option<AddressSid>,
    }
}

impl IncomingPhoneNumberFields {
    /// A bare number, called as `friendly_name`: no URLs, every method `POST`, every switch off.
    pub fn new(phone_number: String, kind: NumberKind, friendly_name: String) -> Self {
        Self {
            phone_number,
            kind,
            friendly_name,
            api_version: "2010-04-01".to_owned(),
            voice_url: None,
            voice_method: HttpMethod::Post,
            voice_fallback_url: None,
            voice_fallback_method: HttpMethod::Post,
            voice_caller_id_lookup: false,
            voice_application_sid: None,
            voice_receive_mode: ReceiveMode::Voice,
            sms_url: None,
            sms_method: HttpMethod::Post,
            sms_fallback_url: None,
            sms_fallback_method: HttpMethod::Post,
            sms_application_sid: None,
            status_callback: None,
            status_callback_method: HttpMethod::Post,
            trunk_sid: None,
            identity_sid: None,
            bundle_sid: None,
            address_sid: None,
            emergency_active: false,
            emergency_address_sid: None,
        }
    }
}

/// Which numbers of a list; what is `None` does not narrow.
#[derive(Debug, Clone, Default)]
pub struct PhoneNumberFilter {
    /// Of this kind.
    pub kind: Option<NumberKind>,
    /// With exactly this name.
    pub friendly_name: Option<String>,
    /// Those in which these digits occur, with `*` for any one of them.
    pub pattern: Option<String>,
}

/// Why a number cannot be as asked.
#[derive(Debug, thiserror::Error)]
pub enum PhoneNumberError {
    /// Somebody has it (21422).
    #[error("the number is taken")]
    Taken,
    /// The account has no such application (21420).
    #[error("there is no application {sid} in this account")]
    NoApplication {
        /// Which.
        sid: ApplicationSid,
    },
    /// The account has no such address.
    #[error("there is no address {sid} in this account")]
    NoAddress {
        /// Which.
        sid: AddressSid,
    },
    /// The account has no such address that is enabled for emergency calls (22221).
    #[error("address {sid} is not one for emergency calls")]
    NoEmergencyAddress {
        /// Which.
        sid: AddressSid,
    },
    /// A number without an emergency address makes no emergency calls (22222).
    #[error("the number has no emergency address")]
    EmergencyStatus,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Gives the account a number.
    pub fn create_incoming_phone_number(
        &self,
        account: AccountSid,
        fields: IncomingPhoneNumberFields,
    ) -> Pending<IncomingPhoneNumber, PhoneNumberError> {
        self.write(move |work| {
            check(work, &account, &fields)?;
            let taken = "SELECT 1 FROM incoming_phone_numbers WHERE phone_number = ? AND deleted_at IS NULL";
            match lists::exists(work.connection, taken, &[&fields.phone_number])? {
                true => Err(PhoneNumberError::Taken),
                false => Ok(records::insert(work, &account, &fields)?),
            }
        })
    }

    /// A number of the account.
    pub fn incoming_phone_number(
        &self,
        account: &AccountSid,
        sid: &PhoneNumberSid,
    ) -> Result<Option<IncomingPhoneNumber>, StoreError> {
        self.read(|connection| records::find(connection, account, sid.as_str()))
    }

    /// Whether the account may show this number to those it calls: its own, or one that it has verified.
    pub fn may_call_as(&self, account: &AccountSid, number: &str) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM incoming_phone_numbers
                WHERE account_sid = ?1 AND phone_number = ?2 AND deleted_at IS NULL)
            OR EXISTS (SELECT 1 FROM outgoing_caller_ids
                WHERE account_sid = ?1 AND phone_number = ?2 AND deleted_at IS NULL)";
        let values = [account.as_str(), number];
        Ok(self.read(|connection| rows::one(connection, sql, values, |cells| cells.take()))?.unwrap_or(false))
    }

    /// The account's numbers, newest first.
    pub fn incoming_phone_numbers(
        &self,
        account: &AccountSid,
        filter: &PhoneNumberFilter,
        page: &PageQuery,
    ) -> Result<Page<IncomingPhoneNumber>, ListError> {
        let pattern = filter.pattern.as_ref().map(|digits| format!("%{}%", digits.replace('*', "_")));
        let listing = Listing::of(IncomingPhoneNumber::TABLE, "account_sid", account.as_str())
            .narrowed("kind = ?", filter.kind.map(|kind| kind.to_string()))
            .narrowed("friendly_name = ?", filter.friendly_name.clone())
            .narrowed("phone_number LIKE ?", pattern);
        self.read(|connection| listing.page(connection, page))
    }

    /// Changes a number and, when `destination` is another account, hands it over: what it had of the old
    /// one's applications and addresses stays behind. `None` when there is no such number.
    pub fn update_incoming_phone_number(
        &self,
        account: AccountSid,
        sid: PhoneNumberSid,
        destination: Option<AccountSid>,
        change: impl FnOnce(&mut IncomingPhoneNumberFields) + Send + 'static,
    ) -> Pending<Option<IncomingPhoneNumber>, PhoneNumberError> {
        self.write(move |work| {
            let found: Option<IncomingPhoneNumber> = records::find(work.connection, &account, sid.as_str())?;
            let Some(mut number) = found else { return Ok(None) };
            change(&mut number.fields);
            check(work, &account, &number.fields)?;
            if destination.is_some() {
                leave_behind(&mut number.fields);
            }
            if number.fields.emergency_address_sid.is_none() {
                leave_domains(work, &sid)?;
            }
            records::save(work, &account, sid.as_str(), &mut number)?;
            match destination {
                Some(to) => Ok(hand_over(work, &account, &sid, &to)?),
                None => Ok(Some(number)),
            }
        })
    }

    /// Gives a number up, for domains as well; false when there is none.
    pub fn delete_incoming_phone_number(
        &self,
        account: AccountSid,
        sid: PhoneNumberSid,
    ) -> Pending<bool, StoreError> {
        self.write(move |work| {
            let deleted = records::delete::<IncomingPhoneNumber>(work, &account, sid.as_str())?;
            if deleted {
                leave_domains(work, &sid)?;
            }
            Ok(deleted)
        })
    }
}

/// Whether the account has this number, and its emergency address is known.
pub(crate) fn has_emergency_address(
    work: &Work<'_>,
    account: &AccountSid,
    sid: &PhoneNumberSid,
) -> Result<bool, StoreError> {
    let found: Option<IncomingPhoneNumber> = records::find(work.connection, account, sid.as_str())?;
    Ok(found.is_some_and(|number| number.fields.emergency_address_sid.is_some()))
}

/// Takes from a number what belongs to its account.
fn leave_behind(fields: &mut IncomingPhoneNumberFields) {
    fields.voice_application_sid = None;
    fields.sms_application_sid = None;
    fields.address_sid = None;
    fields.emergency_active = false;
    fields.emergency_address_sid = None;
}

fn hand_over(
    work: &Work<'_>,
    account: &AccountSid,
    sid: &PhoneNumberSid,
    to: &AccountSid,
) -> Result<Option<IncomingPhoneNumber>, StoreError> {
    let sql = "UPDATE incoming_phone_numbers SET account_sid = ?
        WHERE account_sid = ? AND sid = ? AND deleted_at IS NULL";
    rows::execute(work.connection, sql, [to.as_str(), account.as_str(), sid.as_str()])?;
    records::find(work.connection, to, sid.as_str())
}

/// No domain may name a number that is gone, or from which help would not find its way.
fn leave_domains(work: &mut Work<'_>, sid: &PhoneNumberSid) -> Result<(), StoreError> {
    let sql = "UPDATE domains SET emergency_caller_sid = NULL, updated_at = ?
        WHERE emergency_caller_sid = ? AND deleted_at IS NULL RETURNING sid";
    let values = params![work.now.as_millis(), sid.as_str()];
    let domains: Vec<DomainSid> = rows::all(work.connection, sql, values, |cells| cells.parse())?;
    for domain in domains {
        work.changed(Change::Domain(domain));
    }
    Ok(())
}

fn check(
    work: &Work<'_>,
    account: &AccountSid,
    fields: &IncomingPhoneNumberFields,
) -> Result<(), PhoneNumberError> {
    for sid in [fields.voice_application_sid, fields.sms_application_sid].into_iter().flatten() {
        if records::find::<Application>(work.connection, account, sid.as_str())?.is_none() {
            return Err(PhoneNumberError::NoApplication { sid });
        }
    }
    let address = |sid: AddressSid| records::find::<Address>(work.connection, account, sid.as_str());
    if let Some(sid) = fields.address_sid
        && address(sid)?.is_none()
    {
        return Err(PhoneNumberError::NoAddress { sid });
    }
    match fields.emergency_address_sid {
        Some(sid) if !address(sid)?.is_some_and(|address| address.fields.emergency_enabled) => {
            Err(PhoneNumberError::NoEmergencyAddress { sid })
        }
        None if fields.emergency_active => Err(PhoneNumberError::EmergencyStatus),
        _ => Ok(()),
    }
}
