//! A connection whose operations have a time limit.

use std::future::Future;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row, SimpleQueryMessage, SimpleQueryRow};

use super::attempt::{Ended, Raw};
use super::codes::PgCause;
use super::connect::connect;
use super::fault::PgFault;
use super::url::PostgresUrl;

/// A value and its type. Only built-in types: see the head of [`super`].
pub type Value<'a> = (&'a (dyn ToSql + Sync), Type);

/// A connection. An operation that does not end within the limit ends it; so does a fatal error.
pub struct Link {
    client: Client,
    driver: AbortHandle,
    ended: Ended,
    closed: AtomicBool,
    limit: Duration,
}

impl Link {
    /// Connects. `limit` is how long one operation may take. Needs a tokio runtime.
    ///
    /// # Errors
    /// No server that fits could be connected to; the fault is that of the last one tried.
    pub async fn open(url: &PostgresUrl, limit: Duration) -> Result<Self, PgFault> {
        let Raw { client, driver, ended } = connect(url).await?;
        Ok(Self { client, driver, ended, closed: AtomicBool::new(false), limit })
    }

    /// Whether it can be used.
    pub fn is_open(&self) -> bool {
        !self.closed.load(Ordering::Relaxed) && !self.client.is_closed()
    }

    /// Runs SQL text without values, of one or several statements, and returns the rows of all, as texts.
    ///
    /// # Errors
    /// What the server says, or the limit.
    pub async fn simple(&self, sql: &str) -> Result<Vec<SimpleQueryRow>, PgFault> {
        let messages = self.within(self.client.simple_query(sql)).await?;
        let row = |message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        };
        Ok(messages.into_iter().filter_map(row).collect())
    }

    /// Runs one statement with values, and returns its rows.
    ///
    /// # Errors
    /// What the server says, or the limit.
    pub async fn query(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, PgFault> {
        self.within(self.client.query_typed(sql, values)).await
    }

    /// Runs one statement with values, and returns how many rows it has changed.
    ///
    /// # Errors
    /// What the server says, or the limit.
    pub async fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, PgFault> {
        self.within(self.client.execute_typed(sql, values)).await
    }

    /// How long one operation may take.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Ends the connection at once, whatever is under way.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.driver.abort();
    }

    async fn within<T>(&self, operation: impl Future<Output = Result<T, Error>>) -> Result<T, PgFault> {
        if !self.is_open() {
            return Err(self.end());
        }
        // The server's own limit is the same: a little more time lets its answer arrive.
        let limit = self.limit + self.limit / 10;
        let fault = match tokio::time::timeout(limit, operation).await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(error)) if error.is_closed() => self.end(),
            Ok(Err(error)) => PgFault::of(&error),
            Err(_) => PgFault::new(PgCause::TimedOut, format!("no answer within {} s", limit.as_secs_f32())),
        };
        if fault.ends_connection() {
            self.close();
        }
        Err(fault)
    }

    /// Why the connection has ended.
    fn end(&self) -> PgFault {
        let told = self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone();
        told.unwrap_or_else(|| PgFault::new(PgCause::Unreachable, "the connection is closed"))
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Link").field("open", &self.is_open()).finish_non_exhaustive()
    }
}
