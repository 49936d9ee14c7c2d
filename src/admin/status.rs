//! `GET /api/status` and `GET /api/stream`: how the server does, once or every second.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use serde_json::{Map, Value as Json};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::watch;

use crate::base::time::wall_us;
use crate::telemetry::snapshot::{Interval, Snapshot};

use super::answer::{EVENTS, fault, json};
use super::courier_report::CourierReport;
use super::couriers::measure;
use super::health::all_pass;
use super::parameters::flags;
use super::shown::Shown;

/// How many may follow the status at once: the probes need connections too.
pub(in crate::admin) const FOLLOWERS_MAX: usize = 8;

/// How long one status counts rates.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long the measurement of the couriers is waited for. It goes on for the next status.
const MEASURE_PATIENCE: Duration = Duration::from_millis(300);
/// Every so many intervals the couriers are measured, which takes the disk.
const MEASURE_EVERY: u32 = 5;

/// How the server does.
#[derive(Serialize)]
struct Status {
    /// Unix ms.
    at_ms: u64,
    version: &'static str,
    /// Whether everything works without which nothing is stored.
    ready: bool,
    /// What does not work, and what is wrong.
    faults: Vec<Fault>,
    #[serde(flatten)]
    interval: Interval,
    couriers: Vec<CourierReport>,
    /// Every number of `/metrics` that is not a core's own, by its name there.
    numbers: Map<String, Json>,
    /// Whether actions are possible: the token is set.
    actions: bool,
}

#[derive(Serialize)]
struct Fault {
    name: String,
    text: String,
    vital: bool,
}

fn status(shown: &Shown, interval: Interval) -> Status {
    let checks = (shown.checks)();
    let name = |check: &super::health::Check| match check.part.is_empty() {
        true => check.name.to_owned(),
        false => format!("{} {}", check.name, check.part),
    };
    let faults = checks
        .iter()
        .filter_map(|check| Some(Fault { name: name(check), text: check.fault.clone()?, vital: check.vital }));
    Status {
        at_ms: wall_us() / 1000,
        version: env!("CARGO_PKG_VERSION"),
        ready: all_pass(&checks),
        faults: faults.collect(),
        interval,
        couriers: (shown.couriers)(),
        numbers: shown.metrics.asked_json(),
        actions: shown.access.has_token(),
    }
}

/// The status of the last second, for which it waits.
pub(in crate::admin) async fn once(State(shown): State<Arc<Shown>>, headers: HeaderMap, uri: Uri) -> Response {
    if let Err(refusal) = shown.access.admit_reader(&headers) {
        return refusal.into_response();
    }
    if let Err(wrong) = flags(&uri, []) {
        return *wrong;
    }
    let before = shown.metrics.snapshot();
    tokio::time::sleep(INTERVAL).await;
    measure(&shown, MEASURE_PATIENCE).await;
    let interval = shown.metrics.snapshot().since(&before);
    let body = serde_json::to_string(&status(&shown, interval)).unwrap_or_default();
    json(StatusCode::OK, body + "\n")
}

/// One who follows the status.
struct Follower {
    shown: Arc<Shown>,
    before: Snapshot,
    count: u32,
    stopping: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
}

/// The status every second, as server-sent events.
pub(in crate::admin) async fn follow(State(shown): State<Arc<Shown>>, headers: HeaderMap, uri: Uri) -> Response {
    if let Err(refusal) = shown.access.admit_reader(&headers) {
        return refusal.into_response();
    }
    if let Err(wrong) = flags(&uri, []) {
        return *wrong;
    }
    let Ok(place) = Arc::clone(&shown.followers).try_acquire_owned() else {
        let text = format!("{FOLLOWERS_MAX} pages follow the status already, which is the most");
        return fault(StatusCode::SERVICE_UNAVAILABLE, &text);
    };
    let (before, stopping) = (shown.metrics.snapshot(), shown.stopping.clone());
    let follower = Follower { shown, before, count: 0, stopping, _place: place };
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(event)), follower))
    });
    (EVENTS, Body::from_stream(events)).into_response()
}

impl Follower {
    /// The next event; `None` if the port stops.
    async fn next(&mut self) -> Option<String> {
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            _ = self.stopping.changed() => return None,
        }
        if self.count.is_multiple_of(MEASURE_EVERY) {
            measure(&self.shown, MEASURE_PATIENCE).await;
        }
        self.count = self.count.wrapping_add(1);
        let now = self.shown.metrics.snapshot();
        let interval = now.since(&self.before);
        self.before = now;
        let body = serde_json::to_string(&status(&self.shown, interval)).ok()?;
        Some(format!("data: {body}\n\n"))
    }
}
