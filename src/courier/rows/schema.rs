//! What the database has: the tables, their columns, and the columns' types.

use tokio_postgres::SimpleQueryRow;

use crate::courier::{Cause, Trouble};
use crate::postgres::{Link, PgFault};

use super::fault;
use super::table::{Column, Kind, Presence, RowTable, SESSION_ID};

/// What the database has, as far as rows go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// `sessions`.
    sessions: TableSchema,
    /// The tables that need not be there.
    test_signals: Option<TableSchema>,
    unstarted_sessions: Option<TableSchema>,
    /// A commit would return before it is on the disk of the server.
    pub commits_early: bool,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSchema {
    /// Its name with its schema's, quoted.
    pub name: String,
    /// The columns to write.
    pub columns: Vec<FoundColumn>,
    /// Whether its session ids are unique by an index of their own.
    pub has_unique_sessions: bool,
}

/// A column that the table and takeup both know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundColumn {
    /// Where its value stands in a row.
    pub at: usize,
    /// What takeup knows of it.
    pub column: Column,
    /// Its type, as SQL.
    pub type_name: String,
    /// What its type takes.
    pub takes: Takes,
    /// Whether null is refused.
    pub not_null: bool,
}

/// What a column's type takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Takes {
    /// Whole numbers of a range.
    Integers {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// Any number.
    Numbers,
    /// Texts; those that are too long for the type are cut by the cast.
    Texts,
    /// UUIDs.
    Uuids,
    /// Truth values.
    Bools,
    /// One of these.
    Labels(Vec<String>),
}

/// Settings of the server, then a row for each column of the tables. `to_jsonb` reads a column of the catalogue that old servers do not have.
const READ: &str = "\
SELECT pg_catalog.current_setting('transaction_read_only'), pg_catalog.current_setting('synchronous_commit');
SELECT t.name, pg_catalog.format('%I.%I', n.nspname, c.relname),
       pg_catalog.has_table_privilege(c.oid, 'INSERT') OR pg_catalog.has_any_column_privilege(c.oid, 'INSERT'),
       a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), b.typname, b.typcategory, a.attnotnull OR y.typnotnull,
       EXISTS (SELECT FROM pg_catalog.pg_index i
               WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
                 AND i.indnatts = 1 AND i.indkey[0] = a.attnum),
       (SELECT pg_catalog.json_agg(e.enumlabel)::text FROM pg_catalog.pg_enum e WHERE e.enumtypid = b.oid)
FROM (VALUES ('sessions'), ('ut_tests_signals'), ('unstarted_sessions')) AS t(name)
JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(t.name)
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type y ON y.oid = a.atttypid
JOIN pg_catalog.pg_type b ON b.oid = CASE y.typbasetype WHEN 0 THEN y.oid ELSE y.typbasetype END
WHERE COALESCE(pg_catalog.to_jsonb(a) ->> 'attgenerated', '') = ''";

impl Schema {
    /// Reads it.
    ///
    /// # Errors
    /// The database can't be asked, takes no writes, or has no table `sessions` that fits.
    pub async fn read(link: &Link) -> Result<Self, Cause> {
        let rows = link.simple(READ).await.map_err(|fault: PgFault| fault::cause(&fault))?;
        let (settings, columns) = rows.split_first().ok_or_else(|| mismatch("the server says nothing of itself"))?;
        if settings.get(0) == Some("on") {
            return Err(Cause::new(Trouble::ReadOnly, "25006", "the database takes no writes"));
        }
        let columns: Vec<CatalogRow> = columns
            .iter()
            .map(CatalogRow::of)
            .collect::<Option<_>>()
            .ok_or_else(|| mismatch("a catalogue row lacks a value"))?;
        let sessions = table(RowTable::Sessions, &columns)?.ok_or_else(|| {
            let text = "there is no table sessions in the search_path: run OpenReplay's migrations, or check the search_path \
                        and the right to use the schema";
            Cause::new(Trouble::Missing, "42P01", text)
        })?;
        Ok(Self {
            sessions,
            test_signals: table(RowTable::TestSignals, &columns)?,
            unstarted_sessions: table(RowTable::UnstartedSessions, &columns)?,
            commits_early: settings.get(1) == Some("off"),
        })
    }

    /// The table; `None` if it is not there.
    pub fn table(&self, table: RowTable) -> Option<&TableSchema> {
        match table {
            RowTable::Sessions => Some(&self.sessions),
            RowTable::TestSignals => self.test_signals.as_ref(),
            RowTable::UnstartedSessions => self.unstarted_sessions.as_ref(),
        }
    }
}

impl TableSchema {
    /// Whether the table has the column and takeup writes it.
    pub fn writes(&self, name: &str) -> bool {
        self.columns.iter().any(|found| found.column.name == name)
    }
}

/// A column as the catalogue tells of it.
struct CatalogRow {
    table: String,
    qualified: String,
    may_insert: bool,
    name: String,
    type_name: String,
    base_name: String,
    category: String,
    not_null: bool,
    is_unique: bool,
    labels: Option<String>,
}

impl CatalogRow {
    fn of(row: &SimpleQueryRow) -> Option<Self> {
        let text = |at: usize| row.get(at).map(str::to_owned);
        let truth = |at: usize| row.get(at).map(|value| value == "t");
        Some(Self {
            table: text(0)?,
            qualified: text(1)?,
            may_insert: truth(2)?,
            name: text(3)?,
            type_name: text(4)?,
            base_name: text(5)?,
            category: text(6)?,
            not_null: truth(7)?,
            is_unique: truth(8)?,
            labels: text(9),
        })
    }

    /// What the column takes; `None` if that is nothing that takeup has.
    fn takes(&self) -> Option<Takes> {
        Some(match (&*self.category, &*self.base_name) {
            ("N", "int2") => Takes::Integers { min: i16::MIN.into(), max: i16::MAX.into() },
            ("N", "int4") => Takes::Integers { min: i32::MIN.into(), max: i32::MAX.into() },
            ("N", "int8") => Takes::Integers { min: i64::MIN, max: i64::MAX },
            ("N", "numeric" | "float4" | "float8") => Takes::Numbers,
            ("S", _) => Takes::Texts,
            (_, "uuid") => Takes::Uuids,
            ("B", "bool") => Takes::Bools,
            ("E", _) => Takes::Labels(serde_json::from_str(self.labels.as_deref()?).ok()?),
            _ => return None,
        })
    }
}

/// What is there of a table; `None` if nothing is.
fn table(table: RowTable, catalog: &[CatalogRow]) -> Result<Option<TableSchema>, Cause> {
    let of_table = || catalog.iter().filter(|row| row.table == table.name());
    let Some(first) = of_table().next() else { return Ok(None) };
    if !first.may_insert {
        let text = format!("there is no right to insert into table {}", table.name());
        return Err(Cause::new(Trouble::NoPermission, "42501", text));
    }
    let mut columns = Vec::new();
    for (at, &column) in table.columns().iter().enumerate() {
        match of_table().find(|row| row.name == column.name) {
            Some(row) => columns.push(found(table, at, column, row)?),
            None if column.presence == Presence::Essential => {
                return Err(mismatch(&format!("table {} has no column {}", table.name(), column.name)));
            }
            None => {}
        }
    }
    let has_unique_sessions = of_table().any(|row| row.name == SESSION_ID && row.is_unique);
    Ok(Some(TableSchema { name: first.qualified.clone(), columns, has_unique_sessions }))
}

fn found(table: RowTable, at: usize, column: Column, row: &CatalogRow) -> Result<FoundColumn, Cause> {
    let fits = |takes: &Takes| match column.kind {
        Kind::Id | Kind::Integer => matches!(takes, Takes::Integers { .. } | Takes::Numbers),
        Kind::Text => matches!(takes, Takes::Texts),
        Kind::Uuid => matches!(takes, Takes::Uuids | Takes::Texts),
        Kind::Bool => matches!(takes, Takes::Bools),
        Kind::Label(_) => matches!(takes, Takes::Labels(_) | Takes::Texts),
    };
    let Some(takes) = row.takes().filter(fits) else {
        let text = format!(
            "column {} of table {} has type {}, which takes no such value",
            column.name,
            table.name(),
            row.type_name
        );
        return Err(mismatch(&text));
    };
    Ok(FoundColumn { at, column, type_name: row.type_name.clone(), takes, not_null: row.not_null })
}

fn mismatch(text: &str) -> Cause {
    Cause::new(Trouble::Mismatch, "", text)
}
