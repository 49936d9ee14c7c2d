//! `POST /v1/sdk/start`: the analytics SDK asks for a session.
//!
//! The checks: the body is the expected JSON (400), its key belongs to an active project (404), a session id can be made (500). Every
//! session is accepted, whatever the project's rate and platform. There is no message; only the row is recorded. It includes the columns
//! that OpenReplay's server leaves out, for lack of which its database refuses every such row.

use crate::api::refusal::Reason;
use crate::client::forwarded::client_ip;
use crate::codec::json::ObjectWriter;
use crate::directory::Platform;
use crate::records::{Campaign, SessionRow};
use crate::session::start::user_uuid;

use super::grant;
use super::outcome::{Halt, Started, project_by_key, refuse};
use super::request::{StartDeps, StartInput};
use super::scratch::StartScratch;

/// How long a token is valid: a day.
const LIFETIME_MS: i64 = 86_400_000;

/// Judges the request.
pub fn judge(input: &StartInput<'_>, deps: &StartDeps<'_>, scratch: &mut StartScratch) -> Result<Started, Halt> {
    let read = scratch.sdk.read(input.body, &mut scratch.json);
    scratch.tracker.push_str(&scratch.sdk.sdk_version);
    read.map_err(|error| refuse(400, Reason::Json, error.to_string()))?;
    let request = &mut scratch.sdk;
    let project = project_by_key(&request.project_key, deps.directory)?;
    let grant = grant::new(0, LIFETIME_MS, deps).map_err(|halt| halt.of(project))?;
    grant.write_token(deps, &mut scratch.token);
    let address = client_ip(input.x_forwarded_for, input.x_real_ip, input.peer);
    deps.geo.find(address, &mut scratch.place);

    let mut json = ObjectWriter::new(&mut scratch.response);
    json.text("token", &scratch.token);
    json.end();
    let uuid = user_uuid::settle(&mut request.device_id);
    SessionRow {
        session_id: grant.token.session.0,
        project_id: project.project_id,
        started_ms: deps.now_ms,
        tracker_version: &*request.sdk_version,
        revision: "",
        platform: platform(&request.platform).as_str(),
        user_uuid: uuid,
        os: &request.os,
        os_version: &request.os_version,
        browser: &request.browser,
        browser_version: &request.browser_version,
        device: "",
        device_type: "other",
        device_memory: 0,
        device_heap: 0,
        country: scratch.place.country,
        state: &scratch.place.state,
        city: &scratch.place.city,
        user_id: &request.user_id,
        timezone: &request.timezone,
        width: request.width,
        height: request.height,
        campaign: Some(Campaign {
            referrer: &*request.referrer,
            source: &request.utm_source,
            medium: &request.utm_medium,
            campaign: &request.utm_campaign,
        }),
    }
    .write(&mut scratch.row);
    Ok(Started { session: grant.token.session, project: project.project_id, resumed: false, record: true })
}

/// The platform, as a value that the row's column takes. An unknown one counts as the web, which is the usual case.
fn platform(text: &str) -> Platform {
    let known = [Platform::Web, Platform::Ios, Platform::Android];
    known.into_iter().find(|platform| platform.as_str() == text).unwrap_or(Platform::Web)
}

#[cfg(test)]
mod tests;
