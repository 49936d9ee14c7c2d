//! `GET /api/sessions…`: the recent sessions, and what the log has of one.

use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::base::time::wall_us;
use crate::export::clean::Assets;
use crate::sessions::{AssetsOf, Form, Out, Piece, Query, Sent, Wanted, started_ms};

use super::answer::{fault, json};
use super::assets;
use super::shown::Shown;

/// How many pieces wait for a client.
const PIECES_MAX: usize = 4;
/// How many sessions a list has, if the request does not say.
const LIMIT: usize = 100;
const LIMIT_MAX: usize = 1000;

/// The media type of lines of JSON.
const LINES: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// The recent sessions that a query asks for.
pub(in crate::admin) async fn list(State(shown): State<Arc<Shown>>, headers: HeaderMap, uri: Uri) -> Response {
    if let Err(refusal) = shown.access.admit_reader(&headers) {
        return refusal.into_response();
    }
    let query = match query_of(&uri) {
        Ok(query) => query,
        Err(text) => return fault(StatusCode::BAD_REQUEST, &text),
    };
    let sessions = shown.sessions.clone();
    match tokio::task::spawn_blocking(move || sessions.list(&query)).await {
        Ok(Ok(listed)) => json(StatusCode::OK, serde_json::to_string(&listed).unwrap_or_default() + "\n"),
        Ok(Err(error)) => fault(StatusCode::INTERNAL_SERVER_ERROR, &format!("the log cannot be followed: {error}")),
        Err(_) => fault(StatusCode::INTERNAL_SERVER_ERROR, "it could not be done, see the server's log lines"),
    }
}

/// What is known of one session. One that is not among the recent ones may still be in the log: its events tell.
pub(in crate::admin) async fn session(
    State(shown): State<Arc<Shown>>,
    Path(session): Path<String>,
    headers: HeaderMap,
) -> Response {
    if let Err(refusal) = shown.access.admit_reader(&headers) {
        return refusal.into_response();
    }
    let Ok(session) = session.parse::<u64>() else { return no_number() };
    let sessions = shown.sessions.clone();
    match tokio::task::spawn_blocking(move || sessions.get(session)).await {
        Ok(Ok(Some(report))) => json(StatusCode::OK, serde_json::to_string(&report).unwrap_or_default() + "\n"),
        Ok(Ok(None)) => json(StatusCode::OK, format!("{}\n", unknown(session))),
        Ok(Err(error)) => fault(StatusCode::INTERNAL_SERVER_ERROR, &format!("the log cannot be followed: {error}")),
        Err(_) => fault(StatusCode::INTERNAL_SERVER_ERROR, "it could not be done, see the server's log lines"),
    }
}

/// The session as events that rrweb plays; with `tab` of that tab all the time.
pub(in crate::admin) async fn events(
    State(shown): State<Arc<Shown>>,
    Path(session): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let is_on = |wanted: &str| parameters(&uri).any(|(name, value)| name == wanted && value == "1");
    let assets = match (is_on("assets"), is_on("modifiers")) {
        (true, true) => Assets::FETCHED_QUIETLY,
        (true, false) => Assets::FETCHED,
        (false, _) => Assets::WITHHELD,
    };
    let kept = is_on("kept").then(|| Arc::clone(&shown.assets));
    let assets_of: AssetsOf = Box::new(move |project| match &kept {
        Some(kept) if kept.has_some(project) => {
            assets.clone().with_kept(kept.shown(project, &assets::place_of(project)))
        }
        _ => assets.clone(),
    });
    let how = How { follow: is_on("follow"), soon: is_on("soon") };
    let tab = parameters(&uri).find(|(name, _)| name == "tab").map(|(_, tab)| tab.into_owned());
    watch(&shown, &session, &headers, Form::Events(assets_of, tab), how).await
}

/// The session in words.
pub(in crate::admin) async fn timeline(
    State(shown): State<Arc<Shown>>,
    Path(session): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let follow = parameters(&uri).any(|(name, value)| name == "follow" && value == "1");
    watch(&shown, &session, &headers, Form::Timeline, How { follow, soon: false }).await
}

/// Whether the answer goes on with what arrives later, and whether it begins before all was read.
struct How {
    follow: bool,
    soon: bool,
}

async fn watch(shown: &Shown, session: &str, headers: &HeaderMap, form: Form, how: How) -> Response {
    if let Err(refusal) = shown.access.admit_reader(headers) {
        return refusal.into_response();
    }
    let Ok(session) = session.parse::<u64>() else { return no_number() };
    let (pieces, mut answer) = mpsc::channel(PIECES_MAX);
    if let Err(refused) =
        shown.sessions.watch(Wanted { session, form, follow: how.follow, soon: how.soon }, Channel(pieces))
    {
        return fault(StatusCode::SERVICE_UNAVAILABLE, &refused.to_string());
    }
    match answer.recv().await {
        Some(Piece::Found) => {}
        Some(Piece::Missing) => {
            return fault(StatusCode::NOT_FOUND, &format!("session {session} is not in this log"));
        }
        Some(Piece::Failed(text)) => return fault(StatusCode::INTERNAL_SERVER_ERROR, &text),
        Some(Piece::Lines(_) | Piece::End) | None => {
            return fault(StatusCode::SERVICE_UNAVAILABLE, "the log changes or the server stops: try again");
        }
    }
    let lines = stream::unfold(Some(answer), |answer| async move {
        let mut answer = answer?;
        match answer.recv().await {
            Some(Piece::Lines(lines)) => Some((Ok(Bytes::from(lines)), Some(answer))),
            Some(Piece::End) => None,
            // The connection is cut, so that nobody takes the part for the whole.
            Some(Piece::Failed(text)) => Some((Err(io::Error::other(text)), None)),
            Some(Piece::Found | Piece::Missing) | None => Some((Err(io::ErrorKind::BrokenPipe.into()), None)),
        }
    });
    let head = [(header::CONTENT_TYPE, LINES), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (head, Body::from_stream(lines)).into_response()
}

/// The way of an answer to its client.
struct Channel(mpsc::Sender<Piece>);

impl Out for Channel {
    fn send(&mut self, piece: Piece) -> Sent {
        match self.0.try_send(piece) {
            Ok(()) => Sent::Done,
            Err(TrySendError::Full(piece)) => Sent::Full(piece),
            Err(TrySendError::Closed(_)) => Sent::Gone,
        }
    }

    fn is_gone(&self) -> bool {
        self.0.is_closed()
    }
}

fn parameters(uri: &Uri) -> url::form_urlencoded::Parse<'_> {
    url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
}

/// What a list's address asks for.
fn query_of(uri: &Uri) -> Result<Query, String> {
    let mut query = Query { limit: LIMIT, ..Query::default() };
    for (name, value) in parameters(uri).filter(|(_, value)| !value.is_empty()) {
        let text = || Some(value.clone().into_owned());
        let number = || value.parse::<u64>().map_err(|_| format!("{name} is a number, not {value}"));
        match &*name {
            "user" => query.user = text(),
            "page" => query.page = text(),
            "browser" => query.browser = text(),
            "country" => query.country = text(),
            "project" => {
                let id = u32::try_from(number()?).map_err(|_| format!("there is no project {value}"))?;
                query.project = Some(id);
            }
            "from" => query.from_ms = Some(number()?),
            "to" => query.to_ms = Some(number()?),
            "errors" => query.errors = value == "1",
            "live" => query.live = value == "1",
            "limit" => query.limit = usize::try_from(number()?).unwrap_or(LIMIT_MAX).clamp(1, LIMIT_MAX),
            "before" => {
                let place = value.split_once('-').and_then(|(at, id)| Some((at.parse().ok()?, id.parse().ok()?)));
                query.before = Some(place.ok_or_else(|| "before is what an earlier list said in `next`".to_owned())?);
            }
            _ => return Err(format!("there is no filter {name}")),
        }
    }
    Ok(query)
}

/// A session of which nothing is known but its number.
fn unknown(session: u64) -> serde_json::Value {
    let now_ms = wall_us() / 1000;
    let started_ms = Some(started_ms(session, now_ms)).filter(|at| *at != now_ms);
    json!({
        "session": session.to_string(), "project": null, "user": null, "browser": null, "device": null, "os": null,
        "country": null, "platform": null, "started_ms": started_ms, "last_ms": null, "live": false, "tracker": null,
        "batches": null, "bytes": null, "errors": null, "pages": [], "sampled": true,
    })
}

fn no_number() -> Response {
    fault(StatusCode::NOT_FOUND, "a session is a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_asked_for_in_the_words_of_its_address() {
        let query = query_of(&"/api/sessions?user=a%20b&project=3&live=1&limit=7&before=12-34&page=".parse().unwrap());
        let expected = Query {
            user: Some("a b".to_owned()),
            project: Some(3),
            live: true,
            limit: 7,
            before: Some((12, 34)),
            ..Query::default()
        };
        assert_eq!(query, Ok(expected));
        for wrong in ["from=yesterday", "project=99999999999", "before=12", "colour=red"] {
            assert!(query_of(&format!("/api/sessions?{wrong}").parse().unwrap()).is_err(), "{wrong}");
        }
        let many = query_of(&"/?limit=1000000".parse().unwrap()).unwrap();
        assert_eq!(many.limit, LIMIT_MAX);
    }
}
