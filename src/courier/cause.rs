//! What goes wrong between a courier and its destination.

use std::borrow::Cow;
use std::fmt;

use crate::log::LogError;

/// Why something was not delivered: what an operator sees, in health, in the log and beside dead letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The kind of trouble.
    pub trouble: Trouble,
    /// The destination's own code, such as a SQLSTATE, the first word of a Redis error or librdkafka's number; empty if there is none.
    pub code: Cow<'static, str>,
    /// The destination's own words, for people only: other servers say it in other languages. Must not hold a secret.
    pub text: String,
}

impl Cause {
    /// A cause.
    pub fn new(trouble: Trouble, code: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Self {
        Self { trouble, code: code.into(), text: text.into() }
    }

    /// Why the log, or the courier's place in it, can't be read.
    pub fn of_log(error: &LogError) -> Self {
        let trouble = match error {
            LogError::Cursor { .. } => Trouble::DoubtfulCursor,
            _ => Trouble::Local,
        };
        Self::new(trouble, "", error.to_string())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trouble, code, text) = (self.trouble.describe(), &self.code, &self.text);
        match (code.is_empty(), text.is_empty()) {
            (true, true) => f.write_str(trouble),
            (true, false) => write!(f, "{trouble}: {text}"),
            (false, true) => write!(f, "{trouble} ({code})"),
            (false, false) => write!(f, "{trouble} ({code}): {text}"),
        }
    }
}

/// The kinds of trouble, the same for all destinations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Trouble {
    /// No connection can be made, or it broke.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// It starts, loads, recovers, fails over or shuts down.
    NotReady,
    /// It refuses the user name, password, key or certificate.
    WrongCredentials,
    /// It knows the user, who may not do this.
    NoPermission,
    /// It takes reads only: a replica, a standby.
    ReadOnly,
    /// It has no room: disk, memory, or a limit of its own.
    Full,
    /// Those who read from it are behind, so more would be lost there. Shipping pauses.
    ReadersBehind,
    /// It has lost what it had confirmed.
    Lost,
    /// A database, table, topic, bucket or folder does not exist.
    Missing,
    /// Its tables, types or settings are not what they must be.
    Mismatch,
    /// It has too many connections or requests.
    Busy,
    /// It refuses this record, and only this one.
    RefusesRecord,
    /// This record cannot be turned into what the destination takes.
    CannotBuild,
    /// This machine fails: a file of takeup's own cannot be read or written.
    Local,
    /// The courier's cursor can't be believed, so its place in the log is not known.
    DoubtfulCursor,
    /// Anything else.
    Other,
}

impl Trouble {
    /// Every kind.
    pub const ALL: [Self; 17] = [
        Self::Unreachable,
        Self::TimedOut,
        Self::NotReady,
        Self::WrongCredentials,
        Self::NoPermission,
        Self::ReadOnly,
        Self::Full,
        Self::ReadersBehind,
        Self::Lost,
        Self::Missing,
        Self::Mismatch,
        Self::Busy,
        Self::RefusesRecord,
        Self::CannotBuild,
        Self::Local,
        Self::DoubtfulCursor,
        Self::Other,
    ];

    /// The name in metrics and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed-out",
            Self::NotReady => "not-ready",
            Self::WrongCredentials => "wrong-credentials",
            Self::NoPermission => "no-permission",
            Self::ReadOnly => "read-only",
            Self::Full => "full",
            Self::ReadersBehind => "readers-behind",
            Self::Lost => "lost",
            Self::Missing => "missing",
            Self::Mismatch => "mismatch",
            Self::Busy => "busy",
            Self::RefusesRecord => "refuses-record",
            Self::CannotBuild => "cannot-build",
            Self::Local => "local",
            Self::DoubtfulCursor => "doubtful-cursor",
            Self::Other => "other",
        }
    }

    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trouble| trouble.as_str() == name)
    }

    /// What it means, for people.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Unreachable => "cannot be reached",
            Self::TimedOut => "does not answer in time",
            Self::NotReady => "is starting, recovering or shutting down",
            Self::WrongCredentials => "refuses the credentials",
            Self::NoPermission => "does not permit it",
            Self::ReadOnly => "is read-only",
            Self::Full => "is full",
            Self::ReadersBehind => "holds as much as its readers can be behind",
            Self::Lost => "has lost records that it had confirmed",
            Self::Missing => "lacks a database, table, topic, bucket or folder",
            Self::Mismatch => "has other tables, types or settings than expected",
            Self::Busy => "is too busy",
            Self::RefusesRecord => "refuses the record",
            Self::CannotBuild => "cannot be given the record",
            Self::Local => "is fine, but this machine is not",
            Self::DoubtfulCursor => "is given nothing, the cursor is doubtful",
            Self::Other => "failed",
        }
    }

    /// What an operator can do.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Unreachable => "check that it runs, its address, and the network in between",
            Self::TimedOut => "check its load and the network in between",
            Self::NotReady => "wait; if it lasts, read its own log",
            Self::WrongCredentials => "correct the user name, password or key, here or there",
            Self::NoPermission => "grant the right",
            Self::ReadOnly => "give the address of the primary, or wait for the failover",
            Self::Full => "give it more room, or let its readers catch up",
            Self::ReadersBehind => "start its readers, or leave out those that are gone for good",
            Self::Lost => "nothing: they are delivered again; find out why they were lost",
            Self::Missing => "create it, or correct its name",
            Self::Mismatch => "compare its schema or settings with docs/delivery.md",
            Self::Busy => "give it more connections or capacity",
            Self::RefusesRecord | Self::CannotBuild => "look at it with takeup dead-letters",
            Self::Local => "check the disk of the data folder",
            Self::DoubtfulCursor => "remove it with takeup consumers remove: then the whole log is delivered again",
            Self::Other => "read the error, and its own log",
        }
    }
}
