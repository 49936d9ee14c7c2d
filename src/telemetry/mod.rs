//! Seeing the server: JSON log lines, metrics, health, and the admin port that shows them.
//!
//! The cores only store numbers and copy fixed-size lines; everything that formats, allocates or does I/O happens on two other threads:
//!
//! | thread | does | reads |
//! |---|---|---|
//! | `log-printer` | formats and writes the log lines | the bounded queues of [`logger`] |
//! | `admin` | answers `/metrics` and `/health…` with axum on a current-thread tokio | the counters of [`metrics`], closures |
//!
//! Invariant: a core never waits for anything here. A full queue drops the line and counts it; a counter is a relaxed load and a relaxed
//! store by its only writer, so it costs no lock and no locked instruction.
//!
//! Invariant: every label value of a metric comes from a table that is fixed at start-up or bounded in size (tracker versions), so no client
//! can create series without end.

pub mod admission;
pub mod caller;
pub mod cell;
pub mod evictions;
pub mod exposition;
pub mod line;
pub mod logger;
pub mod metrics;
mod process;
pub mod snapshot;
pub mod timestamp;

pub use evictions::Eviction;
pub use line::{RequestLine, Text};
pub use logger::{Level, LogOptions, LogRequests, Logger, Printer};
pub use metrics::{CoreMetrics, Metrics, Sample};
