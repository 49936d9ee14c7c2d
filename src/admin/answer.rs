//! How the admin port's handlers answer.

use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// The head of server-sent events.
pub(super) const EVENTS: [(HeaderName, &str); 3] = [
    (header::CONTENT_TYPE, "text/event-stream"),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// An answer that says what is wrong.
pub(super) fn fault(status: StatusCode, text: &str) -> Response {
    json(status, format!("{}\n", serde_json::json!({ "error": text })))
}

/// An answer that must not be cached.
pub(super) fn json(status: StatusCode, body: String) -> Response {
    let head = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, head, body).into_response()
}
