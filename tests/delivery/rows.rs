//! Rows in Postgres: what starts and signals become there, read back by `psql`.

mod support;

mod golden_starts;
mod kinds;
