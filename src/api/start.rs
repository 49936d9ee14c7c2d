//! A client asks for a session: `POST /v1/{web,mobile,sdk}/start`.
//!
//! One call looks at the whole request and prepares everything that follows from it in reused
//! buffers: the answer, the session's first message, and the row that goes with it.
//!
//! | module | holds |
//! |---|---|
//! | `web`, `mobile`, `sdk` | the three kinds of clients: their checks in order, their answers and messages |
//! | `body` | the request's body, inflated within its limits |
//! | `grant` | a session and its token: resumed, or sampled and new |

use std::net::IpAddr;

use crate::client::agent_cache::AgentCache;
use crate::client::geo::{Geo, Place};
use crate::client::user_agent::UserAgents;
use crate::codec::inflate::Inflater;
use crate::codec::json::{JsonScratch, write_string};
use crate::directory::{Directory, Project};
use crate::records::Source;
use crate::session::SessionId;
use crate::session::flake::FlakeIds;
use crate::session::start::{MobileStartRequest, SdkStartRequest, WebStartRequest};
use crate::session::token::Secrets;

use super::refusal::{ERROR_BYTES_MAX, Reason, cut, start_of};

pub use body::reading;

mod body;
mod grant;
mod mobile;
mod sdk;
mod web;

/// What kind of client asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartKind {
    /// A browser.
    Web,
    /// A phone.
    Mobile {
        /// It knows the paths of old: neither its version nor its project's platform is looked at, and it may name
        /// its project by `projectID`.
        legacy: bool,
    },
    /// The analytics SDK.
    Sdk,
}

impl StartKind {
    /// The kind of client as the log keeps it.
    pub fn source(self) -> Source {
        match self {
            Self::Web => Source::Web,
            Self::Mobile { .. } => Source::Mobile,
            Self::Sdk => Source::Sdk,
        }
    }
}

/// What the request brought. Header values are first values, as they came.
#[derive(Debug, Clone, Copy)]
pub struct StartInput<'a> {
    /// The body as received (decoded from its transfer coding, not from its content coding).
    pub body: &'a [u8],
    /// The body inflated, where that has been done.
    pub plain: Option<&'a [u8]>,
    /// `Content-Encoding`.
    pub content_encoding: Option<&'a [u8]>,
    /// `User-Agent`.
    pub user_agent: Option<&'a [u8]>,
    /// `X-Real-Ip`, if the peer is trusted.
    pub x_real_ip: Option<&'a [u8]>,
    /// `X-Forwarded-For`, likewise.
    pub x_forwarded_for: Option<&'a [u8]>,
    /// The address at the other end of the socket, or the one that a PROXY header names in its place.
    pub peer: IpAddr,
}

/// The part of the configuration that a start needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartSettings {
    /// Largest body as received, in bytes (`JSON_SIZE_LIMIT`).
    pub json_size_limit: u64,
    /// Largest body once inflated, in bytes.
    pub json_inflated_limit: u64,
    /// Answered as `beaconSizeLimit` when the project names none (`BEACON_SIZE_LIMIT`).
    pub beacon_size_limit: u64,
    /// The largest batch that the log takes: a client is told no larger limit.
    pub batch_bytes_max: u64,
    /// `COMPRESSION_THRESHOLD`.
    pub compression_threshold: i64,
    /// `RECORD_CANVAS`.
    pub record_canvas: bool,
    /// `CANVAS_QUALITY`.
    pub canvas_quality: String,
    /// `CANVAS_FPS`.
    pub canvas_fps: i64,
    /// `PROTOCOL_VERSION`.
    pub protocol_version: i64,
    /// `MOBILE_QUALITY`.
    pub mobile_quality: String,
    /// `MOBILE_FPS`.
    pub mobile_fps: i64,
}

/// What the request is judged by.
pub struct StartDeps<'a> {
    /// The projects.
    pub directory: &'a Directory,
    /// The secrets that sign and verify tokens.
    pub secrets: &'a Secrets,
    /// Where session ids come from.
    pub flakes: &'a FlakeIds,
    /// The compiled user agent expressions.
    pub agents: &'a UserAgents,
    /// The address database, or none.
    pub geo: &'a Geo,
    /// Limits and answers.
    pub settings: &'a StartSettings,
    /// The project of a session, as far as this core knows it.
    pub project_of: &'a dyn Fn(SessionId) -> Option<u32>,
    /// Wall clock, ms since the Unix epoch.
    pub now_ms: i64,
    /// A uniform draw from 0..=99 that sampling is decided by.
    pub dice: u8,
}

/// The buffers of one core, reused from start to start.
pub struct StartScratch {
    /// The JSON to answer with, after a start and after a refusal alike.
    pub response: Vec<u8>,
    /// The session's first message, when there is one to record.
    pub message: Vec<u8>,
    /// The row of table `sessions` as JSON, when there is something to record: always less than
    /// [`ROW_BYTES_MAX`].
    pub row: Vec<u8>,
    /// The plain text of a refusal, for the log line.
    pub error: String,
    /// The tracker's version as it told it, cleaned and cut, for the log line. May be empty.
    pub tracker: String,
    agents: AgentCache,
    inflater: Inflater,
    inflated: Vec<u8>,
    json: JsonScratch,
    web: WebStartRequest,
    mobile: MobileStartRequest,
    sdk: SdkStartRequest,
    place: Place,
    token: String,
}

/// No row is as long: it has to fit beside other things into the 65,535 bytes that a record of the
/// log keeps for them.
pub const ROW_BYTES_MAX: usize = 60_000;
/// What a body beyond this has made the buffers grow to is given back.
const LARGE_BYTES: usize = 16 * 1024;

/// A session that may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started {
    /// The session.
    pub session: SessionId,
    /// Its project.
    pub project: u32,
    /// The client's token was still good: nothing new is recorded.
    pub resumed: bool,
    /// `message` and `row` of the scratch must be stored before the answer is sent.
    pub record: bool,
}

/// A refusal; its JSON is `response` of the scratch, its text is `error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// What it is counted as.
    pub reason: Reason,
    /// The project, where it was known by then.
    pub project: Option<u32>,
}

/// What became of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartOutcome {
    /// Answer 200 with `response`, once `message` and `row` are stored if `record` is set.
    Started(Started),
    /// Answer the status with `response`.
    Refused(Refused),
    /// The user agent expressions are still being compiled: ask again in a moment.
    NotReady,
}

impl StartScratch {
    /// Empty buffers, and a cache of at most `agents_max` user agents.
    pub fn new(agents_max: usize) -> Self {
        Self {
            response: Vec::new(),
            message: Vec::new(),
            row: Vec::new(),
            error: String::new(),
            tracker: String::new(),
            agents: AgentCache::new(agents_max),
            inflater: Inflater::new(),
            inflated: Vec::new(),
            json: JsonScratch::default(),
            web: WebStartRequest::default(),
            mobile: MobileStartRequest::default(),
            sdk: SdkStartRequest::default(),
            place: Place::default(),
            token: String::new(),
        }
    }

    /// The user agents seen before.
    pub fn agents(&mut self) -> &mut AgentCache {
        &mut self.agents
    }

    fn clear(&mut self) {
        self.response.clear();
        self.message.clear();
        self.row.clear();
        self.error.clear();
        self.tracker.clear();
    }

    /// Has done with a request whose body had so many bytes. No text in these buffers is longer than some times its body, so behind a large one
    /// all of them are given back.
    pub fn give_back(&mut self, body_bytes: usize) {
        if body_bytes <= LARGE_BYTES && self.inflated.capacity() <= LARGE_BYTES {
            return;
        }
        self.inflated = Vec::new();
        self.inflater.end();
        self.json = JsonScratch::default();
        (self.web, self.mobile, self.sdk) = Default::default();
        self.response = Vec::new();
        self.message = Vec::new();
        self.row = Vec::new();
        self.error = String::new();
        self.tracker = String::new();
    }
}

/// Judges one request for a session. Never blocks and never panics.
pub fn start(
    kind: StartKind,
    input: &StartInput<'_>,
    deps: &StartDeps<'_>,
    scratch: &mut StartScratch,
) -> StartOutcome {
    scratch.clear();
    let judged = match kind {
        StartKind::Web => web::judge(input, deps, scratch),
        StartKind::Mobile { legacy } => mobile::judge(input, deps, scratch, legacy),
        StartKind::Sdk => sdk::judge(input, deps, scratch),
    };
    match judged {
        Ok(started) => StartOutcome::Started(started),
        Err(Halt::NotReady) => StartOutcome::NotReady,
        Err(Halt::Refused(refused, text)) => {
            scratch.error = text;
            scratch.response.clear();
            scratch.response.extend_from_slice(b"{\"error\":");
            write_string(&mut scratch.response, &scratch.error);
            scratch.response.push(b'}');
            StartOutcome::Refused(refused)
        }
    }
}

/// Why judging ended early.
enum Halt {
    Refused(Refused, String),
    NotReady,
}

fn refuse(status: u16, reason: Reason, text: impl Into<String>) -> Halt {
    let project = None;
    let refused = Refused { status, reason, project };
    let mut text = text.into();
    cut(&mut text);
    Halt::Refused(refused, text)
}

impl Halt {
    /// The same, now that the project is known.
    fn of(self, project: &Project) -> Self {
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
fn project_by_key<'d>(key: &str, directory: &'d Directory) -> Result<&'d Project, Halt> {
    let project = directory.by_key(key).filter(|project| project.active);
    project.ok_or_else(|| no_project(key))
}

fn no_project(named: &str) -> Halt {
    let named = start_of(named, ERROR_BYTES_MAX);
    refuse(404, Reason::Project, format!("project doesn't exist or is not active, key: {named}"))
}

fn no_agent(user_agent: &[u8]) -> Halt {
    let shown = String::from_utf8_lossy(&user_agent[..user_agent.len().min(ERROR_BYTES_MAX)]);
    refuse(403, Reason::UserAgent, format!("browser not recognized, user-agent: {shown}"))
}

#[cfg(test)]
mod bench;
#[cfg(test)]
mod tests;
