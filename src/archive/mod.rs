//! The archive: what the log holds, as Parquet files that any analyst's tool reads.
//!
//! The log is turned, chunk by chunk, into files of five tables.
//!
//! | file | |
//! |---|---|
//! | [`column`] | what a column is |
//! | [`table`] | what a table is |
//! | [`buffer`] | the values of a column in memory |
//! | [`row`] | what a row implements, and where its values go |
//! | [`rows`] | the rows of a table in memory |
//! | [`tables`] | the columns and rows of each table |
//! | [`decode`] | batches into rows of table `events` |

pub mod buffer;
pub mod column;
pub mod decode;
pub mod row;
pub mod rows;
pub mod table;
pub mod tables;
