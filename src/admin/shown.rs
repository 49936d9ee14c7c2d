//! What the handlers of the admin port have in common: what they show, and how they answer.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::telemetry::exposition::Exposition;

use super::health::Check;

/// What became of a core.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReopenedCore {
    /// Its number.
    pub core: u16,
    /// Its state before: `open`, `failed`, `poisoned` or `closed`.
    pub before: String,
    /// Its state after.
    pub after: String,
    /// Why it is not open; absent when it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What the admin port shows.
pub(super) struct Shown {
    /// The page of metrics.
    pub page: Exposition,
    /// The checks of health.
    pub checks: Box<dyn Fn() -> Vec<Check> + Send + Sync>,
    /// Whether the server turns at all.
    pub live: Box<dyn Fn() -> bool + Send + Sync>,
    /// Takes cores into use again.
    pub reopen: Box<dyn Fn() -> Vec<ReopenedCore> + Send + Sync>,
}

/// An answer that no cache keeps.
pub(super) fn json(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], body).into_response()
}
