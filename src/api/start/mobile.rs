//! `POST /v1/mobile/start`: a phone asks for a session.
//!
//! The checks, in OpenReplay's order; the first that fails decides the answer:
//!
//! | check | status |
//! |---|---|
//! | the body begins with the expected JSON | 400 |
//! | it has a project key | 403 |
//! | the key belongs to an active project | 404 |
//! | the project is for phones | 403 |
//! | the tracker is 1.0.9 or later | 426 |
//! | a valid token of this project resumes its session; the checks below are for new sessions | |
//! | the session is sampled: by the capture rate of the named condition, or else of the project | 403 |
//! | the user agent is not empty and not a robot's | 403 |
//! | a session id can be made | 500 |
//!
//! For old clients, which use `/v1/ios/start`, neither the version nor the project's platform is checked.

use uuid::Uuid;

use crate::api::refusal::Reason;
use crate::client::apple_models;
use crate::client::forwarded::client_ip;
use crate::client::geo::Location;
use crate::codec::json::{JsonError, ObjectWriter};
use crate::directory::{Directory, Platform, Project, Question};
use crate::records::{MobileSessionStart, SessionRow};
use crate::session::start::{MobileStartRequest, user_uuid};
use crate::session::token::Token;

use super::grant;
use super::grant::Grant;
use super::outcome::{Halt, Started, active, no_agent, project_by_key, refuse};
use super::request::{StartDeps, StartInput, StartSettings};
use super::scratch::StartScratch;

/// Judges the request.
pub fn judge(
    input: &StartInput<'_>,
    deps: &StartDeps<'_>,
    scratch: &mut StartScratch,
    legacy: bool,
) -> Result<Started, Halt> {
    read_request(input, scratch)?;
    let project = project_of(&scratch.mobile, deps.directory, legacy)?;
    let grant = match grant::resumed(&scratch.mobile.token, project, deps) {
        Some(grant) => grant,
        None => granted(input, project, deps, scratch).map_err(|halt| halt.of(project))?,
    };
    grant.write_token(deps, &mut scratch.token);
    let address = client_ip(input.x_forwarded_for, input.x_real_ip, input.peer);
    deps.geo.find(address, &mut scratch.place);

    let request = &mut scratch.mobile;
    let uuid = user_uuid::settle(&mut request.user_uuid);
    let record = !grant.resumed && !request.do_not_record;
    let facts = Facts {
        request,
        project,
        system: System::of(&request.platform, project.platform),
        place: &scratch.place,
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
    let body = input.body;
    let read = scratch.mobile.read(body, &mut scratch.json);
    scratch.tracker.push_str(&scratch.mobile.tracker_version);
    read.map_err(|error| {
        // Go's decoder for streams, which reads mobile starts, has these texts for an early end.
        let text = match error {
            JsonError::UnexpectedEnd if body.trim_ascii().is_empty() => "EOF".to_owned(),
            JsonError::UnexpectedEnd => "unexpected EOF".to_owned(),
            error => error.to_string(),
        };
        refuse(400, Reason::Json, text)
    })
}

fn project_of<'d>(request: &MobileStartRequest, directory: &'d Directory, legacy: bool) -> Result<&'d Project, Halt> {
    let project = if request.has_project_key {
        project_by_key(&request.project_key, directory)?
    } else if legacy && !request.project_id.is_empty() {
        project_by_id(&request.project_id, directory)?
    } else {
        return Err(refuse(403, Reason::Project, "projectKey value required"));
    };
    if legacy {
        return Ok(project);
    }
    if project.platform == Platform::Web {
        let text = "project doesn't support mobile sessions";
        return Err(refuse(403, Reason::Platform, text).of(project));
    }
    if !request.tracker_is_supported() {
        return Err(refuse(426, Reason::TrackerVersion, "tracker version not supported").of(project));
    }
    Ok(project)
}

/// The active project that an old client names: by its key, or else by its number.
fn project_by_id<'d>(named: &str, directory: &'d Directory) -> Result<&'d Project, Halt> {
    let number = named.parse().ok();
    let project = directory.by_key(named).or_else(|| number.and_then(|id| directory.by_id(id)));
    active(project, named, || number.map(Question::Id).or_else(|| Question::key(named)))
}

fn granted(
    input: &StartInput<'_>,
    project: &Project,
    deps: &StartDeps<'_>,
    scratch: &mut StartScratch,
) -> Result<Grant, Halt> {
    // Before sampling: a request that has to wait and try again must not get several draws.
    if !deps.agents.ready() {
        return Err(Halt::NotReady);
    }
    grant::sample(project, &scratch.mobile.condition, deps.dice)?;
    let user_agent = input.user_agent.unwrap_or_default();
    scratch.agents.get(user_agent, deps.agents).ok_or_else(|| no_agent(user_agent))?;
    grant::new(0, project.max_session_duration.into(), deps)
}

/// The device's operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum System {
    Ios,
    Android,
}

impl System {
    /// Only iOS trackers name no platform. An unknown platform becomes the project's, because the row's column takes no other.
    fn of(platform: &str, projects: Platform) -> Self {
        if platform.is_empty() || platform.eq_ignore_ascii_case("ios") {
            Self::Ios
        } else if platform.eq_ignore_ascii_case("android") || projects == Platform::Android {
            Self::Android
        } else {
            Self::Ios
        }
    }

    fn platform(self) -> Platform {
        match self {
            Self::Ios => Platform::Ios,
            Self::Android => Platform::Android,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ios => "IOS",
            Self::Android => "Android",
        }
    }
}

/// Everything that is known about the session.
struct Facts<'a> {
    request: &'a MobileStartRequest,
    project: &'a Project,
    system: System,
    place: &'a Location,
    uuid: Uuid,
    token: &'a Token,
    token_text: &'a str,
    started_ms: i64,
}

impl Facts<'_> {
    fn write_response(&self, settings: &StartSettings, out: &mut Vec<u8>) {
        let mut json = ObjectWriter::new(out);
        json.text("token", self.token_text);
        json.null("imagesHashList");
        json.text("userUUID", &self.request.user_uuid);
        json.integer("beaconSizeLimit", settings.beacon_size_limit.min(settings.batch_bytes_max));
        json.quoted_integer("sessionID", self.token.session.0);
        json.text("quality", &settings.mobile_quality);
        json.integer("fps", settings.mobile_fps);
        json.quoted_integer("projectID", self.project.project_id);
        json.bool("framesSupport", true);
        json.end();
    }

    /// One of the four values that the row's column takes.
    fn device_type(&self) -> &'static str {
        let (identifier, told) = (&self.request.device, self.request.device_type.as_str());
        match self.system {
            System::Ios if identifier.contains("iPhone") => "mobile",
            System::Ios if identifier.contains("iPad") => "tablet",
            System::Ios => "other",
            System::Android => ["mobile", "tablet", "desktop"].into_iter().find(|&one| one == told).unwrap_or("other"),
        }
    }

    fn write_message(&self, out: &mut Vec<u8>) {
        let request = self.request;
        MobileSessionStart {
            timestamp_ms: self.started_ms.unsigned_abs(),
            project: self.project.project_id,
            tracker_version: &request.tracker_version,
            revision: &request.revision,
            user_uuid: &request.user_uuid,
            os: self.system.name(),
            os_version: &request.os_version,
            device: apple_models::name(&request.device),
            device_type: self.device_type(),
            place: (self.place.country, &self.place.state, &self.place.city),
        }
        .write(out);
    }

    fn write_row(&self, out: &mut Vec<u8>) {
        let request = self.request;
        SessionRow {
            session_id: self.token.session.0,
            project_id: self.project.project_id,
            started_ms: self.started_ms,
            tracker_version: &*request.tracker_version,
            revision: &request.revision,
            platform: self.system.platform().as_str(),
            user_uuid: self.uuid,
            os: self.system.name(),
            os_version: &request.os_version,
            browser: "",
            browser_version: "",
            device: apple_models::name(&request.device),
            device_type: self.device_type(),
            // One number fills both columns, as in OpenReplay.
            device_memory: request.device_memory.min(i32::MAX as u64),
            device_heap: request.device_memory.min(i64::MAX as u64),
            country: self.place.country,
            state: &self.place.state,
            city: &self.place.city,
            user_id: "",
            timezone: &request.timezone,
            width: request.width,
            height: request.height,
            campaign: None,
        }
        .write(out);
    }
}

#[cfg(test)]
mod tests;
