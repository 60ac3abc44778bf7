//! Pages of a list, newest first (contract, rest.md 0.1). A page is found by the row beside it and not by
//! counting, so rows that come and go meanwhile are neither repeated nor missed.

use std::fmt;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::StoreError;
use crate::sqlite::rows::{self, FromRow};

/// Which page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageQuery {
    /// `PageSize`: rows a page, 1 to 1,000; 50 unless asked.
    pub size: u32,
    /// `Page`, from 0. With a token it is only carried through; without one it is counted out.
    pub page: u32,
    /// `PageToken`.
    pub token: Option<PageToken>,
}

impl Default for PageQuery {
    fn default() -> Self {
        Self { size: 50, page: 0, token: None }
    }
}

/// A place in a list, beside a row that need not exist any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageToken {
    /// `PA<sid>`: the rows that follow this one.
    After(String),
    /// `PB<sid>`: the rows just before this one.
    Before(String),
}

impl PageToken {
    /// Reads `PA<sid>` or `PB<sid>`; `None` when it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let after = text.strip_prefix("PA").map(|sid| Self::After(sid.to_owned()));
        after.or_else(|| text.strip_prefix("PB").map(|sid| Self::Before(sid.to_owned())))
    }
}

impl fmt::Display for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(sid) => write!(f, "PA{sid}"),
            Self::Before(sid) => write!(f, "PB{sid}"),
        }
    }
}

/// Some rows of a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// The number asked for, from 0. There is a page before this one when it is not 0.
    pub page: u32,
    /// The most rows a page.
    pub size: u32,
    /// Whether older rows follow.
    pub has_next: bool,
}

impl<T> Page<T> {
    /// The same page of other rows, each made from one of these.
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> Page<U> {
        let rows = self.rows.into_iter().map(make).collect();
        Page { rows, page: self.page, size: self.size, has_next: self.has_next }
    }
}

/// Why there is no such page.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The token names no row that this list ever had, or one that was purged.
    #[error("the page token names no row of this list")]
    UnknownPageToken,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A list in the database: rows of one owner, perhaps narrowed.
pub(crate) struct Listing {
    table: &'static str,
    sid_column: &'static str,
    owner: String,
    owner_values: Vec<Value>,
    filter: String,
    filter_values: Vec<Value>,
}

impl Listing {
    /// The live rows of `table` whose `column` is `value`.
    pub(crate) fn of(table: &'static str, column: &str, value: &str) -> Self {
        Self::matching(table, format!("{column} = ?"), value)
    }

    /// The live rows of `table` that satisfy `condition`, which has one `?` for `value`.
    pub(crate) fn matching(table: &'static str, condition: String, value: &str) -> Self {
        Self {
            table,
            sid_column: "sid",
            owner: condition,
            owner_values: vec![value.to_owned().into()],
            filter: String::new(),
            filter_values: Vec::new(),
        }
    }

    /// Rows are named by this column and not by `sid`.
    pub(crate) fn named_by(mut self, sid_column: &'static str) -> Self {
        self.sid_column = sid_column;
        self
    }

    /// Narrows whose rows they are: a row never changes this.
    pub(crate) fn owned_by(mut self, column: &str, value: &str) -> Self {
        self.owner.push_str(" AND ");
        self.owner.push_str(column);
        self.owner.push_str(" = ?");
        self.owner_values.push(value.to_owned().into());
        self
    }

    /// Narrows by `condition`, which has one `?`, when there is a value. A row may come to satisfy it or cease
    /// to, so it plays no part in finding the place of a token.
    pub(crate) fn narrowed(mut self, condition: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.filter.push_str(" AND ");
            self.filter.push_str(condition);
            self.filter_values.push(value.into());
        }
        self
    }

    /// Reads one page.
    pub(crate) fn page<T: FromRow>(
        &self,
        connection: &Connection,
        query: &PageQuery,
    ) -> Result<Page<T>, ListError> {
        let (rows, has_next) = match &query.token {
            Some(PageToken::Before(sid)) => self.before(connection, sid, query.size)?,
            Some(PageToken::After(sid)) => {
                let place = self.place(connection, sid)?;
                self.older_than(connection, place, query.size, 0)?
            }
            None => {
                let skipped = u64::from(query.page) * u64::from(query.size);
                self.older_than(connection, i64::MAX, query.size, skipped)?
            }
        };
        Ok(Page { rows, page: query.page, size: query.size, has_next })
    }

    fn place(&self, connection: &Connection, sid: &str) -> Result<i64, ListError> {
        let sql = format!("SELECT id FROM {} WHERE {} AND {} = ?", self.table, self.owner, self.sid_column);
        let values = self.owner_values.iter().cloned().chain([sid.to_owned().into()]);
        rows::one(connection, &sql, params_from_iter(values), |cells| cells.take())?
            .ok_or(ListError::UnknownPageToken)
    }

    /// One row more than asked for tells whether there is a next page.
    fn older_than<T: FromRow>(
        &self,
        connection: &Connection,
        place: i64,
        size: u32,
        skipped: u64,
    ) -> Result<(Vec<T>, bool), StoreError> {
        let sql = self.select::<T>("id < ? ORDER BY id DESC LIMIT ? OFFSET ?");
        let skipped = i64::try_from(skipped).unwrap_or(i64::MAX);
        let bounds = [place, i64::from(size) + 1, skipped].map(Value::from);
        let mut rows = rows::all(connection, &sql, params_from_iter(self.values(bounds)), T::from_cells)?;
        let has_next = rows.len() > size as usize;
        rows.truncate(size as usize);
        Ok((rows, has_next))
    }

    fn before<T: FromRow>(
        &self,
        connection: &Connection,
        sid: &str,
        size: u32,
    ) -> Result<(Vec<T>, bool), ListError> {
        let place = self.place(connection, sid)?;
        let sql = self.select::<T>("id > ? ORDER BY id ASC LIMIT ?");
        let bounds = [place, i64::from(size)].map(Value::from);
        let mut rows = rows::all(connection, &sql, params_from_iter(self.values(bounds)), T::from_cells)?;
        rows.reverse();
        let next = self.select_any("id <= ? LIMIT 1");
        let values = params_from_iter(self.values([Value::from(place)]));
        let has_next = rows::one(connection, &next, values, |cells| cells.take::<i64>())?.is_some();
        Ok((rows, has_next))
    }

    fn select<T: FromRow>(&self, rest: &str) -> String {
        let Self { table, owner, filter, .. } = self;
        format!("SELECT {} FROM {table} WHERE {owner} AND deleted_at IS NULL{filter} AND {rest}", T::COLUMNS)
    }

    fn select_any(&self, rest: &str) -> String {
        let Self { table, owner, filter, .. } = self;
        format!("SELECT id FROM {table} WHERE {owner} AND deleted_at IS NULL{filter} AND {rest}")
    }

    fn values(&self, bounds: impl IntoIterator<Item = Value>) -> impl Iterator<Item = Value> {
        self.owner_values.iter().chain(&self.filter_values).cloned().chain(bounds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_is_written() {
        for token in [PageToken::After("SD1".into()), PageToken::Before("SD2".into())] {
            assert_eq!(PageToken::parse(&token.to_string()), Some(token));
        }
        assert_eq!(PageToken::parse("SD1"), None);
    }
}
