//! `POST /api/login` and `POST /api/actions/reopen`: what a page sends.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::access::Refusal;
use super::reopen;
use super::shown::Shown;

/// How long a wrong token is thought about. One at a time.
const WRONG_TOKEN_PAUSE: Duration = Duration::from_millis(500);

/// Sets the cookie for a request with the token: 204. The token comes as `Authorization: Bearer`.
pub(in crate::admin) async fn login(State(shown): State<Arc<Shown>>, headers: HeaderMap) -> Response {
    match shown.access.log_in(&headers) {
        Ok(cookie) => {
            (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie), (header::CACHE_CONTROL, "no-store".to_owned())])
                .into_response()
        }
        Err(refusal) => refuse(&shown, refusal).await,
    }
}

/// Puts cores back into use after a disk failure, as `POST /log/reopen` does for programs.
pub(in crate::admin) async fn reopen(State(shown): State<Arc<Shown>>, headers: HeaderMap) -> Response {
    match shown.access.admit_change(&headers) {
        Ok(()) => reopen::answer(shown).await,
        Err(refusal) => refuse(&shown, refusal).await,
    }
}

async fn refuse(shown: &Shown, refusal: Refusal) -> Response {
    if refusal == Refusal::Token {
        let _turn = shown.wrong_token.acquire().await;
        tokio::time::sleep(WRONG_TOKEN_PAUSE).await;
    }
    refusal.into_response()
}
