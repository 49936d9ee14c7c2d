//! The inputs of a start: the request, and what is needed to judge it.

use std::net::IpAddr;

use crate::client::geo::Geo;
use crate::client::user_agent::UserAgents;
use crate::directory::Directory;
use crate::records::Source;
use crate::session::SessionId;
use crate::session::flake::FlakeIds;
use crate::session::token::Secrets;

/// The kind of client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartKind {
    /// A browser.
    Web,
    /// A phone.
    Mobile {
        /// It uses the old paths, `/v1/ios/…`: neither its version nor its project's platform is checked, and it may identify its project
        /// by `projectID`.
        legacy: bool,
    },
    /// The analytics SDK.
    Sdk,
}

impl StartKind {
    /// The kind of client as records name it.
    pub fn source(self) -> Source {
        match self {
            Self::Web => Source::Web,
            Self::Mobile { .. } => Source::Mobile,
            Self::Sdk => Source::Sdk,
        }
    }
}

/// The inputs from the request. A header value is that of the field's first line, as received.
#[derive(Debug, Clone, Copy)]
pub struct StartInput<'a> {
    /// The body, within its limits and inflated if it was compressed.
    pub body: &'a [u8],
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
    /// The `beaconSizeLimit` in answers if the project has none of its own (`BEACON_SIZE_LIMIT`).
    pub beacon_size_limit: u64,
    /// The largest batch that the log takes; no client is told a larger limit.
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

/// What is needed to judge the request.
pub struct StartDeps<'a> {
    /// The projects.
    pub directory: &'a Directory,
    /// The secrets that sign and verify tokens.
    pub secrets: &'a Secrets,
    /// The source of session ids.
    pub flakes: &'a FlakeIds,
    /// The compiled user-agent expressions.
    pub agents: &'a UserAgents,
    /// The address database, which may be absent.
    pub geo: &'a Geo,
    /// Limits, and values for answers.
    pub settings: &'a StartSettings,
    /// The project of a session, as far as this core knows it.
    pub project_of: &'a dyn Fn(SessionId) -> Option<u32>,
    /// Wall clock, ms since the Unix epoch.
    pub now_ms: i64,
    /// A uniform draw from 0..=99 that decides sampling.
    pub dice: u8,
}
