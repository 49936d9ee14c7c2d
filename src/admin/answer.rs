//! How the admin port's handlers answer.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

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
