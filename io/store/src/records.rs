//! Resources that are a row of values which their owner chose, and little more: how they are read and written.

use rusqlite::params_from_iter;
use rusqlite::types::Value;

use ringway_call::HttpMethod;
use ringway_model::UnixTime;
use ringway_model::sid::{AccountSid, AddressSid, ApplicationSid, BundleSid, IdentitySid, TrunkSid};
use rusqlite::Connection;

use crate::StoreError;
use crate::sqlite::rows::{self, Cells, FromRow};
use crate::writer::Work;

const LIVE: &str = "account_sid = ? AND sid = ? AND deleted_at IS NULL";

/// A value of a row.
pub(crate) trait Column: Sized {
    /// Reads the next column.
    fn read(cells: &mut Cells<'_>) -> rusqlite::Result<Self>;
    /// As the database has it.
    fn write(&self) -> Value;
}

macro_rules! text_columns {
    ($($type:ty),*) => {$(
        impl Column for $type {
            fn read(cells: &mut Cells<'_>) -> rusqlite::Result<Self> {
                cells.parse()
            }
            fn write(&self) -> Value {
                Value::Text(self.to_string())
            }
        }

        impl Column for Option<$type> {
            fn read(cells: &mut Cells<'_>) -> rusqlite::Result<Self> {
                cells.parse_option()
            }
            fn write(&self) -> Value {
                self.as_ref().map_or(Value::Null, |value| Value::Text(value.to_string()))
            }
        }
    )*};
}

text_columns!(
    String,
    HttpMethod,
    AddressSid,
    ApplicationSid,
    TrunkSid,
    IdentitySid,
    BundleSid,
    crate::NumberKind,
    crate::ReceiveMode
);

impl Column for bool {
    fn read(cells: &mut Cells<'_>) -> rusqlite::Result<Self> {
        cells.take()
    }
    fn write(&self) -> Value {
        Value::Integer((*self).into())
    }
}

/// A resource of an account that is such a row.
pub(crate) trait Record: FromRow {
    /// What its owner chose.
    type Fields;
    /// Where it lies.
    const TABLE: &'static str;
    /// The columns of the fields.
    const FIELDS: &'static [&'static str];
    /// A SID of its kind.
    fn sid(random: [u8; 16]) -> String;
    /// The fields.
    fn fields(&mut self) -> &mut Self::Fields;
    /// The values of the fields.
    fn values(fields: &Self::Fields) -> Vec<Value>;
    /// When it was last changed.
    fn updated(&mut self) -> &mut UnixTime;
}

/// Defines a resource `$name` with its `$fields`.
macro_rules! record {
    (
        $(#[$doc:meta])*
        $name:ident($sid:ty) in $table:literal,
        $(#[$fields_doc:meta])*
        $fields:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            /// Its SID.
            pub sid: $sid,
            /// Whose it is.
            pub account_sid: ringway_model::sid::AccountSid,
            /// What its owner chose.
            pub fields: $fields,
            /// When it was made.
            pub created: ringway_model::UnixTime,
            /// When it was last changed.
            pub updated: ringway_model::UnixTime,
        }

        $(#[$fields_doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $fields {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl crate::sqlite::rows::FromRow for $name {
            const COLUMNS: &'static str =
                concat!("sid, account_sid, created_at, updated_at" $(, ", ", stringify!($field))*);

            fn from_cells(cells: &mut crate::sqlite::rows::Cells<'_>) -> rusqlite::Result<Self> {
                Ok(Self {
                    sid: cells.parse()?,
                    account_sid: cells.parse()?,
                    created: cells.time()?,
                    updated: cells.time()?,
                    fields: $fields { $($field: crate::records::Column::read(cells)?,)* },
                })
            }
        }

        impl crate::records::Record for $name {
            type Fields = $fields;
            const TABLE: &'static str = $table;
            const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];

            fn sid(random: [u8; 16]) -> String {
                <$sid>::from_random(random).to_string()
            }

            fn fields(&mut self) -> &mut $fields {
                &mut self.fields
            }

            fn values(fields: &$fields) -> Vec<rusqlite::types::Value> {
                vec![$(crate::records::Column::write(&fields.$field)),*]
            }

            fn updated(&mut self) -> &mut ringway_model::UnixTime {
                &mut self.updated
            }
        }
    };
}
pub(crate) use record;

/// Makes one.
pub(crate) fn insert<R: Record>(
    work: &Work<'_>,
    account: &AccountSid,
    fields: &R::Fields,
) -> Result<R, StoreError> {
    let sid = R::sid(work.random()?);
    let sql = format!(
        "INSERT INTO {} (sid, account_sid, created_at, updated_at, {}) VALUES (?, ?, ?, ?{})",
        R::TABLE,
        R::FIELDS.join(", "),
        ", ?".repeat(R::FIELDS.len())
    );
    let now = work.now.as_millis();
    let mut values: Vec<Value> =
        vec![sid.clone().into(), account.as_str().to_owned().into(), now.into(), now.into()];
    values.extend(R::values(fields));
    rows::execute(work.connection, &sql, params_from_iter(values))?;
    let made = find(work.connection, account, &sid)?;
    made.ok_or(StoreError::Unreadable { column: "sid" })
}

/// One of the account.
pub(crate) fn find<R: Record>(
    connection: &Connection,
    account: &AccountSid,
    sid: &str,
) -> Result<Option<R>, StoreError> {
    rows::find(connection, R::TABLE, LIVE, [account.as_str(), sid])
}

/// Writes a changed one.
pub(crate) fn save<R: Record>(
    work: &Work<'_>,
    account: &AccountSid,
    sid: &str,
    record: &mut R,
) -> Result<(), StoreError> {
    *record.updated() = work.now;
    let columns = R::FIELDS.iter().map(|field| format!("{field} = ?")).collect::<Vec<_>>().join(", ");
    let sql = format!("UPDATE {} SET {columns}, updated_at = ? WHERE {LIVE}", R::TABLE);
    let mut values = R::values(record.fields());
    values.extend([work.now.as_millis().into(), account.as_str().to_owned().into(), sid.to_owned().into()]);
    rows::execute(work.connection, &sql, params_from_iter(values)).map(drop)
}

/// Deletes one; false when there is none.
pub(crate) fn delete<R: Record>(
    work: &Work<'_>,
    account: &AccountSid,
    sid: &str,
) -> Result<bool, StoreError> {
    let sql = format!("UPDATE {} SET deleted_at = ? WHERE {LIVE}", R::TABLE);
    let values: [Value; 3] =
        [work.now.as_millis().into(), account.as_str().to_owned().into(), sid.to_owned().into()];
    Ok(rows::execute(work.connection, &sql, params_from_iter(values))? == 1)
}
