//! Projects from OpenReplay's Postgres.
//!
//! | file | holds |
//! |---|---|
//! | `columns` | which tables and columns there are: the two releases differ, and a migration may run at any time |
//! | `statement` | the statements, built from that |
//! | `rows` | rows as a text in the form of `projects.toml`, which is then read as that file is, with the same limits |
//! | `told` | what of a reading takes effect, and the copy of the last certain one |
//! | `questions` | projects that requests ask for and that are not known |
//! | `standing` | how it goes, for health and metrics |
//!
//! Everything is read in one transaction, so a reading is never half of a change. A row that can't be used is left out and reported; it
//! does not keep the others from being used.

mod columns;
mod questions;
mod rows;
mod standing;
mod statement;
mod told;

pub use questions::{Ask, Question, Questions};
pub use rows::LeftOut;
pub use standing::{Standing, Trouble};

pub(super) use columns::Columns;
pub(super) use rows::{Assembled, assemble};
pub(super) use statement::{LOOK_UP, read};
pub(super) use told::Intake;
