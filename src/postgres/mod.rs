//! A connection to OpenReplay's Postgres, for everything that needs one: the directory and the couriers.
//!
//! | file | holds |
//! |---|---|
//! | `text` | the two forms of a connection string, as pairs of keyword and value |
//! | `url`, `parameters`, `ssl`, `error` | [`PostgresUrl`]: the checked settings; never shows the password |
//! | `tls`, `verify` | TLS by `sslmode`, with libpq's meanings |
//! | `connect`, `attempt` | hosts, addresses and attempts, each with a time limit |
//! | `link`, `transaction` | [`Link`]: a connection whose operations have a time limit |
//! | `fault`, `codes` | [`PgFault`]: what went wrong, by SQLSTATE and `io::ErrorKind` |
//!
//! Invariant: nothing depends on the state of a session, so pgbouncer may pool transactions: there are no named prepared statements
//! ([`Link::query`] and [`Link::execute`] give the types of their values and use the unnamed statement), and settings are made by
//! `SET LOCAL` in a transaction. A result column of a type that is not built in makes `tokio-postgres` prepare a statement to look the
//! type up, so cast it in SQL: `platform::text`. The same holds for values: `$3::text::platform`.
//!
//! Invariant: an operation that has not finished within its limit ends the connection. What happened to its transaction is then unknown.
//!
//! Invariant: faults are told apart by codes. The text of an error depends on the server's language.

mod attempt;
mod codes;
mod connect;
mod error;
mod fault;
mod link;
mod parameters;
mod ssl;
mod text;
mod tls;
mod transaction;
mod url;
mod verify;

pub use codes::PgCause;
pub use error::UrlError;
pub use fault::PgFault;
pub use link::Link;
pub use parameters::SessionAttrs;
pub use ssl::SslMode;
pub use transaction::Transaction;
pub use url::PostgresUrl;
