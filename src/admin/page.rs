//! The admin page, and the player's page.
//!
//! Recorded texts come from strangers, so the page shows them as text alone, and its policy lets nothing run that is not from here and nothing be asked
//! of anybody else.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::player::{self, PageSource};

use super::answer::fault;
use super::shown::Shown;

const HTML: &str = "text/html; charset=utf-8";

/// The policy of the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page.
pub(in crate::admin) async fn index(State(shown): State<Arc<Shown>>, headers: HeaderMap) -> Response {
    file(&shown, &headers, HTML, include_bytes!("page/index.html"))
}

/// A file of the page.
pub(in crate::admin) async fn asset(
    State(shown): State<Arc<Shown>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    match name.as_str() {
        "page.css" => file(&shown, &headers, "text/css; charset=utf-8", include_bytes!("page/page.css")),
        "main.js" => file(&shown, &headers, SCRIPT, include_bytes!("page/main.js")),
        "filter.js" => file(&shown, &headers, SCRIPT, include_bytes!("page/filter.js")),
        "row.js" => file(&shown, &headers, SCRIPT, include_bytes!("page/row.js")),
        "show.js" => file(&shown, &headers, SCRIPT, include_bytes!("page/show.js")),
        "sessions.js" => file(&shown, &headers, SCRIPT, include_bytes!("page/sessions.js")),
        "actions.js" => file(&shown, &headers, SCRIPT, include_bytes!("page/actions.js")),
        "stream.js" => file(&shown, &headers, SCRIPT, include_bytes!("page/stream.js")),
        "timeline.js" => file(&shown, &headers, SCRIPT, include_bytes!("page/timeline.js")),
        "status.js" => file(&shown, &headers, SCRIPT, include_bytes!("page/status.js")),
        _ => fault(StatusCode::NOT_FOUND, "there is no such file"),
    }
}

/// The page that plays a session. With `assets=1` it may ask the recorded site for pictures, fonts and style sheets.
pub(in crate::admin) async fn play(
    State(shown): State<Arc<Shown>>,
    Path(session): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    // The session's number may not be guessed by a page of another site, but a link from elsewhere is as good as any.
    if let Err(refusal) = shown.access.admit_page(&headers) {
        return refusal.into_response();
    }
    let Ok(session) = session.parse::<u64>() else { return fault(StatusCode::NOT_FOUND, "a session is a number") };
    let assets = uri.query().is_some_and(|query| query.split('&').any(|part| part == "assets=1"));
    let policy = if assets { player::csp_with_assets() } else { player::csp() };
    let page = player::page(&PageSource { session, assets });
    ([(header::CONTENT_TYPE, HTML)], safe(policy), page).into_response()
}

/// A file of the player.
pub(in crate::admin) async fn player_asset(
    State(shown): State<Arc<Shown>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    match player::asset(&name) {
        Some((kind, bytes)) => file(&shown, &headers, kind, bytes),
        None => fault(StatusCode::NOT_FOUND, "there is no such file"),
    }
}

fn file(shown: &Shown, headers: &HeaderMap, kind: &'static str, bytes: &'static [u8]) -> Response {
    match shown.access.admit_page(headers) {
        Ok(()) => ([(header::CONTENT_TYPE, kind)], safe(POLICY), bytes).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// The headers of everything that a browser shows.
fn safe(policy: &'static str) -> [(HeaderName, HeaderValue); 5] {
    [
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ]
}
