//! `takeup erase`: nothing of a person is left anywhere under the data folder, and all that others sent is there.
#![cfg(feature = "archive")]
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

#[path = "archive/read.rs"]
#[allow(missing_docs, dead_code)]
mod read;

#[path = "archive/readers.rs"]
#[allow(missing_docs)]
mod readers;

#[path = "archive/recorded.rs"]
#[allow(missing_docs, dead_code)]
mod recorded;

/// The files in `tests/erase/`.
#[allow(missing_docs)]
mod erase {
    mod aside;
    mod batches;
    mod beside;
    mod forms;
    mod groups;
    mod kills;
    mod no_server;
    #[allow(dead_code, reason = "not all of it is used here")]
    mod person;
    mod search;
    mod stored;
}
