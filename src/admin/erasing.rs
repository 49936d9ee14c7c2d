//! `POST /log/seal` and `POST /log/reread`: how a running server takes part in an erasure, which another process does.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::admit::admit;
use super::answer::json;
pub use super::log_users::{LogUser, SealedSegments};
use super::shown::Shown;

/// The path of the request that seals every open segment.
pub const SEAL_PATH: &str = "/log/seal";

/// The path of the request that makes everybody in the server who reads the log forget what was read before.
pub const REREAD_PATH: &str = "/log/reread";

/// The answer to [`SEAL_PATH`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealReport {
    /// All cores.
    pub cores: Vec<SealedSegments>,
}

/// The answer to [`REREAD_PATH`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RereadReport {
    /// All who read the log in the server.
    pub readers: Vec<LogUser>,
}

/// 200 if nothing that was open is left open, 503 otherwise.
pub(in crate::admin) async fn seal(State(shown): State<Arc<Shown>>, headers: HeaderMap) -> Response {
    answer(&headers, move || {
        let report = SealReport { cores: (shown.seal)() };
        (report.cores.iter().all(|core| core.left.is_empty()), report)
    })
    .await
}

/// 200 if nobody holds anything any more, 503 otherwise.
pub(in crate::admin) async fn reread(State(shown): State<Arc<Shown>>, headers: HeaderMap) -> Response {
    answer(&headers, move || {
        let report = RereadReport { readers: (shown.reread)() };
        (report.readers.iter().all(|reader| reader.reread), report)
    })
    .await
}

async fn answer<T: Serialize + Send + 'static>(
    headers: &HeaderMap,
    work: impl FnOnce() -> (bool, T) + Send + 'static,
) -> Response {
    if let Err(text) = admit(headers) {
        return json(StatusCode::FORBIDDEN, format!("{{\"error\":\"{text}: use takeup erase\"}}\n"));
    }
    let Ok((complete, report)) = tokio::task::spawn_blocking(work).await else {
        let text = "{\"error\":\"it could not be done, see the server's log lines\"}\n";
        return json(StatusCode::INTERNAL_SERVER_ERROR, text.to_owned());
    };
    let status = if complete { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(status, serde_json::to_string(&report).unwrap_or_default() + "\n")
}
