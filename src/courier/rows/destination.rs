//! OpenReplay's Postgres as a destination for rows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::courier::{Cause, Destination, ShipError, Trouble};
use crate::postgres::{Link, PgCause, PgFault, PostgresUrl, Transaction};
use crate::telemetry::{Level, Logger};

use super::fault;
use super::fit::Unfit;
use super::row::Row;
use super::schema::Schema;
use super::statement::Insert;
use super::table::{Presence, RowTable};

/// How long a statement may take, as in OpenReplay's service.
const OPERATION_LIMIT: Duration = Duration::from_secs(30);

/// How long a statement waits for a lock: less, so that a locked table is told from a slow server.
const LOCK_LIMIT: Duration = Duration::from_secs(10);

/// After this time the columns are read again, so that a new one is filled.
const SCHEMA_AGE_MAX: Duration = Duration::from_secs(60);

/// Rows of a statement.
const STATEMENT_ROWS_MAX: usize = 5000;

/// Bytes of a statement's rows.
const STATEMENT_BYTES_MAX: usize = 8 << 20;

/// When so few rows are left among which one is at fault, they are tried one by one.
const SUSPECTS_MAX: usize = 16;

/// How often a statement is tried again because the table has changed.
const CHANGES_MAX: usize = 3;

/// The length of texts that an index refuses: its entries have at most 2704 bytes.
const INDEXED_CHARS_MAX: usize = 200;

/// A Postgres that rows are written to.
#[derive(Debug)]
pub struct RowsDestination {
    url: PostgresUrl,
    name: String,
    logger: Logger,
    link: Option<Link>,
    /// What the database has, and when that was read.
    schema: Option<(Arc<Schema>, Instant)>,
    /// What was told last.
    told: Vec<String>,
    /// How many rows were left out since the start, because the database does not have their table.
    left_out: usize,
}

/// Why rows were not inserted.
enum NotInserted {
    /// The same rows are tried again.
    Destination(Cause),
    /// One of them, or several, are at fault.
    Rows(Cause),
    /// One of them is too long for an index.
    TooLong(Cause),
}

impl RowsDestination {
    /// A destination that is not connected yet. `name` is the courier's.
    pub fn new(url: PostgresUrl, name: &str, logger: Logger) -> Self {
        Self { url, name: name.to_owned(), logger, link: None, schema: None, told: Vec::new(), left_out: 0 }
    }

    /// Connects if there is no connection, and reads what the database has if that is not known or is older than this.
    async fn prepared(&mut self, age_max: Duration) -> Result<Arc<Schema>, Cause> {
        if !self.link.as_ref().is_some_and(Link::is_open) {
            // Another connection may lead to another server.
            self.schema = None;
            self.link = None;
            let opened = Link::open(&self.url, OPERATION_LIMIT).await;
            self.link = Some(opened.map_err(|fault| fault::cause(&fault))?);
        }
        if let Some((schema, read)) = &self.schema
            && read.elapsed() < age_max
        {
            return Ok(Arc::clone(schema));
        }
        let Some(link) = &self.link else { return Err(Cause::new(Trouble::Unreachable, "", "no connection")) };
        self.schema = None;
        let schema = Arc::new(Schema::read(link).await?);
        self.schema = Some((Arc::clone(&schema), Instant::now()));
        self.tell(&schema);
        Ok(schema)
    }

    /// Says what the database lacks, each time that this has changed.
    fn tell(&mut self, schema: &Schema) {
        let mut lacks = Vec::new();
        for table in RowTable::ALL {
            let Some(found) = schema.table(table) else {
                lacks.push(format!("table {}: its rows are left out", table.name()));
                continue;
            };
            let missing = table.columns().iter().filter(|column| column.presence == Presence::Usual);
            let missing = missing.filter(|column| !found.writes(column.name));
            lacks.extend(missing.map(|column| format!("column {} of table {}", column.name, table.name())));
        }
        if lacks == self.told {
            return;
        }
        let (text, left_out) = (lacks.join("; "), self.left_out.to_string());
        let lacking = if lacks.is_empty() { "nothing" } else { &text };
        let fields = [("courier", &*self.name), ("lacks", lacking), ("rows_left_out", &left_out)];
        self.logger.event(Level::Info, crate::caller!(), "what the database lacks for rows has changed", &fields);
        self.told = lacks;
    }

    /// Inserts rows in one transaction.
    async fn insert(&mut self, rows: &[Row], chars_max: usize) -> Result<(), NotInserted> {
        let mut schema = self.prepared(SCHEMA_AGE_MAX).await.map_err(NotInserted::Destination)?;
        for _ in 0..CHANGES_MAX {
            let Some(link) = &mut self.link else { break };
            let fault = match insert(link, &schema, rows, chars_max).await {
                Ok(()) => {
                    self.left_out += rows.iter().filter(|row| schema.table(row.table).is_none()).count();
                    return Ok(());
                }
                Err(Fault::Unfit(Unfit::Column(cause))) => NotInserted::Destination(cause),
                Err(Fault::Unfit(Unfit::Row(cause))) => NotInserted::Rows(cause),
                Err(Fault::Postgres(fault)) => {
                    if !fault.is_of_schema() {
                        return Err(blamed(&fault, &schema));
                    }
                    blamed(&fault, &schema)
                }
            };
            // The table may have changed since its columns were read.
            let newer = self.prepared(Duration::ZERO).await.map_err(NotInserted::Destination)?;
            if newer == schema {
                return Err(fault);
            }
            schema = newer;
        }
        Err(NotInserted::Destination(Cause::new(Trouble::Mismatch, "", "its tables change all the time")))
    }
}

impl Destination for RowsDestination {
    type Item = Row;

    async fn ship(&mut self, rows: &[Row]) -> Result<(), ShipError> {
        // `from` to `to` holds a row at fault, if a cause is known.
        let (mut from, mut to, mut known) = (0, rows.len(), None);
        loop {
            let end = match &known {
                Some(cause) if to - from <= SUSPECTS_MAX => {
                    return Err(ShipError::items(from..to, Cause::clone(cause)).after(from));
                }
                Some(_) => from + (to - from) / 2,
                None => to,
            };
            match self.insert(&rows[from..end], usize::MAX).await {
                Ok(()) if end == rows.len() => return Ok(()),
                Ok(()) => from = end,
                Err(NotInserted::Destination(cause)) => return Err(ShipError::destination(cause).after(from)),
                Err(NotInserted::TooLong(_)) if rows.len() == 1 => {
                    let shortened = self.insert(rows, INDEXED_CHARS_MAX).await;
                    return shortened.map_err(|fault| match fault {
                        NotInserted::Destination(cause) => ShipError::destination(cause),
                        NotInserted::Rows(cause) | NotInserted::TooLong(cause) => ShipError::items(0..1, cause),
                    });
                }
                Err(NotInserted::Rows(cause) | NotInserted::TooLong(cause)) => (to, known) = (end, Some(cause)),
            }
        }
    }

    fn disconnect(&mut self) {
        if let Some(link) = self.link.take() {
            link.close();
        }
        self.schema = None;
    }

    async fn idle(&mut self) -> Result<(), Cause> {
        self.prepared(Duration::ZERO).await.map(drop)
    }
}

/// What stopped an insert.
enum Fault {
    /// A value.
    Unfit(Unfit),
    /// Postgres.
    Postgres(PgFault),
}

impl From<PgFault> for Fault {
    fn from(fault: PgFault) -> Self {
        Self::Postgres(fault)
    }
}

/// Inserts rows in one transaction. Those whose table is not there are left out.
async fn insert(link: &mut Link, schema: &Schema, rows: &[Row], chars_max: usize) -> Result<(), Fault> {
    let mut inserts = Vec::new();
    for table in RowTable::ALL {
        let Some(found) = schema.table(table) else { continue };
        let of_table: Vec<&Row> = rows.iter().filter(|row| row.table == table).collect();
        for chunk in chunks(&of_table) {
            inserts.push(Insert::of(table, found, chunk, chars_max).map_err(Fault::Unfit)?);
        }
    }
    if inserts.is_empty() {
        return Ok(());
    }
    let mut transaction = Transaction::begin(link).await?;
    match insert_all(&mut transaction, schema, &inserts).await {
        Ok(()) => Ok(transaction.commit().await?),
        Err(fault) => {
            // If this fails, the connection is closed, which rolls back too. The first fault says more.
            let _ = transaction.roll_back().await;
            Err(fault.into())
        }
    }
}

async fn insert_all(transaction: &mut Transaction<'_>, schema: &Schema, inserts: &[Insert<'_>]) -> Result<(), PgFault> {
    let mut settings = format!("SET LOCAL lock_timeout = {}", LOCK_LIMIT.as_millis());
    if schema.commits_early {
        // What is confirmed here is not kept in the log for ever.
        settings += "; SET LOCAL synchronous_commit = on";
    }
    transaction.simple(&settings).await?;
    for insert in inserts {
        transaction.execute(&insert.sql, &insert.values()).await?;
    }
    Ok(())
}

/// Rows of one statement each.
fn chunks<'s, 'a>(mut rows: &'s [&'a Row]) -> Vec<&'s [&'a Row]> {
    let mut chunks = Vec::new();
    while !rows.is_empty() {
        let mut bytes = 0;
        let fits = rows.iter().take(STATEMENT_ROWS_MAX).take_while(|row| {
            bytes += row.bytes();
            bytes <= STATEMENT_BYTES_MAX
        });
        let (chunk, rest) = rows.split_at(fits.count().max(1));
        chunks.push(chunk);
        rows = rest;
    }
    chunks
}

/// Whose fault it is, given that the schema is as it was read.
fn blamed(fault: &PgFault, schema: &Schema) -> NotInserted {
    let cause = fault::cause(fault);
    match fault.cause() {
        PgCause::NullValue => {
            let ours = |column: &str| {
                let tables =
                    RowTable::ALL.into_iter().filter(|table| fault.table().is_none_or(|name| name == table.name()));
                tables.filter_map(|table| schema.table(table)).any(|found| found.writes(column))
            };
            match fault.column() {
                Some(column) if !ours(column) => {
                    let text =
                        format!("column {column} must be filled and has no default, and takeup does not know it");
                    NotInserted::Destination(Cause::new(Trouble::Mismatch, "23502", text))
                }
                _ => NotInserted::Rows(cause),
            }
        }
        _ if fault.sqlstate() == Some("54000") => NotInserted::TooLong(cause),
        _ if fault.is_of_record() => NotInserted::Rows(cause),
        _ => NotInserted::Destination(cause),
    }
}
