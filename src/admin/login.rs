//! `POST /api/login`, and how those are refused who may not change anything.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::access::Refusal;
use super::parameters::flags;
use super::shown::Shown;

/// How long a wrong token is thought about. One at a time.
const WRONG_TOKEN_PAUSE: Duration = Duration::from_millis(500);

/// Sets the cookie for a request with the token: 204. The token comes as `Authorization: Bearer`.
pub(in crate::admin) async fn login(State(shown): State<Arc<Shown>>, headers: HeaderMap, uri: Uri) -> Response {
    let cookie = match shown.access.log_in(&headers) {
        Ok(cookie) => cookie,
        Err(refusal) => return refuse(&shown, refusal).await,
    };
    if let Err(wrong) = flags(&uri, []) {
        return *wrong;
    }
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie), (header::CACHE_CONTROL, "no-store".to_owned())])
        .into_response()
}

/// The answer to a request that may not change anything, or has parameters, which no change takes; `None` if it may.
pub(in crate::admin) async fn refusal_of_change(shown: &Shown, headers: &HeaderMap, uri: &Uri) -> Option<Response> {
    match shown.access.admit_change(headers) {
        Ok(()) => flags(uri, []).err().map(|wrong| *wrong),
        Err(refusal) => Some(refuse(shown, refusal).await),
    }
}

async fn refuse(shown: &Shown, refusal: Refusal) -> Response {
    if refusal == Refusal::Token {
        let _turn = shown.wrong_token.acquire().await;
        tokio::time::sleep(WRONG_TOKEN_PAUSE).await;
    }
    refusal.into_response()
}
