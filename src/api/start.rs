//! `POST /v1/web/start`: a browser asks for a session.
//!
//! One call looks at the whole request and prepares everything that follows from it in reused
//! buffers: the answer, the `SessionStart` message, and the row that goes with it.
//!
//! The checks, in OpenReplay's order; the first that fails is the answer:
//!
//! | check | status |
//! |---|---|
//! | the body can be read and inflated, within both limits | 413 |
//! | it is the JSON asked for | 400 |
//! | the tracker is 6.0.0 or later | 426 |
//! | a project key is given | 403 |
//! | it is that of an active project | 404 |
//! | the project is for browsers | 403 |
//! | the user agent is a browser's | 403 |
//! | a good token of this project resumes its session; what follows is for new ones | |
//! | the dice fall below the project's sample rate | 403 |
//! | an id can be made | 500 |

use std::net::IpAddr;

use uuid::Uuid;

use crate::directory::{Directory, Platform, Project};
use crate::session::SessionId;
use crate::session::agent_cache::AgentCache;
use crate::session::flake::FlakeIds;
use crate::session::geo::{Geo, Place, client_ip};
use crate::session::inflate::Inflater;
use crate::session::json::{JsonScratch, write_integer, write_string};
use crate::session::message::SessionStart;
use crate::session::start::StartRequest;
use crate::session::token::{Expiry, Secrets, Signer, Token};
use crate::session::user_agent::{Agent, UserAgents};
use crate::session::user_uuid;
use crate::telemetry::Refusal as Reason;

use super::body::plain;

/// What the request brought. Header values are first values, as they came.
#[derive(Debug, Clone, Copy)]
pub struct StartInput<'a> {
    /// The body as received (decoded from its transfer coding, not from its content coding).
    pub body: &'a [u8],
    /// `Content-Encoding`; only exactly `gzip` means something.
    pub content_encoding: Option<&'a [u8]>,
    /// `User-Agent`.
    pub user_agent: Option<&'a [u8]>,
    /// `X-Real-Ip`.
    pub x_real_ip: Option<&'a [u8]>,
    /// `X-Forwarded-For`.
    pub x_forwarded_for: Option<&'a [u8]>,
    /// The address at the other end of the socket.
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
    /// The `SessionStart` message, when there is something to record.
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
    request: StartRequest,
    place: Place,
    token: String,
}

/// No row is as long: it has to fit beside other things into the 65,535 bytes that a record of the
/// log keeps for them.
pub const ROW_BYTES_MAX: usize = 60_000;
/// An inflated body's buffer that has grown beyond this is given back.
const INFLATED_KEPT_BYTES: usize = 128 * 1024;

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
            request: StartRequest::default(),
            place: Place::default(),
            token: String::new(),
        }
    }

    fn clear(&mut self) {
        self.response.clear();
        self.message.clear();
        self.row.clear();
        self.error.clear();
        self.tracker.clear();
        if self.inflated.capacity() > INFLATED_KEPT_BYTES {
            self.inflated = Vec::new();
        }
    }
}

/// Judges one `POST /v1/web/start`. Never blocks and never panics.
pub fn web_start(input: &StartInput<'_>, deps: &StartDeps<'_>, scratch: &mut StartScratch) -> StartOutcome {
    scratch.clear();
    match judge(input, deps, scratch) {
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
    Halt::Refused(refused, text.into())
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

fn judge(input: &StartInput<'_>, deps: &StartDeps<'_>, scratch: &mut StartScratch) -> Result<Started, Halt> {
    read_request(input, deps.settings, scratch)?;
    let project = project_of(&scratch.request, deps.directory)?;
    if !deps.agents.ready() {
        return Err(Halt::NotReady);
    }
    let user_agent = input.user_agent.unwrap_or_default();
    let agent = scratch.agents.get(user_agent, deps.agents).ok_or_else(|| {
        let shown = String::from_utf8_lossy(user_agent);
        let text = format!("browser not recognized, user-agent: {shown}");
        refuse(403, Reason::UserAgent, text).of(project)
    })?;
    let address = client_ip(input.x_forwarded_for, input.x_real_ip, input.peer);
    deps.geo.find(address, &mut scratch.place);

    let uuid = user_uuid::settle(&mut scratch.request.user_uuid);
    let grant = match resumed(&scratch.request, project, deps) {
        Some(grant) => grant,
        None => granted(&scratch.request, project, deps).map_err(|halt| halt.of(project))?,
    };
    scratch.token.clear();
    deps.secrets.sign_onto(&grant.token, grant.signer, &mut scratch.token);
    let record = !grant.resumed && !scratch.request.do_not_record;

    let facts = Facts {
        request: &scratch.request,
        project,
        agent,
        place: &scratch.place,
        user_agent,
        uuid,
        token: &grant.token,
        token_text: &scratch.token,
        started_ms: scratch.request.started_ms(deps.now_ms),
    };
    facts.write_response(deps.settings, &mut scratch.response);
    if record {
        facts.write_message(&mut scratch.message);
        facts.write_row(&mut scratch.row);
    }
    Ok(Started { session: grant.token.session, project: project.project_id, resumed: grant.resumed, record })
}

fn read_request(input: &StartInput<'_>, settings: &StartSettings, scratch: &mut StartScratch) -> Result<(), Halt> {
    let (size, inflated) = (settings.json_size_limit, settings.json_inflated_limit);
    let body = plain(input.body, input.content_encoding, size, inflated, &mut scratch.inflater, &mut scratch.inflated)
        .map_err(|refusal| refuse(refusal.status, refusal.reason, refusal.text))?;
    let read = scratch.request.read(body, &mut scratch.json);
    scratch.tracker.push_str(&scratch.request.tracker_version);
    read.map_err(|error| refuse(400, Reason::Json, error.to_string()))
}

fn project_of<'d>(request: &StartRequest, directory: &'d Directory) -> Result<&'d Project, Halt> {
    if !request.tracker_is_supported() {
        let text = "please upgrade the tracker version";
        return Err(refuse(426, Reason::TrackerVersion, text));
    }
    if !request.has_project_key {
        return Err(refuse(403, Reason::Project, "ProjectKey value required"));
    }
    let key = &request.project_key;
    let project = directory.by_key(key).filter(|project| project.active).ok_or_else(|| {
        let text = format!("project doesn't exist or is not active, key: {key}");
        refuse(404, Reason::Project, text)
    })?;
    if project.platform != Platform::Web {
        let text = "project doesn't support web sessions";
        return Err(refuse(403, Reason::Platform, text).of(project));
    }
    Ok(project)
}

/// A token, and the secret that signs it.
struct Grant {
    token: Token,
    signer: Signer,
    resumed: bool,
}

/// The session of the client's token, if that is still good. A session that is known to be of
/// another project starts anew: tokens carry no project, so nothing else keeps them apart.
fn resumed(request: &StartRequest, project: &Project, deps: &StartDeps<'_>) -> Option<Grant> {
    if request.reset || request.token.is_empty() {
        return None;
    }
    let (token, signer) = deps.secrets.verify_signer(request.token.as_bytes()).ok()?;
    if token.expiry(deps.now_ms) != Expiry::Valid {
        return None;
    }
    let other = (deps.project_of)(token.session).is_some_and(|id| id != project.project_id);
    (!other).then_some(Grant { token, signer, resumed: true })
}

fn granted(request: &StartRequest, project: &Project, deps: &StartDeps<'_>) -> Result<Grant, Halt> {
    let rate = project.sample_rate;
    if deps.dice >= rate {
        let text = format!("capture rate miss, rate: {rate}");
        return Err(refuse(403, Reason::Sampled, text));
    }
    let session = deps.flakes.next(deps.now_ms).map_err(|error| refuse(500, Reason::Internal, error.to_string()))?;
    let token = Token {
        session,
        delay_ms: deps.now_ms.saturating_sub(request.timestamp_ms),
        expires_ms: deps.now_ms.saturating_add(project.max_session_duration.into()),
    };
    Ok(Grant { token, signer: deps.secrets.first(), resumed: false })
}

/// Everything that is known of a session that starts.
struct Facts<'a> {
    request: &'a StartRequest,
    project: &'a Project,
    agent: &'a Agent,
    place: &'a Place,
    user_agent: &'a [u8],
    uuid: Uuid,
    token: &'a Token,
    token_text: &'a str,
    started_ms: i64,
}

impl Facts<'_> {
    fn write_response(&self, settings: &StartSettings, out: &mut Vec<u8>) {
        let beacon_size = match self.project.beacon_size {
            0 => settings.beacon_size_limit,
            own => settings.batch_bytes_max.min(own.into()),
        };
        let mut json = Members::new(out);
        json.integer("timestamp", 0);
        json.integer("startTimestamp", self.token.session.start_ms());
        json.integer("delay", self.token.delay_ms);
        json.text("token", self.token_text);
        json.text("userUUID", &self.request.user_uuid);
        json.text("userOS", &self.agent.os);
        json.text("userDevice", &self.agent.device);
        json.text("userBrowser", &self.agent.browser);
        json.text("userCountry", self.place.country);
        json.text("userState", &self.place.state);
        json.text("userCity", &self.place.city);
        json.quoted_integer("sessionID", self.token.session.0);
        json.quoted_integer("projectID", self.project.project_id);
        json.integer("beaconSizeLimit", beacon_size);
        json.integer("compressionThreshold", settings.compression_threshold);
        json.bool("canvasEnabled", settings.record_canvas);
        json.text("canvasQuality", &settings.canvas_quality);
        json.integer("canvasFPS", settings.canvas_fps);
        json.bool("framesSupport", true);
        json.integer("protocolVersion", settings.protocol_version);
        json.end();
    }

    fn write_message(&self, out: &mut Vec<u8>) {
        SessionStart {
            timestamp_ms: self.started_ms.unsigned_abs(),
            project: self.project.project_id,
            tracker_version: &self.request.tracker_version,
            revision: &self.request.revision,
            user_uuid: &self.request.user_uuid,
            user_agent: self.user_agent,
            os: &self.agent.os,
            os_version: &self.agent.os_version,
            browser: &self.agent.browser,
            browser_version: &self.agent.browser_version,
            device: &self.agent.device,
            device_type: self.agent.device_type.as_str(),
            device_memory: self.request.device_memory,
            device_heap: self.request.heap_limit,
            place: (self.place.country, &self.place.state, &self.place.city),
            user_id: &self.request.user_id,
        }
        .write(out);
    }

    /// The row, with the names and the values that table `sessions` of OpenReplay takes.
    fn write_row(&self, out: &mut Vec<u8>) {
        let (request, agent) = (self.request, self.agent);
        let mut json = Members::new(out);
        json.integer("session_id", self.token.session.0);
        json.integer("project_id", self.project.project_id);
        json.integer("start_ts", self.started_ms);
        json.text("tracker_version", &request.tracker_version);
        json.text_or_null("rev_id", &request.revision);
        json.text("platform", Platform::Web.as_str());
        let mut uuid = Uuid::encode_buffer();
        json.text("user_uuid", self.uuid.hyphenated().encode_lower(&mut uuid));
        json.text("user_os", &agent.os);
        json.text_or_null("user_os_version", &agent.os_version);
        json.text("user_browser", &agent.browser);
        json.text_or_null("user_browser_version", &agent.browser_version);
        json.text("user_device", &agent.device);
        json.text("user_device_type", agent.device_type.as_str());
        json.integer_or_null("user_device_memory_size", request.device_memory);
        json.integer_or_null("user_device_heap_size", request.heap_limit);
        json.text("user_country", self.place.country);
        json.text_or_null("user_state", &self.place.state);
        json.text_or_null("user_city", &self.place.city);
        json.text_or_null("user_id", &request.user_id);
        json.text("timezone", &request.timezone);
        json.integer("screen_width", request.width);
        json.integer("screen_height", request.height);
        json.end();
    }
}

/// Writes the members of one JSON object.
struct Members<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Members<'a> {
    fn new(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out }
    }

    fn key(&mut self, key: &str) {
        if self.out.last() != Some(&b'{') {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        write_string(self.out, value);
    }

    fn integer(&mut self, key: &str, value: impl Into<i128>) {
        self.key(key);
        write_integer(self.out, value.into());
    }

    fn quoted_integer(&mut self, key: &str, value: impl Into<i128>) {
        self.key(key);
        self.out.push(b'"');
        write_integer(self.out, value.into());
        self.out.push(b'"');
    }

    fn bool(&mut self, key: &str, value: bool) {
        self.key(key);
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn null(&mut self, key: &str) {
        self.key(key);
        self.out.extend_from_slice(b"null");
    }

    fn text_or_null(&mut self, key: &str, value: &str) {
        if value.is_empty() { self.null(key) } else { self.text(key, value) }
    }

    fn integer_or_null(&mut self, key: &str, value: u64) {
        if value == 0 { self.null(key) } else { self.integer(key, value) }
    }

    fn end(self) {
        self.out.push(b'}');
    }
}

#[cfg(test)]
#[path = "start_tests.rs"]
mod tests;
