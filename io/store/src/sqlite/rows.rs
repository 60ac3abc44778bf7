//! Reading rows into our types, and the three shapes of statement.

use std::str::FromStr;

use ringway_model::UnixTime;
use rusqlite::types::{FromSql, Type};
use rusqlite::{Connection, OptionalExtension, Params, Row};

use crate::StoreError;

/// Reads the columns of a row from left to right, in the order in which the statement names them.
pub(crate) struct Cells<'r> {
    row: &'r Row<'r>,
    next: usize,
}

impl<'r> Cells<'r> {
    pub(crate) fn of(row: &'r Row<'r>) -> Self {
        Self { row, next: 0 }
    }

    /// The next column as SQLite has it.
    pub(crate) fn take<T: FromSql>(&mut self) -> rusqlite::Result<T> {
        let index = self.advance();
        self.row.get(index)
    }

    /// The next column, text that one of our types can read.
    pub(crate) fn parse<T: FromStr>(&mut self) -> rusqlite::Result<T> {
        let index = self.advance();
        let text = self.row.get_ref(index)?.as_str()?;
        text.parse().map_err(|_| unreadable(index))
    }

    /// The same for a column that may be NULL.
    pub(crate) fn parse_option<T: FromStr>(&mut self) -> rusqlite::Result<Option<T>> {
        let index = self.advance();
        match self.row.get_ref(index)?.as_str_or_null()? {
            Some(text) => text.parse().map(Some).map_err(|_| unreadable(index)),
            None => Ok(None),
        }
    }

    /// The next column, milliseconds since 1970.
    pub(crate) fn time(&mut self) -> rusqlite::Result<UnixTime> {
        self.take().map(UnixTime::from_millis)
    }

    /// The same for a column that may be NULL.
    pub(crate) fn time_option(&mut self) -> rusqlite::Result<Option<UnixTime>> {
        Ok(self.take::<Option<i64>>()?.map(UnixTime::from_millis))
    }

    fn advance(&mut self) -> usize {
        let index = self.next;
        self.next += 1;
        index
    }
}

fn unreadable(index: usize) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, "not a value of this column's type".into())
}

/// A type that knows which columns it is read from.
pub(crate) trait FromRow: Sized {
    /// The columns, as they follow `SELECT`.
    const COLUMNS: &'static str;

    /// Reads those columns.
    fn from_cells(cells: &mut Cells<'_>) -> rusqlite::Result<Self>;
}

/// The first row of a statement that yields at most one.
pub(crate) fn one<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&mut Cells<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row(params, |row| read(&mut Cells::of(row))).optional()?)
}

/// Every row of a statement.
pub(crate) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&mut Cells<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params, |row| read(&mut Cells::of(row)))?;
    Ok(rows.collect::<rusqlite::Result<Vec<T>>>()?)
}

/// Runs a statement that yields nothing; how many rows it changed.
pub(crate) fn execute(connection: &Connection, sql: &str, params: impl Params) -> Result<usize, StoreError> {
    Ok(connection.prepare_cached(sql)?.execute(params)?)
}

/// The row of `T` in `table` that satisfies `condition`.
pub(crate) fn find<T: FromRow>(
    connection: &Connection,
    table: &str,
    condition: &str,
    params: impl Params,
) -> Result<Option<T>, StoreError> {
    let sql = format!("SELECT {} FROM {table} WHERE {condition}", T::COLUMNS);
    one(connection, &sql, params, T::from_cells)
}
