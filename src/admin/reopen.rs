//! `POST /log/reopen`: puts cores back into use after a disk failure.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;

use super::admit::admit;
use super::answer::json;
use super::shown::{ReopenedCore, Shown};

/// The path of the request.
pub const PATH: &str = "/log/reopen";

/// The body of the answer.
#[derive(Serialize)]
struct Report {
    cores: Vec<ReopenedCore>,
}

/// 200 if every core accepts records afterwards, 503 if one does not.
pub(in crate::admin) async fn reopen(State(shown): State<Arc<Shown>>, headers: HeaderMap) -> Response {
    if let Err(text) = admit(&headers) {
        return json(StatusCode::FORBIDDEN, format!("{{\"error\":\"{text}: use takeup admin reopen\"}}\n"));
    }
    answer(shown).await
}

/// The answer to a request that may do so.
pub(in crate::admin) async fn answer(shown: Arc<Shown>) -> Response {
    let Ok(cores) = tokio::task::spawn_blocking(move || (shown.reopen)()).await else {
        let text = "{\"error\":\"the log could not be reopened, see the server's log lines\"}\n";
        return json(StatusCode::INTERNAL_SERVER_ERROR, text.to_owned());
    };
    let all_open = cores.iter().all(|core| core.after == "open");
    let status = if all_open { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::to_string(&Report { cores }).unwrap_or_default();
    json(status, body + "\n")
}
