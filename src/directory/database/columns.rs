//! The tables and columns of the database.

use std::collections::BTreeSet;

use tokio_postgres::SimpleQueryRow;

/// Finds the columns of all tables that are read. By the catalogue, which shows them whatever rights the user has on them: a right that is
/// missing is then an error, and not a table that seems to be gone.
const QUERY: &str = "SELECT t.name, a.attname FROM (VALUES ('projects'), ('tags'), ('projects_conditions'), ('feature_flags'), \
                     ('feature_flags_conditions'), ('feature_flags_variants'), ('ut_tests'), ('ut_tests_tasks')) AS t(name) \
                     JOIN pg_catalog.pg_attribute a ON a.attrelid = pg_catalog.to_regclass(t.name) \
                     WHERE a.attnum > 0 AND NOT a.attisdropped";

/// Which columns there are.
#[derive(Debug, Default)]
pub struct Columns(BTreeSet<(String, String)>);

impl Columns {
    /// The query whose rows [`Columns::of`] takes.
    pub const QUERY: &'static str = QUERY;

    /// From the rows of [`Columns::QUERY`].
    pub fn of(rows: &[SimpleQueryRow]) -> Self {
        let pair = |row: &SimpleQueryRow| Some((row.get(0)?.to_owned(), row.get(1)?.to_owned()));
        Self(rows.iter().filter_map(pair).collect())
    }

    /// Whether the table has the column.
    pub fn has(&self, table: &str, column: &str) -> bool {
        self.0.contains(&(table.to_owned(), column.to_owned()))
    }

    /// Whether the table has all these columns.
    pub fn has_all(&self, table: &str, columns: &[&str]) -> bool {
        columns.iter().all(|column| self.has(table, column))
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Columns {
    fn from(columns: [(&str, &str); N]) -> Self {
        Self(columns.iter().map(|(table, column)| ((*table).to_owned(), (*column).to_owned())).collect())
    }
}
