//! Numbers over recorded sessions: how many, how large, how often, and how they are spread.
//!
//! A [`Collector`] is told of every record, from the log, from the archive or from both, and makes a [`Report`].
//!
//! # What is exact
//!
//! All counts and sums are; so are the smallest, the largest and the mean. Percentiles are within 0.1 % of the value. Sessions are kept in
//! memory, each by its id: a range with more than [`SESSIONS_MAX`] of them is an error and never an estimate.
//!
//! # Two sources
//!
//! The archive holds the log up to a position, and the log is read from there: each record counts once. The archive's `batches` and
//! `records` are read without their payloads, its `sessions` for what a start says of its client.
//!
//! | file | |
//! |---|---|
//! | [`by`] | by what sessions are told apart |
//! | [`collector`] | records, one at a time |
//! | [`sums`] | what is counted of a group of records |
//! | [`distribution`] | a distribution of sizes or times |
//! | [`names`] | values of a group, of which clients may choose any number |
//! | [`timeline`] | sums over time |
//! | [`range`] | which records count |
//! | `from_log`, `from_archive` | the two sources |
//! | [`left_out`] | files of the archive that could not be counted |
//! | [`report`] | the result |
//! | `error` | what can go wrong |
//! | `picture` | the result as an SVG |

pub mod by;
pub mod collector;
pub mod distribution;
mod error;
#[cfg(feature = "archive")]
mod from_archive;
mod from_log;
pub mod left_out;
pub mod names;
mod picture;
pub mod range;
pub mod report;
pub mod sums;
pub mod timeline;

pub use by::By;
pub use collector::{Collector, SESSIONS_MAX, TooMany};
pub use error::StatsError;
#[cfg(feature = "archive")]
pub use from_archive::{Counted, count_archive, describe_from_archive};
pub use from_log::count_log;
pub use left_out::{LeftOut, LeftOutFile};
pub use picture::svg;
pub use range::Range;
pub use report::Report;
