//! The outcome of a start request.

use crate::api::refusal::{ERROR_BYTES_MAX, Reason, cut, start_of};
use crate::directory::{Directory, Project};
use crate::session::SessionId;

/// A granted session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started {
    /// The session.
    pub session: SessionId,
    /// Its project.
    pub project: u32,
    /// The client's token was still valid: nothing new is recorded.
    pub resumed: bool,
    /// The scratch's `message` and `row` must be stored before the answer is sent.
    pub record: bool,
}

/// A refusal. The scratch holds its JSON in `response` and its text in `error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// What it is counted as.
    pub reason: Reason,
    /// The project, if it was known by then.
    pub project: Option<u32>,
}

/// The outcome of a start request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartOutcome {
    /// Answer 200 with `response`. If `record` is set, store `message` and `row` first.
    Started(Started),
    /// Answer the status with `response`.
    Refused(Refused),
    /// The user-agent expressions are still being compiled: try again in a moment.
    NotReady,
}

/// Why judging ended early.
pub(super) enum Halt {
    Refused(Refused, String),
    NotReady,
}

pub(super) fn refuse(status: u16, reason: Reason, text: impl Into<String>) -> Halt {
    let project = None;
    let refused = Refused { status, reason, project };
    let mut text = text.into();
    cut(&mut text);
    Halt::Refused(refused, text)
}

impl Halt {
    /// Adds the project to a refusal.
    pub(super) fn of(self, project: &Project) -> Self {
        match self {
            Self::Refused(refused, text) => {
                let project = Some(project.project_id);
                Self::Refused(Refused { project, ..refused }, text)
            }
            Self::NotReady => self,
        }
    }
}

/// The active project with this key.
pub(super) fn project_by_key<'d>(key: &str, directory: &'d Directory) -> Result<&'d Project, Halt> {
    let project = directory.by_key(key).filter(|project| project.active);
    project.ok_or_else(|| no_project(key))
}

/// Refuses a request that names no active project.
pub(super) fn no_project(named: &str) -> Halt {
    let named = start_of(named, ERROR_BYTES_MAX);
    refuse(404, Reason::Project, format!("project doesn't exist or is not active, key: {named}"))
}

/// Refuses a user agent that is not a browser's.
pub(super) fn no_agent(user_agent: &[u8]) -> Halt {
    let shown = String::from_utf8_lossy(&user_agent[..user_agent.len().min(ERROR_BYTES_MAX)]);
    refuse(403, Reason::UserAgent, format!("browser not recognized, user-agent: {shown}"))
}
