//! Rows of a column as a column chunk of Parquet.
//!
//! The crate's own writer takes an object for each value, and looks each up by its content in a dictionary of its own, which [`buffer`](super::buffer)
//! has done already. So pages are made here; headers, footers, indexes and Bloom filters are the crate's.
//!
//! A chunk is data pages of version 1, compressed by zstd. Its values stand in a dictionary if the column says that they repeat, unless
//! that would become large; then, and in all other columns, they are `PLAIN`.
//!
//! | file | |
//! |---|---|
//! | `column` | a column chunk: its pages, what the footer says of them |
//! | `dictionary` | which values a chunk has |
//! | `hybrid` | numbers of few bits: runs, or packed |
//! | `pages` | pages compressed, and one after the other |

mod column;
mod dictionary;
mod hybrid;
mod pages;

pub(super) use column::ColumnEncoder;
