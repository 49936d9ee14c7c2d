//! The directory: the projects and everything that belongs to them, as an immutable snapshot.
//!
//! It is read from OpenReplay's Postgres (`database`, [`follow()`]), or from `projects.toml`. The names of its tables and fields are those of OpenReplay's
//! own tables:
//!
//! ```toml
//! [[projects]]
//! project_id = 1
//! project_key = "k3yOfTheSite"
//! name = "my site"
//! platform = "web"               # web, ios, android
//! active = true
//! sample_rate = 100              # of a hundred sessions, how many are recorded
//! max_session_duration = 7200000 # ms
//! beacon_size = 0                # largest batch in bytes; 0 is the server's own limit
//! retain_days = 30               # how long records are kept; 0 is for ever, "server" is the server's own setting
//! ```
//!
//! `[[tags]]`, `[[conditions]]`, `[[feature_flags]]` and `[[ut_tests]]` may follow, each with the
//! `project_id` it belongs to. Only `project_id` and `project_key` have to be given. `docs/projects.md` has every
//! field of every table, and its limits.
//!
//! Invariant: a snapshot never changes. A changed file becomes a new snapshot ([`CurrentDirectory`]), and a
//! file that cannot be read leaves the old one in place.
//!
//! Invariant: what a text lacks of the previous snapshot stays in the new one until its removal is certain ([`crate::watched_files`]),
//! across restarts too. A text that lacks everything is a fault, unless it says `projects = []`. Retention is shortened only by explicit
//! values, never by what is missing.

mod ages;
mod bounds;
mod database;
mod fields;
mod follow;
mod intake;
mod jsonb;
mod merge;
mod model;
mod parse;
mod settling;
mod tables;
mod watch;

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::path::{Path, PathBuf};

use crate::base::id_hasher::IdHasher;
use crate::postgres::PgFault;

pub use ages::ages_in_force;
pub use database::{Ask, LeftOut, Question, Questions, Standing, Trouble};
pub use fields::Fault;
pub use follow::{News, follow};
pub use model::{
    Condition, FeatureFlag, Filter, FlagCondition, FlagKind, Given, Platform, Project, Retain, Tag, Test, TestTask,
    Variant,
};
pub use settling::{Report, Taken};
pub use tables::{ENTRIES_MAX, FLAG_VALUES_MAX, ROWS_BYTES_MAX};
pub use watch::{CurrentDirectory, POLL_INTERVAL, Watcher, watch};

/// The size limit of the file, in bytes.
pub const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// All projects at one moment.
#[derive(Debug, Default)]
pub struct Directory {
    projects: Vec<Project>,
    by_key: HashMap<String, usize>,
    by_id: HashMap<u32, usize, BuildHasherDefault<IdHasher>>,
    /// The index of each usability test: its project's position, and its own position within the project.
    tests: HashMap<u32, (usize, usize)>,
    beacon_size_max: u64,
    /// The text explicitly declares that there are no projects: `projects = []`.
    none_on_purpose: bool,
    /// Projects that the text declares as removed.
    removed: Vec<u32>,
}

/// Why `projects.toml` can't be used. The message always names the file, and the line where there is one.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// It can't be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// It is larger than [`FILE_BYTES_MAX`].
    #[error("{} has {bytes} bytes; {FILE_BYTES_MAX} are the most that is read", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// It no longer holds any project, and does not say that this is intended.
    #[error(
        "{} holds no project any more, {projects} were there; if that is meant, write `projects = []`",
        path.display()
    )]
    Emptied {
        /// The file.
        path: PathBuf,
        /// How many projects there were.
        projects: usize,
    },
    /// The file of the projects' own retention ages can't be read. Without it, too much might be deleted.
    #[error(
        "cannot read {}, which tells for how long records of projects are kept: {source}; if every project with an age of its own \
         has its retain_days in projects.toml, remove this file",
        path.display()
    )]
    Ages {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: std::io::Error,
    },
    /// Changes of the file could not be noticed.
    #[error("changes of {} will not be noticed: cannot start a thread: {source}", path.display())]
    Watch {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// Postgres can't be read.
    #[error("projects can't be read from Postgres: {0}")]
    Postgres(#[from] PgFault),
    /// The database has no such table, or one that is not OpenReplay's.
    #[error(
        "projects can't be read from Postgres: there is no table `projects` with the columns project_id and project_key"
    )]
    NoProjectsTable,
    /// The table is empty, and was not.
    #[error("the table `projects` in Postgres is empty, {projects} projects were there; they are served as before")]
    EmptiedTable {
        /// How many projects there were.
        projects: usize,
    },
    /// More than can be held.
    #[error(
        "Postgres has more projects, or more that belongs to them, than {FILE_BYTES_MAX} bytes or a million rows of one table"
    )]
    TooMuch,
    /// It has faults, maybe in several lines.
    #[error("{}, {}", path.display(), listed(faults))]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong and what would be right, by line.
        faults: Vec<Fault>,
    },
}

impl DirectoryError {
    /// A short name for metrics, and what an operator can do; of faults of Postgres.
    fn code_and_hint(&self) -> (&'static str, &'static str) {
        match self {
            Self::Postgres(fault) => (fault.code(), fault.hint()),
            Self::NoProjectsTable => (
                "no_table",
                "check that postgres_string names OpenReplay's database and a search_path that has its tables",
            ),
            Self::EmptiedTable { .. } => {
                ("emptied", "restore the table; to take no more sessions of a project, set its column active to false")
            }
            _ => ("unusable", "see the log"),
        }
    }

    /// Whether the file does not exist.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    }
}

fn listed(faults: &[Fault]) -> String {
    let lines = faults.iter().map(|fault| format!("line {}: {}", fault.line, fault.text));
    lines.collect::<Vec<_>>().join("; ")
}

impl Directory {
    /// Reads `path`.
    pub fn load(path: &Path) -> Result<Self, DirectoryError> {
        let io = |source| DirectoryError::Io { path: path.to_owned(), source };
        let bytes = std::fs::metadata(path).map_err(io)?.len();
        if bytes > FILE_BYTES_MAX {
            return Err(DirectoryError::TooLarge { path: path.to_owned(), bytes });
        }
        let text = crate::watched_files::read(path, FILE_BYTES_MAX).map_err(io)?;
        let text =
            String::from_utf8(text).map_err(|error| io(std::io::Error::new(std::io::ErrorKind::InvalidData, error)))?;
        Self::parse(&text).map_err(|faults| DirectoryError::Content { path: path.to_owned(), faults })
    }

    fn from_projects(projects: Vec<Project>) -> Self {
        Self {
            // In reverse, so that of two with the same key or number the first wins.
            by_key: projects.iter().enumerate().rev().map(|(at, project)| (project.project_key.clone(), at)).collect(),
            by_id: projects.iter().enumerate().rev().map(|(at, project)| (project.project_id, at)).collect(),
            tests: projects.iter().enumerate().rev().flat_map(tests_of).collect(),
            none_on_purpose: false,
            removed: Vec::new(),
            beacon_size_max: projects.iter().map(|project| u64::from(project.beacon_size)).max().unwrap_or(0),
            projects,
        }
    }

    /// The project with this key, active or not. Case-sensitive.
    pub fn by_key(&self, key: &str) -> Option<&Project> {
        self.by_key.get(key).map(|&at| &self.projects[at])
    }

    /// The project with this id, active or not.
    #[inline]
    pub fn by_id(&self, id: u32) -> Option<&Project> {
        self.by_id.get(&id).map(|&at| &self.projects[at])
    }

    /// The test with this number, and its project.
    pub fn test(&self, test_id: u32) -> Option<(&Project, &Test)> {
        let &(project, test) = self.tests.get(&test_id)?;
        let project = &self.projects[project];
        Some((project, &project.ut_tests[test]))
    }

    /// All projects, in file order.
    pub fn projects(&self) -> &[Project] {
        &self.projects
    }

    /// The key of the first project that accepts browser sessions.
    pub fn first_web_key(&self) -> Option<&str> {
        let takes = |project: &&Project| project.active && project.platform == Platform::Web;
        self.projects.iter().find(takes).map(|project| project.project_key.as_str())
    }

    /// The largest `beacon_size` of all projects, in bytes; 0 if none has its own.
    pub fn beacon_size_max(&self) -> u64 {
        self.beacon_size_max
    }
}

fn tests_of((at, project): (usize, &Project)) -> impl Iterator<Item = (u32, (usize, usize))> + '_ {
    project.ut_tests.iter().enumerate().map(move |(place, test)| (test.test_id, (at, place)))
}

#[cfg(test)]
mod tests;
