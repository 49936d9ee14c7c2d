//! Rows in Postgres: what starts and signals become there, read back by `psql`.

mod logs;
pub mod support;

mod backlog;
mod changes;
mod connections;
mod faults;
mod golden_starts;
mod kinds;
