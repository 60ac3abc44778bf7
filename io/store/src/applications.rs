//! Applications: URLs under one name, that several numbers can share (contract, rest.md 2).

use ringway_call::HttpMethod;
use ringway_model::sid::{AccountSid, ApplicationSid};
use rusqlite::params;

use crate::page::Listing;
use crate::records::{self, Record, record};
use crate::sqlite::rows;
use crate::{ListError, Page, PageQuery, Pending, Store, StoreError};

record! {
    /// An application.
    Application(ApplicationSid) in "applications",
    /// What its owner says about an application.
    ApplicationFields {
        /// What people call it.
        friendly_name: Option<String>,
        /// The version of the API that its webhooks speak.
        api_version: String,
        /// Asked when a number of it is called.
        voice_url: Option<String>,
        /// How.
        voice_method: HttpMethod,
        /// Asked instead when that fails.
        voice_fallback_url: Option<String>,
        /// How.
        voice_fallback_method: HttpMethod,
        /// Whether the caller's name is to be looked up.
        voice_caller_id_lookup: bool,
        /// Told when a call is over.
        status_callback: Option<String>,
        /// How.
        status_callback_method: HttpMethod,
        /// Asked when a message comes.
        sms_url: Option<String>,
        /// How.
        sms_method: HttpMethod,
        /// Asked instead when that fails.
        sms_fallback_url: Option<String>,
        /// How.
        sms_fallback_method: HttpMethod,
        /// Told of messages.
        sms_status_callback: Option<String>,
        /// The same under its newer name.
        message_status_callback: Option<String>,
        /// Whether other accounts may dial it.
        public_application_connect_enabled: bool,
    }
}

impl Default for ApplicationFields {
    /// No URLs, every method `POST`, every switch off.
    fn default() -> Self {
        Self {
            friendly_name: None,
            api_version: "2010-04-01".to_owned(),
            voice_url: None,
            voice_method: HttpMethod::Post,
            voice_fallback_url: None,
            voice_fallback_method: HttpMethod::Post,
            voice_caller_id_lookup: false,
            status_callback: None,
            status_callback_method: HttpMethod::Post,
            sms_url: None,
            sms_method: HttpMethod::Post,
            sms_fallback_url: None,
            sms_fallback_method: HttpMethod::Post,
            sms_status_callback: None,
            message_status_callback: None,
            public_application_connect_enabled: false,
        }
    }
}

impl Store {
    /// Makes an application.
    pub fn create_application(
        &self,
        account: AccountSid,
        fields: ApplicationFields,
    ) -> Pending<Application, StoreError> {
        self.write(move |work| records::insert(work, &account, &fields))
    }

    /// An application of the account.
    pub fn application(
        &self,
        account: &AccountSid,
        sid: &ApplicationSid,
    ) -> Result<Option<Application>, StoreError> {
        self.read(|connection| records::find(connection, account, sid.as_str()))
    }

    /// The account's applications, newest first; with exactly this name, when one is given.
    pub fn applications(
        &self,
        account: &AccountSid,
        friendly_name: Option<&str>,
        page: &PageQuery,
    ) -> Result<Page<Application>, ListError> {
        let listing = Listing::of(Application::TABLE, "account_sid", account.as_str())
            .narrowed("friendly_name = ?", friendly_name.map(str::to_owned));
        self.read(|connection| listing.page(connection, page))
    }

    /// Changes an application; `None` when there is none.
    pub fn update_application(
        &self,
        account: AccountSid,
        sid: ApplicationSid,
        change: impl FnOnce(&mut ApplicationFields) + Send + 'static,
    ) -> Pending<Option<Application>, StoreError> {
        self.write(move |work| {
            let found: Option<Application> = records::find(work.connection, &account, sid.as_str())?;
            let Some(mut application) = found else { return Ok(None) };
            change(&mut application.fields);
            records::save(work, &account, sid.as_str(), &mut application)?;
            Ok(Some(application))
        })
    }

    /// Deletes an application and takes it from the numbers that have it; false when there is none.
    pub fn delete_application(&self, account: AccountSid, sid: ApplicationSid) -> Pending<bool, StoreError> {
        self.write(move |work| {
            for column in ["voice_application_sid", "sms_application_sid"] {
                let sql = format!(
                    "UPDATE incoming_phone_numbers SET {column} = NULL, updated_at = ?
                     WHERE account_sid = ? AND {column} = ? AND deleted_at IS NULL"
                );
                let values = params![work.now.as_millis(), account.as_str(), sid.as_str()];
                rows::execute(work.connection, &sql, values)?;
            }
            records::delete::<Application>(work, &account, sid.as_str())
        })
    }
}
