//! The receipt: what was removed where, which destinations had been told, and what could not be reached.

use serde::Serialize;

use super::search::SearchReport;

/// How many sessions, and places that were not reached, a receipt names. It says how many there are.
pub const NAMED_MAX: usize = 10_000;

/// A receipt. Field names are stable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// Its id, which the sidecars of changed segments name.
    pub receipt: String,
    /// The version of takeup.
    pub takeup: String,
    /// Whether nothing was changed: it says what would be erased.
    pub dry_run: bool,
    /// When it began, RFC 3339 in UTC. What was received later is not erased.
    pub began: String,
    /// When it ended.
    pub ended: String,
    /// The log.
    pub log: Option<String>,
    /// Whether a server was running.
    pub beside_server: bool,
    /// An erasure that had not been finished, and was by this one.
    pub resumed: Option<String>,
    /// What was asked for.
    pub asked: Asked,
    /// How the sessions were found.
    pub search: SearchReport,
    /// How many sessions were erased.
    pub sessions: u64,
    /// Which, ascending; the first 10,000.
    pub session_ids: Vec<String>,
    /// Those of them that sent something within the last minutes: they may go on, and what they send from now on is not erased.
    pub recent_session_ids: Vec<String>,
    /// What was erased, by place.
    pub places: Vec<PlaceReport>,
    /// Consumers that had read some of it before.
    pub destinations: Vec<DestinationReport>,
    /// What could not be reached; the first 10,000.
    pub not_reached: Vec<NotReached>,
    /// How many there are.
    pub not_reached_count: u64,
    /// Whether everything that was asked for is erased as far as it was received before `began`: nothing was left that could not be reached.
    pub complete: bool,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Asked {
    /// Sessions.
    pub sessions: Vec<String>,
    /// Projects.
    pub projects: Vec<u32>,
    /// Users.
    pub users: Vec<UserReport>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserReport {
    /// BLAKE3 of `<receipt>:<user id>`: who knows the id can tell that it was this one.
    pub blake3: String,
    /// The id itself, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
}

/// What was erased in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaceReport {
    /// `log`, `quarantine`, `dead-letters`, `broken-list`, `assets`, `archive`, `object-store` (copies of segments) or `archive-store` (the archive's copy).
    pub place: String,
    /// Files that were looked at.
    pub files: u64,
    /// Files that were changed or removed.
    pub files_changed: u64,
    /// Records, rows or lines that were erased.
    pub records: u64,
    /// The bytes that they took.
    pub bytes: u64,
}

impl PlaceReport {
    /// Nothing in this place yet.
    pub fn new(place: &str) -> Self {
        Self { place: place.to_owned(), files: 0, files_changed: 0, records: 0, bytes: 0 }
    }
}

/// A consumer of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DestinationReport {
    /// Its name, such as `courier-redis`.
    pub name: String,
    /// `all`, `some` or `none` of the erased records were delivered; `unknown` if its cursor can't be believed.
    pub told: String,
    /// How many of the erased records it had read.
    pub records: u64,
    /// Whether it may still deliver records that it had read before: it could not be made to forget them in time.
    pub may_follow: bool,
}

/// Something that could not be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotReached {
    /// As in [`PlaceReport`].
    pub place: String,
    /// The file, folder, object or destination.
    pub path: String,
    /// Where in the file, if it is not the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// How many bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Why, and what can be done.
    pub reason: String,
}

impl NotReached {
    /// A whole file or object.
    pub fn whole(place: &str, path: impl std::fmt::Display, reason: impl Into<String>) -> Self {
        Self { place: place.to_owned(), path: path.to_string(), offset: None, bytes: None, reason: reason.into() }
    }
}

/// What is put together on the way.
#[derive(Debug, Default)]
pub struct Findings {
    /// What was erased.
    pub places: Vec<PlaceReport>,
    /// What could not be reached.
    pub not_reached: Vec<NotReached>,
    /// How many.
    pub not_reached_count: u64,
}

impl Findings {
    /// Adds something that could not be reached.
    pub fn miss(&mut self, missed: NotReached) {
        self.not_reached_count += 1;
        if self.not_reached.len() < NAMED_MAX {
            self.not_reached.push(missed);
        }
    }
}
