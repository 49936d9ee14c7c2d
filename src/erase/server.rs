//! What a running server is asked for. The log's lock tells whether one runs; how it is asked is the caller's.

use std::collections::BTreeMap;

use super::error::EraseError;

/// A core whose open segments were to be sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedCore {
    /// The core.
    pub core: u16,
    /// How many were sealed.
    pub sealed: u64,
    /// Those that were not.
    pub left: Vec<String>,
    /// Why.
    pub reason: Option<String>,
}

/// Who reads the log in the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogUser {
    /// Its name, such as `courier-redis`.
    pub name: String,
    /// Whether it holds nothing any more that it read before it was asked.
    pub reread: bool,
    /// What it has passed: the next record of each core, as segment and offset. `None` if it does not say.
    pub passed: Option<BTreeMap<u16, (u64, u64)>>,
}

/// A running server.
pub trait Server {
    /// Makes it seal every open segment that holds records.
    ///
    /// # Errors
    /// It does not answer.
    fn seal(&mut self) -> Result<Vec<SealedCore>, EraseError>;

    /// Makes everybody who reads the log in it forget what was read and not passed.
    ///
    /// # Errors
    /// It does not answer.
    fn reread(&mut self) -> Result<Vec<LogUser>, EraseError>;
}
