//! A statement that inserts many rows.
//!
//! Each column is one bound value, an array, so the text of a statement depends on the table alone, and 65,535 bound values are never reached.

use std::collections::HashSet;
use std::fmt::Write as _;

use tokio_postgres::types::{ToSql, Type};

use super::fit::{Sent, Unfit, sent};
use super::row::Row;
use super::schema::{FoundColumn, TableSchema, Takes};
use super::table::{Identity, RowTable, SESSION_ID};
use super::value::Value;

/// A statement and its values.
pub struct Insert<'a> {
    /// The text.
    pub sql: String,
    arrays: Vec<Array<'a>>,
}

/// The values of a column.
enum Array<'a> {
    Integers(Vec<Option<i64>>),
    Bools(Vec<Option<bool>>),
    Texts(Vec<Option<&'a str>>),
}

impl<'a> Insert<'a> {
    /// A statement that inserts the rows that are not there yet. All are for this table.
    ///
    /// # Errors
    /// A row, or the table, is why it cannot be made.
    pub fn of(table: RowTable, schema: &'a TableSchema, rows: &[&'a Row], chars_max: usize) -> Result<Self, Unfit> {
        let mut arrays: Vec<Array<'a>> = schema.columns.iter().map(|found| Array::of(found, rows.len())).collect();
        let mut seen = Seen::of(table);
        for row in rows.iter().filter(|row| seen.is_new(row)) {
            for (found, array) in schema.columns.iter().zip(&mut arrays) {
                array.push(sent(&row.values[found.at], found, chars_max)?);
            }
        }
        Ok(Self { sql: sql(table, schema), arrays })
    }

    /// The values with their types.
    pub fn values(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        self.arrays.iter().map(Array::value).collect()
    }
}

impl<'a> Array<'a> {
    fn of(found: &FoundColumn, rows: usize) -> Self {
        match found.takes {
            Takes::Integers { .. } | Takes::Numbers => Self::Integers(Vec::with_capacity(rows)),
            Takes::Bools => Self::Bools(Vec::with_capacity(rows)),
            Takes::Texts | Takes::Uuids | Takes::Labels(_) => Self::Texts(Vec::with_capacity(rows)),
        }
    }

    fn value(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Integers(numbers) => (numbers, Type::INT8_ARRAY),
            Self::Bools(truths) => (truths, Type::BOOL_ARRAY),
            Self::Texts(texts) => (texts, Type::TEXT_ARRAY),
        }
    }

    fn push(&mut self, sent: Sent<'a>) {
        match (self, sent) {
            (Self::Integers(numbers), Sent::Integer(number)) => numbers.push(Some(number)),
            (Self::Bools(truths), Sent::Bool(truth)) => truths.push(Some(truth)),
            (Self::Texts(texts), Sent::Text(text)) => texts.push(Some(text)),
            // Columns are only found if their values are of the kind that their type takes.
            (Self::Integers(numbers), _) => numbers.push(None),
            (Self::Bools(truths), _) => truths.push(None),
            (Self::Texts(texts), _) => texts.push(None),
        }
    }
}

/// The rows of a statement so far: `NOT EXISTS` does not see those of its own statement.
struct Seen<'a> {
    identity: Identity,
    keys: HashSet<&'a [Value]>,
}

impl<'a> Seen<'a> {
    fn of(table: RowTable) -> Self {
        Self { identity: table.identity(), keys: HashSet::new() }
    }

    fn is_new(&mut self, row: &'a Row) -> bool {
        match self.identity {
            // The first column.
            Identity::SessionId => self.keys.insert(&row.values[..1]),
            Identity::AllColumns => self.keys.insert(&row.values),
            Identity::None => true,
        }
    }
}

fn sql(table: RowTable, schema: &TableSchema) -> String {
    let columns = &schema.columns;
    let list = |part: &dyn Fn(usize, &FoundColumn) -> String| {
        columns.iter().enumerate().map(|(at, found)| part(at, found)).collect::<Vec<_>>().join(", ")
    };
    let mut sql = format!(
        "INSERT INTO {} ({}) SELECT {} FROM unnest({}) AS u({})",
        schema.name,
        list(&|_, found| format!("\"{}\"", found.column.name)),
        list(&|at, found| cast(at, found)),
        list(&|at, found| format!("${}::{}", at + 1, array_type(found))),
        list(&|at, _| format!("c{at}")),
    );
    // Writing to a text can't fail.
    let _ = match table.identity() {
        Identity::SessionId if schema.has_unique_sessions => write!(sql, " ON CONFLICT (\"{SESSION_ID}\") DO NOTHING"),
        Identity::SessionId => {
            let same = columns.iter().enumerate().filter(|(_, found)| found.column.name == SESSION_ID);
            let same = same.map(|(at, found)| format!("e.\"{SESSION_ID}\" = {}", cast(at, found)));
            write!(sql, " WHERE NOT EXISTS (SELECT FROM {} e WHERE {})", schema.name, same.collect::<String>())
        }
        Identity::AllColumns => {
            // An index on the session serves an equality only.
            let same = columns.iter().enumerate().map(|(at, found)| match found.column.name {
                SESSION_ID => format!("e.\"{SESSION_ID}\" = {}", cast(at, found)),
                name => format!("e.\"{name}\" IS NOT DISTINCT FROM {}", cast(at, found)),
            });
            let same = same.collect::<Vec<_>>().join(" AND ");
            write!(sql, " WHERE NOT EXISTS (SELECT FROM {} e WHERE {same})", schema.name)
        }
        Identity::None => Ok(()),
    };
    sql
}

fn cast(at: usize, found: &FoundColumn) -> String {
    format!("u.c{at}::{}", found.type_name)
}

fn array_type(found: &FoundColumn) -> &'static str {
    match found.takes {
        Takes::Integers { .. } | Takes::Numbers => "bigint[]",
        Takes::Bools => "boolean[]",
        Takes::Texts | Takes::Uuids | Takes::Labels(_) => "text[]",
    }
}

#[cfg(test)]
mod tests;
