//! `/api/actions` and what is below it: what the page changes.
//!
//! Each handler begins with `login::refusal_of_change`. None takes parameters: what an action does is said in its body alone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;

use super::answer::{fault, json};
use super::asked::{self, Asked};
use super::jobs::Refused;
use super::logging::{Logging, LoggingError};
use super::login::refusal_of_change;
use super::reopen;
use super::shown::Shown;

/// The largest body of a request.
const BODY_BYTES_MAX: usize = 4096;

/// How long to wait for it.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// What is logged, and the current or last job.
pub(in crate::admin) async fn told(State(shown): State<Arc<Shown>>, headers: HeaderMap, uri: Uri) -> Response {
    match refusal_of_change(&shown, &headers, &uri).await {
        Some(refusal) => refusal,
        None => answer(&shown, StatusCode::OK),
    }
}

/// Puts cores back into use after a disk failure, as `POST /log/reopen` does for programs.
pub(in crate::admin) async fn reopen(State(shown): State<Arc<Shown>>, request: Request) -> Response {
    match admitted_without_fields(&shown, request).await {
        Ok(()) => reopen::answer(shown).await,
        Err(refusal) => *refusal,
    }
}

/// Begins an erasure, or tells what one would erase.
pub(in crate::admin) async fn erase(State(shown): State<Arc<Shown>>, request: Request) -> Response {
    begin(&shown, request, asked::erase).await
}

/// Begins to find out what retention would delete.
pub(in crate::admin) async fn retention(State(shown): State<Arc<Shown>>, request: Request) -> Response {
    begin(&shown, request, asked::retention).await
}

/// Begins to bring the archive up to the end of the log.
pub(in crate::admin) async fn compact(State(shown): State<Arc<Shown>>, request: Request) -> Response {
    match shown.jobs.no_archive() {
        None => begin(&shown, request, asked::compact).await,
        Some(why) => match admitted_without_fields(&shown, request).await {
            Ok(()) => fault(StatusCode::CONFLICT, why),
            Err(refusal) => *refusal,
        },
    }
}

/// Ends the job that is running.
pub(in crate::admin) async fn cancel(State(shown): State<Arc<Shown>>, request: Request) -> Response {
    match admitted_without_fields(&shown, request).await {
        Ok(()) if shown.jobs.cancel() => answer(&shown, StatusCode::ACCEPTED),
        Ok(()) => fault(StatusCode::CONFLICT, "no job is running"),
        Err(refusal) => *refusal,
    }
}

/// Changes what is logged until the settings are read again.
pub(in crate::admin) async fn log(State(shown): State<Arc<Shown>>, request: Request) -> Response {
    let body = match admitted_body(&shown, request).await {
        Ok(body) => body,
        Err(refusal) => return *refusal,
    };
    let wanted = match asked::parse::<Logging>(&body) {
        Ok(wanted) if wanted != Logging::default() => wanted,
        Ok(_) => return fault(StatusCode::BAD_REQUEST, "log_requests or log_level must say what to log"),
        Err(text) => return fault(StatusCode::BAD_REQUEST, &text),
    };
    let changing = Arc::clone(&shown);
    let changed = tokio::task::spawn_blocking(move || (changing.set_logging)(&wanted)).await;
    match changed.unwrap_or(Err(LoggingError::Busy)) {
        Ok(()) => answer(&shown, StatusCode::OK),
        Err(error @ LoggingError::Value(_)) => fault(StatusCode::BAD_REQUEST, &error.to_string()),
        Err(error @ LoggingError::Busy) => fault(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

async fn begin(
    shown: &Shown,
    request: Request,
    parse: impl FnOnce(&[u8], SocketAddr) -> Result<Asked, String>,
) -> Response {
    let body = match admitted_body(shown, request).await {
        Ok(body) => body,
        Err(refusal) => return *refusal,
    };
    let asked = match parse(&body, shown.jobs.admin()) {
        Ok(asked) => asked,
        Err(text) => return fault(StatusCode::BAD_REQUEST, &text),
    };
    match shown.jobs.start(&asked) {
        Ok(()) => answer(shown, StatusCode::ACCEPTED),
        Err(refused) => {
            let status = match refused {
                Refused::Busy(_) => StatusCode::CONFLICT,
                Refused::Stopping => StatusCode::SERVICE_UNAVAILABLE,
                Refused::Thread(_) => StatusCode::INTERNAL_SERVER_ERROR,
            };
            fault(status, &refused.to_string())
        }
    }
}

/// The body of a request that may change something. Nothing of it is read before that is known.
async fn admitted_body(shown: &Shown, request: Request) -> Result<Bytes, Box<Response>> {
    let (head, body) = request.into_parts();
    if let Some(refusal) = refusal_of_change(shown, &head.headers, &head.uri).await {
        return Err(Box::new(refusal));
    }
    let read = tokio::time::timeout(BODY_PATIENCE, to_bytes(body, BODY_BYTES_MAX)).await;
    let (status, text) = match read {
        Ok(Ok(body)) => return Ok(body),
        Ok(Err(_)) => (StatusCode::PAYLOAD_TOO_LARGE, "the body is broken, or larger than 4 KiB"),
        Err(_) => (StatusCode::REQUEST_TIMEOUT, "the body did not come in time"),
    };
    Err(Box::new(fault(status, text)))
}

/// Whether a request may change something about which nothing is said: its body is empty, or an object without fields.
async fn admitted_without_fields(shown: &Shown, request: Request) -> Result<(), Box<Response>> {
    let body = admitted_body(shown, request).await?;
    asked::no_fields(&body).map_err(|text| Box::new(fault(StatusCode::BAD_REQUEST, &text)))
}

/// What is in force, and the job.
fn answer(shown: &Shown, status: StatusCode) -> Response {
    let Logging { log_requests, log_level } = (shown.logging)();
    let head = serde_json::json!({
        "log_requests": log_requests,
        "log_level": log_level,
        "no_archive": shown.jobs.no_archive(),
    });
    let mut body = head.to_string();
    // The job is JSON already.
    body.pop();
    json(status, body + ",\"job\":" + &shown.jobs.json() + "}\n")
}
