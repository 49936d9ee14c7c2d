//! The outcome of a start request.

use crate::api::refusal::{ERROR_BYTES_MAX, Reason, cut, start_of};
use crate::directory::{Directory, Project, Question};
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
    /// Answer the status with `response`. If the scratch has `unknown`, the directory may learn that project: then judge again.
    Refused(Refused),
    /// The user-agent expressions are still being compiled: try again in a moment.
    NotReady,
}

/// Why judging ended early.
pub(super) enum Halt {
    Refused(Refused, String),
    /// The same, because the directory does not have this project.
    Unknown(Refused, String, Option<Question>),
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
            Self::Unknown(..) | Self::NotReady => self,
        }
    }
}

/// The active project with this key.
pub(super) fn project_by_key<'d>(key: &str, directory: &'d Directory) -> Result<&'d Project, Halt> {
    active(directory.by_key(key), key, || Question::key(key))
}

/// Refuses a request that names no active project. `question` asks for one that is not in the directory.
pub(super) fn active<'d>(
    project: Option<&'d Project>,
    named: &str,
    question: impl FnOnce() -> Option<Question>,
) -> Result<&'d Project, Halt> {
    let is_known = match project {
        Some(project) if project.active => return Ok(project),
        project => project.is_some(),
    };
    let named = start_of(named, ERROR_BYTES_MAX);
    let text = format!("project doesn't exist or is not active, key: {named}");
    let halt = refuse(404, Reason::Project, text);
    Err(match halt {
        Halt::Refused(refused, text) if !is_known => Halt::Unknown(refused, text, question()),
        halt => halt,
    })
}

/// Refuses a user agent that is not a browser's.
pub(super) fn no_agent(user_agent: &[u8]) -> Halt {
    let shown = String::from_utf8_lossy(&user_agent[..user_agent.len().min(ERROR_BYTES_MAX)]);
    refuse(403, Reason::UserAgent, format!("browser not recognized, user-agent: {shown}"))
}
