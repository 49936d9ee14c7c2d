//! `GET /api/sessions…`: the recent sessions, and what the log has of one.

use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::base::time::wall_us;
use crate::export::clean::Assets;
use crate::sessions::{AssetsOf, Form, Listed, Out, Piece, Query, Sent, Wanted, started_ms};

use super::answer::{fault, json};
use super::assets;
use super::parameters::{flag, flags, parameters};
use super::shown::Shown;

/// How many pieces wait for a client.
const PIECES_MAX: usize = 4;
/// How many sessions a list has, if the request does not say.
const LIMIT: usize = 100;
const LIMIT_MAX: usize = 1000;

/// The media type of lines of JSON.
const LINES: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// The list, and the time by the clock that all its times are of (Unix ms).
#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    listed: Listed,
    now_ms: u64,
}

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
        Ok(Ok(listed)) => {
            let answer = Answer { now_ms: wall_us() / 1000, listed };
            json(StatusCode::OK, serde_json::to_string(&answer).unwrap_or_default() + "\n")
        }
        Ok(Err(error)) => fault(StatusCode::INTERNAL_SERVER_ERROR, &format!("the log cannot be followed: {error}")),
        Err(_) => fault(StatusCode::INTERNAL_SERVER_ERROR, "it could not be done, see the server's log lines"),
    }
}

/// What is known of one session. One that is not among the recent ones may still be in the log: its events tell.
pub(in crate::admin) async fn session(
    State(shown): State<Arc<Shown>>,
    Path(session): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    if let Err(refusal) = shown.access.admit_reader(&headers) {
        return refusal.into_response();
    }
    if let Err(wrong) = flags(&uri, []) {
        return *wrong;
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
    if let Err(refusal) = shown.access.admit_reader(&headers) {
        return refusal.into_response();
    }
    let AskedEvents { how, tab, assets, modifiers, kept } = match AskedEvents::of(&uri) {
        Ok(asked) => asked,
        Err(wrong) => return fault(StatusCode::BAD_REQUEST, &wrong),
    };
    let assets = match (assets, modifiers) {
        (true, true) => Assets::FETCHED_QUIETLY,
        (true, false) => Assets::FETCHED,
        (false, _) => Assets::WITHHELD,
    };
    let kept = kept.then(|| Arc::clone(&shown.assets));
    let assets_of: AssetsOf = Box::new(move |project| match &kept {
        Some(kept) if kept.has_some(project) => {
            assets.clone().with_kept(kept.shown(project, &assets::place_of(project)))
        }
        _ => assets.clone(),
    });
    watch(&shown, &session, Form::Events(assets_of, tab), how).await
}

/// The session in words.
pub(in crate::admin) async fn timeline(
    State(shown): State<Arc<Shown>>,
    Path(session): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    if let Err(refusal) = shown.access.admit_reader(&headers) {
        return refusal.into_response();
    }
    match flags(&uri, ["follow"]) {
        Ok([follow]) => watch(&shown, &session, Form::Timeline, How { follow, soon: false, from: None }).await,
        Err(wrong) => *wrong,
    }
}

/// Whether the answer goes on with what arrives later, whether it begins before all was read, and from which moment on it has events.
struct How {
    follow: bool,
    soon: bool,
    from: Option<i64>,
}

/// How the address of the events asks for them.
struct AskedEvents {
    how: How,
    tab: Option<String>,
    assets: bool,
    modifiers: bool,
    kept: bool,
}

impl AskedEvents {
    fn of(uri: &Uri) -> Result<AskedEvents, String> {
        let asked = parameters(uri, &["follow", "soon", "assets", "modifiers", "kept", "from", "tab"])?;
        let value = |name: &str| asked.iter().find(|(asked, _)| *asked == name).map(|(_, value)| value.as_ref());
        let is_on = |name: &str| value(name).map_or(Ok(false), |value| flag(name, value));
        let from = value("from").map(|from| from.parse().map_err(|_| "from is a number of milliseconds".to_owned()));
        Ok(AskedEvents {
            how: How { follow: is_on("follow")?, soon: is_on("soon")?, from: from.transpose()? },
            tab: value("tab").map(str::to_owned),
            assets: is_on("assets")?,
            modifiers: is_on("modifiers")?,
            kept: is_on("kept")?,
        })
    }
}

async fn watch(shown: &Shown, session: &str, form: Form, how: How) -> Response {
    let Ok(session) = session.parse::<u64>() else { return no_number() };
    let (pieces, mut answer) = mpsc::channel(PIECES_MAX);
    let How { follow, soon, from } = how;
    if let Err(refused) = shown.sessions.watch(Wanted { session, form, follow, soon, from }, Channel(pieces)) {
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
            Some(Piece::Found | Piece::Missing | Piece::Failed(_)) | None => {
                Some((Err(io::Error::from(io::ErrorKind::BrokenPipe)), None))
            }
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

/// The filters of a list.
const FILTERS: [&str; 11] =
    ["user", "page", "browser", "country", "project", "from", "to", "errors", "live", "limit", "before"];

/// What a list's address asks for.
fn query_of(uri: &Uri) -> Result<Query, String> {
    let mut query = Query { limit: LIMIT, ..Query::default() };
    for (name, value) in parameters(uri, &FILTERS)? {
        let text = || Some(value.clone().into_owned());
        let number = || value.parse::<u64>().map_err(|_| format!("{name} is a number, not {value}"));
        match name {
            "user" => query.user = text(),
            "page" => query.page = text(),
            "browser" => query.browser = text(),
            "country" if value.len() == 2 && value.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
                query.country = text();
            }
            "country" => return Err(format!("country is two letters, not {value}")),
            "project" => {
                let id = u32::try_from(number()?).map_err(|_| format!("there is no project {value}"))?;
                query.project = Some(id);
            }
            "from" => query.from_ms = Some(number()?),
            "to" => query.to_ms = Some(number()?),
            "errors" => query.errors = flag(name, &value)?,
            "live" => query.live = flag(name, &value)?,
            "limit" => {
                let limit = usize::try_from(number()?).ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
                query.limit = limit.ok_or_else(|| format!("limit is from 1 to {LIMIT_MAX}, not {value}"))?;
            }
            _ => {
                let place = value.split_once('-').and_then(|(at, id)| Some((at.parse().ok()?, id.parse().ok()?)));
                query.before = Some(place.ok_or_else(|| "before is what an earlier list said in `next`".to_owned())?);
            }
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
        let wrong = [
            "from=yesterday",
            "to=-1",
            "project=99999999999",
            "before=12",
            "colour=red",
            "colour=",
            "errors=true",
            "live=yes",
            "live=on",
            "country=Germany",
            "limit=0",
            "limit=1001",
            "user=a&user=b",
        ];
        for wrong in wrong {
            assert!(query_of(&format!("/api/sessions?{wrong}").parse().unwrap()).is_err(), "{wrong}");
        }
    }
}
