//! `POST /v1/web/start`: a browser asks for a session.
//!
//! The body has been read and inflated, within both limits, before it gets here. The checks, in OpenReplay's order; the first that fails
//! decides the answer:
//!
//! | check | status |
//! |---|---|
//! | the body is the expected JSON | 400 |
//! | the tracker is 6.0.0 or later | 426 |
//! | it has a project key | 403 |
//! | the key belongs to an active project | 404 |
//! | the project is for browsers | 403 |
//! | the user agent is a browser's | 403 |
//! | a valid token of this project resumes its session; the checks below are for new sessions | |
//! | the session is sampled: by the capture rate of the named condition, or else of the project | 403 |
//! | a session id can be made | 500 |

use uuid::Uuid;

use crate::api::refusal::Reason;
use crate::client::forwarded::client_ip;
use crate::client::geo::Location;
use crate::client::user_agent::Agent;
use crate::codec::json::ObjectWriter;
use crate::directory::{Directory, Platform, Project};
use crate::records::{SessionRow, SessionStart};
use crate::session::start::{WebStartRequest, user_uuid};
use crate::session::token::Token;

use super::grant;
use super::grant::Grant;
use super::outcome::{Halt, Started, no_agent, project_by_key, refuse};
use super::request::{StartDeps, StartInput, StartSettings};
use super::scratch::StartScratch;

/// Judges the request.
pub fn judge(input: &StartInput<'_>, deps: &StartDeps<'_>, scratch: &mut StartScratch) -> Result<Started, Halt> {
    read_request(input, scratch)?;
    let request = &mut scratch.web;
    let project = project_of(request, deps.directory)?;
    if !deps.agents.ready() {
        return Err(Halt::NotReady);
    }
    let user_agent = input.user_agent.unwrap_or_default();
    let agent = scratch.agents.get(user_agent, deps.agents).ok_or_else(|| no_agent(user_agent).of(project))?;
    let address = client_ip(input.x_forwarded_for, input.x_real_ip, input.peer);
    deps.geo.find(address, &mut scratch.place);

    let uuid = user_uuid::settle(&mut request.user_uuid);
    let token = if request.reset { "" } else { &request.token };
    let grant = match grant::resumed(token, project, deps) {
        Some(grant) => grant,
        None => granted(request, project, deps).map_err(|halt| halt.of(project))?,
    };
    grant.write_token(deps, &mut scratch.token);
    let record = !grant.resumed && !request.do_not_record;

    let facts = Facts {
        request,
        project,
        agent,
        place: &scratch.place,
        user_agent,
        uuid,
        token: &grant.token,
        token_text: &scratch.token,
        started_ms: request.started_ms(deps.now_ms),
    };
    facts.write_response(deps.settings, &mut scratch.response);
    if record {
        facts.write_message(&mut scratch.message);
        facts.write_row(&mut scratch.row);
    }
    Ok(Started { session: grant.token.session, project: project.project_id, resumed: grant.resumed, record })
}

fn read_request(input: &StartInput<'_>, scratch: &mut StartScratch) -> Result<(), Halt> {
    let read = scratch.web.read(input.body, &mut scratch.json);
    scratch.tracker.push_str(&scratch.web.tracker_version);
    read.map_err(|error| refuse(400, Reason::Json, error.to_string()))
}

fn project_of<'d>(request: &WebStartRequest, directory: &'d Directory) -> Result<&'d Project, Halt> {
    if !request.tracker_is_supported() {
        let text = "please upgrade the tracker version";
        return Err(refuse(426, Reason::TrackerVersion, text));
    }
    if !request.has_project_key {
        return Err(refuse(403, Reason::Project, "ProjectKey value required"));
    }
    let project = project_by_key(&request.project_key, directory)?;
    if project.platform != Platform::Web {
        let text = "project doesn't support web sessions";
        return Err(refuse(403, Reason::Platform, text).of(project));
    }
    Ok(project)
}

fn granted(request: &WebStartRequest, project: &Project, deps: &StartDeps<'_>) -> Result<Grant, Halt> {
    grant::sample(project, &request.condition, deps.dice)?;
    let delay_ms = deps.now_ms.saturating_sub(request.timestamp_ms);
    grant::new(delay_ms, project.max_session_duration.into(), deps)
}

/// Everything that is known about the session.
struct Facts<'a> {
    request: &'a WebStartRequest,
    project: &'a Project,
    agent: &'a Agent,
    place: &'a Location,
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
        let mut json = ObjectWriter::new(out);
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

    fn write_row(&self, out: &mut Vec<u8>) {
        let (request, agent) = (self.request, self.agent);
        SessionRow {
            session_id: self.token.session.0,
            project_id: self.project.project_id,
            started_ms: self.started_ms,
            tracker_version: &*request.tracker_version,
            revision: &request.revision,
            platform: Platform::Web.as_str(),
            user_uuid: self.uuid,
            os: &agent.os,
            os_version: &agent.os_version,
            browser: &agent.browser,
            browser_version: &agent.browser_version,
            device: &agent.device,
            device_type: agent.device_type.as_str(),
            device_memory: request.device_memory,
            device_heap: request.heap_limit,
            country: self.place.country,
            state: &self.place.state,
            city: &self.place.city,
            user_id: &request.user_id,
            timezone: &request.timezone,
            width: request.width,
            height: request.height,
            campaign: None,
        }
        .write(out);
    }
}
