//! `GET /api/changes`: tells whoever looks at a list, or at a job, that there is something new.
//!
//! It tells so alone, in two numbers that grow, and whoever wants to know more asks for it: what is told needs no room, and it may be told late, once for many
//! changes. The numbers are atomics. While nobody follows them nothing looks at them, and who follows costs two loads every [`LOOK_PAUSE`] on the admin thread.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use super::answer::{EVENTS, fault};
use super::parameters::flags;
use super::shown::Shown;

/// How many may follow at once: the probes need connections too.
pub(in crate::admin) const FOLLOWERS_MAX: usize = 24;

/// How often to look.
const LOOK_PAUSE: Duration = Duration::from_millis(100);
/// Changes that come sooner after the last that was told are told together.
const TOLD_PAUSE: Duration = Duration::from_millis(500);
/// Something is said at least this often: a connection that is silent for longer is taken for a dead one.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// How many times there was something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counts {
    sessions: u64,
    job: u64,
}

/// One who follows.
struct Follower {
    shown: Arc<Shown>,
    /// What was told last.
    told: Option<Counts>,
    said_at: Instant,
    stopping: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
}

/// The numbers now, and each time that they have grown, as server-sent events.
pub(in crate::admin) async fn follow(State(shown): State<Arc<Shown>>, headers: HeaderMap, uri: Uri) -> Response {
    if let Err(refusal) = shown.access.admit_reader(&headers) {
        return refusal.into_response();
    }
    if let Err(wrong) = flags(&uri, []) {
        return *wrong;
    }
    let Ok(place) = Arc::clone(&shown.watchers).try_acquire_owned() else {
        let text = format!("{FOLLOWERS_MAX} pages follow what is new already, which is the most");
        return fault(StatusCode::SERVICE_UNAVAILABLE, &text);
    };
    let sessions = shown.sessions.clone();
    // The list is followed from the first question for it.
    match tokio::task::spawn_blocking(move || sessions.begin()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            return fault(StatusCode::INTERNAL_SERVER_ERROR, &format!("the log cannot be followed: {error}"));
        }
        Err(_) => return fault(StatusCode::INTERNAL_SERVER_ERROR, "it could not be done, see the server's log lines"),
    }
    let stopping = shown.stopping.clone();
    let follower = Follower { shown, told: None, said_at: Instant::now(), stopping, _place: place };
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok::<_, io::Error>(Bytes::from(event)), follower))
    });
    (EVENTS, Body::from_stream(events)).into_response()
}

impl Follower {
    fn counts(&self) -> Counts {
        Counts { sessions: self.shown.sessions.changes(), job: self.shown.jobs.changes() }
    }

    /// The next event; `None` if the port stops.
    async fn next(&mut self) -> Option<String> {
        loop {
            let counts = self.counts();
            let since = self.said_at.elapsed();
            if self.told != Some(counts) && (self.told.is_none() || since >= TOLD_PAUSE) {
                (self.told, self.said_at) = (Some(counts), Instant::now());
                return Some(format!("data: {{\"sessions\":{},\"job\":{}}}\n\n", counts.sessions, counts.job));
            }
            if since >= SILENCE_MAX {
                self.said_at = Instant::now();
                return Some(":\n\n".to_owned());
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_PAUSE) => {}
                _ = self.stopping.changed() => return None,
            }
        }
    }
}
