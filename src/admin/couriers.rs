//! `GET /couriers`, and measuring what couriers have not delivered, which takes the disk.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::answer::json;
use super::shown::Shown;

/// The path of the request.
pub const PATH: &str = "/couriers";

/// How long the answer waits for a measurement. Then it says what is known without one.
const PATIENCE: Duration = Duration::from_secs(5);

/// An array with one object for each courier.
pub(in crate::admin) async fn couriers(State(shown): State<Arc<Shown>>) -> Response {
    measure(&shown, PATIENCE).await;
    match serde_json::to_string(&(shown.couriers)()) {
        Ok(body) => json(StatusCode::OK, body + "\n"),
        Err(error) => json(StatusCode::INTERNAL_SERVER_ERROR, format!("{{\"error\":\"{error}\"}}\n")),
    }
}

/// Measures anew, or waits for a measurement under way, but not longer than `patience`. A disk that hangs holds up one thread, however many
/// ask.
pub(in crate::admin) async fn measure(shown: &Arc<Shown>, patience: Duration) {
    let measured = async {
        let Ok(turn) = Arc::clone(&shown.measuring).acquire_owned().await else { return };
        let shown = Arc::clone(shown);
        let work = move || {
            (shown.measure)();
            drop(turn);
        };
        // If it panicked, the panic hook has reported that, and the page says what is known.
        let _ = tokio::task::spawn_blocking(work).await;
    };
    // A measurement that takes longer goes on, for whoever asks next.
    let _ = tokio::time::timeout(patience, measured).await;
}
