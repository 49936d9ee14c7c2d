//! The courier for rows: sessions, signals of usability tests and sessions that did not start, into OpenReplay's Postgres.
//!
//! **What is written.** A start gives a row of `sessions`; a stored row gives one of `ut_tests_signals` or `unstarted_sessions`. The columns are
//! those that both the table and [`table`] know: the two releases of OpenReplay have different ones. They are read when a connection is made,
//! every few seconds while there is nothing to ship, once a minute otherwise, and when a statement fails in a way that says that they have changed.
//!
//! **Any stored record can be inserted.** [`packer`] removes what Postgres refuses in any table (NUL bytes), `fit` adapts values to the types
//! that the columns have: numbers are limited to the column's range, labels that an enum does not have become `UN` or `other`. What is refused
//! all the same (a deleted project, a constraint of the operator's) is the fault of the record.
//!
//! **One transaction a shipment.** If the outcome of its commit is unknown, the shipment is repeated. The same start twice is one row, and so is
//! the same signal twice. Rows of `unstarted_sessions` have nothing to tell them apart by, so a crash can repeat those of its last half second.
//!
//! Invariant: no value is part of a statement's text, and there are no named prepared statements: see [`crate::postgres`].
//!
//! | file | holds |
//! |---|---|
//! | [`table`] | the tables and their columns, each with its value |
//! | [`row`], [`value`] | a row and its values |
//! | [`packer`] | makes rows from records |
//! | `schema` | what the database has: tables, columns, types, labels |
//! | `fit` | a value as a column takes it |
//! | `statement` | a statement that inserts many rows |
//! | `fault` | faults of Postgres as causes |
//! | [`destination`] | connects, inserts, and finds the rows at fault |

pub mod destination;
mod fault;
mod fit;
pub mod packer;
pub mod row;
mod schema;
mod statement;
pub mod table;
pub mod value;

pub use destination::RowsDestination;
pub use packer::RowPacker;
pub use row::Row;
pub use table::RowTable;
pub use value::Value;
