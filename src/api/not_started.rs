//! `POST /v1/web/not-started`: a browser with a tracker before version 15 reports that it does not record.
//!
//! The checks, in OpenReplay's order:
//!
//! | check | status |
//! |---|---|
//! | the body is within the limit of a start request | 413 |
//! | it is the expected JSON | 400 |
//! | it has a project key | 403 |
//! | the key belongs to an active project | 404 |
//! | the user agent is a browser's | 403 |
//!
//! The result is a row for a table that OpenReplay's own schema never had. It is stored like everything else. Whether the table exists where
//! the row is delivered does not concern the browser.

use std::net::IpAddr;

use crate::base::text::clean;
use crate::client::agent_cache::AgentCache;
use crate::client::forwarded::client_ip;
use crate::client::geo::{Geo, Location};
use crate::client::user_agent::UserAgents;
use crate::codec::json::{Fields, JsonScratch, Mismatch, Value, read, set_bool, set_text};
use crate::directory::{Directory, Platform, Question};
use crate::records::UnstartedSessionRow;
use crate::session::start::TRACKER_CHARS_MAX;

use super::refusal::{Reason, Refusal};

/// The inputs from the request. A header value is that of the field's first line, as received.
#[derive(Debug, Clone, Copy)]
pub struct NotStartedInput<'a> {
    /// The body.
    pub body: &'a [u8],
    /// `User-Agent`.
    pub user_agent: Option<&'a [u8]>,
    /// `X-Real-Ip`.
    pub x_real_ip: Option<&'a [u8]>,
    /// `X-Forwarded-For`.
    pub x_forwarded_for: Option<&'a [u8]>,
    /// The address at the other end of the socket.
    pub peer: IpAddr,
}

/// What is needed to judge the request.
pub struct NotStartedDeps<'a> {
    /// The projects.
    pub directory: &'a Directory,
    /// The compiled user-agent expressions.
    pub agents: &'a UserAgents,
    /// The cache of parsed user agents.
    pub cache: &'a mut AgentCache,
    /// The address database, which may be absent.
    pub geo: &'a Geo,
}

/// The outcome of a request.
#[derive(Debug)]
pub enum NotStarted {
    /// Store the row, which belongs to this project, then answer 200.
    Row(u32),
    /// Answer this.
    Refused(Refusal),
    /// The same, because the directory does not have this project: it may learn of it.
    Unknown(Refusal, Question),
    /// The user-agent expressions are still being compiled: try again in a moment.
    NotReady,
}

#[derive(Debug, Default)]
struct NotStartedRequest {
    has_project_key: bool,
    project_key: String,
    tracker_version: String,
    do_not_track: bool,
}

impl Fields for NotStartedRequest {
    const TYPE: &'static str = "NotStartedRequest";

    fn clear(&mut self) {
        *self = Self::default();
    }

    fn set(&mut self, key: &str, value: Value<'_>) -> Result<(), Mismatch> {
        match key {
            "projectkey" => {
                self.has_project_key = value != Value::Null;
                set_text(&mut self.project_key, value, "projectKey")
            }
            "trackerversion" => set_text(&mut self.tracker_version, value, "trackerVersion"),
            "donottrack" => set_bool(&mut self.do_not_track, value, "DoNotTrack"),
            _ => Ok(()),
        }
    }
}

/// Judges a request and writes its row for [`Table::UnstartedSessions`](crate::records::Table) to `row`, which is cleared first.
pub fn not_started(input: &NotStartedInput<'_>, deps: &mut NotStartedDeps<'_>, row: &mut Vec<u8>) -> NotStarted {
    let mut request = NotStartedRequest::default();
    if let Err(error) = read(input.body, &mut request, &mut JsonScratch::default()) {
        return NotStarted::Refused(Refusal::new(400, Reason::Json, error.to_string()));
    }
    if !request.has_project_key {
        return NotStarted::Refused(Refusal::new(403, Reason::Project, "projectKey value required"));
    }
    let missing = || Refusal::new(404, Reason::Project, "project doesn't exist");
    let project = match deps.directory.by_key(&request.project_key) {
        Some(project) if project.active => project,
        Some(_) => return NotStarted::Refused(missing()),
        None => {
            let question = Question::key(&request.project_key);
            return question
                .map_or_else(|| NotStarted::Refused(missing()), |question| NotStarted::Unknown(missing(), question));
        }
    };
    if !deps.agents.ready() {
        return NotStarted::NotReady;
    }
    let Some(agent) = deps.cache.get(input.user_agent.unwrap_or_default(), deps.agents) else {
        return NotStarted::Refused(Refusal::new(403, Reason::UserAgent, "browser not recognized"));
    };
    let mut place = Location::default();
    deps.geo.find(client_ip(input.x_forwarded_for, input.x_real_ip, input.peer), &mut place);
    clean(&mut request.tracker_version, TRACKER_CHARS_MAX);
    row.clear();
    UnstartedSessionRow {
        project_id: project.project_id,
        tracker_version: &*request.tracker_version,
        do_not_track: request.do_not_track,
        platform: Platform::Web.as_str(),
        os: &agent.os,
        os_version: &agent.os_version,
        browser: &agent.browser,
        browser_version: &agent.browser_version,
        device: &agent.device,
        device_type: agent.device_type.as_str(),
        country: place.country,
        state: &place.state,
        city: &place.city,
    }
    .write(row);
    NotStarted::Row(project.project_id)
}
