//! A transaction. One that is neither committed nor rolled back ends the connection.

use tokio_postgres::{Row, SimpleQueryRow};

use super::codes::PgCause;
use super::fault::PgFault;
use super::link::{Link, Value};

/// A transaction on a [`Link`].
#[derive(Debug)]
pub struct Transaction<'l> {
    link: &'l Link,
    /// A statement has failed: a commit would roll back, and the server would not call that an error.
    failed: bool,
    done: bool,
}

impl<'l> Transaction<'l> {
    /// Begins a transaction. The server gives each of its statements up after the connection's limit.
    ///
    /// # Errors
    /// What the server says, or the limit.
    pub async fn begin(link: &'l mut Link) -> Result<Self, PgFault> {
        let sql = format!("BEGIN; SET LOCAL statement_timeout = {}", link.limit().as_millis());
        let link = &*link;
        link.simple(&sql).await.inspect_err(|_| link.close())?;
        Ok(Self { link, failed: false, done: false })
    }

    /// See [`Link::simple`].
    ///
    /// # Errors
    /// As there.
    pub async fn simple(&mut self, sql: &str) -> Result<Vec<SimpleQueryRow>, PgFault> {
        let done = self.link.simple(sql).await;
        self.noted(done)
    }

    /// See [`Link::query`].
    ///
    /// # Errors
    /// As there.
    pub async fn query(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, PgFault> {
        let done = self.link.query(sql, values).await;
        self.noted(done)
    }

    /// See [`Link::execute`].
    ///
    /// # Errors
    /// As there.
    pub async fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64, PgFault> {
        let done = self.link.execute(sql, values).await;
        self.noted(done)
    }

    /// Commits. `Ok` only if the server has committed.
    ///
    /// # Errors
    /// A statement has failed, so all was rolled back; or the connection broke: then it is unknown whether the server has committed.
    pub async fn commit(mut self) -> Result<(), PgFault> {
        if self.failed {
            self.roll_back().await?;
            return Err(PgFault::new(PgCause::Statement, "a statement of the transaction has failed"));
        }
        self.done = true;
        let committed = self.link.simple("COMMIT").await;
        committed.map(drop).inspect_err(|_| self.link.close())
    }

    /// Rolls back.
    ///
    /// # Errors
    /// The connection broke, which rolls back too.
    pub async fn roll_back(mut self) -> Result<(), PgFault> {
        self.done = true;
        self.link.simple("ROLLBACK").await.map(drop).inspect_err(|_| self.link.close())
    }

    fn noted<T>(&mut self, done: Result<T, PgFault>) -> Result<T, PgFault> {
        self.failed |= done.is_err();
        done
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.link.close();
        }
    }
}
