//! The admin port: metrics, health, couriers and the log for programs, and recent sessions and the status for a page, on a thread of its own.
//!
//! It is meant for the machine itself and the operator's network. Its connections are still limited in number and idle time, so that a
//! forgotten one cannot lock out the probes.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use tokio::sync::{Semaphore, oneshot, watch};

use crate::assets::Pages;
use crate::sessions::Sessions;
use crate::telemetry::exposition::{Exposition, Format};
use crate::telemetry::metrics::Metrics;

use super::access::{Access, AccessOptions};
use super::answer::{fault, json};
use super::courier_report::CourierReport;
use super::couriers::{self, PATH as COURIERS_PATH, measure};
use super::erasing::{self, LogUser, REREAD_PATH, SEAL_PATH, SealedSegments};
use super::guard::{Bounds, GuardedListener};
use super::health;
use super::health::Check;
use super::jobs::{Commands, Jobs};
use super::logging::{Logging, SetLogging};
use super::reopen::{self, PATH};
use super::shown::{ReopenedCore, Shown};
use super::{actions, assets, changes, login, page, recordings, status as server_status};

/// How long a stop waits for answers in progress.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

/// How long metrics and health wait for a measurement of the couriers. Whoever scrapes has limits of its own.
const MEASURE_PATIENCE: Duration = Duration::from_secs(1);

/// What the admin port shows.
pub struct Admin {
    /// The metrics of `/metrics`.
    pub metrics: Arc<Metrics>,
    /// Checks what durable work needs; the server is ready when all checks pass. Called on the admin thread at each request of `/health` and
    /// `/health/ready`; must not block.
    pub checks: Box<dyn Fn() -> Vec<Check> + Send + Sync>,
    /// Whether the process is healthy enough to keep, rather than restart. Called like `checks`, at each request of `/health/live`.
    pub live: Box<dyn Fn() -> bool + Send + Sync>,
    /// The couriers' states. Called on the admin thread; must not block.
    pub couriers: Box<dyn Fn() -> Vec<CourierReport> + Send + Sync>,
    /// Measures what couriers have not delivered, for `couriers`, `checks` and `metrics` to show. Called before them, on a thread of its own,
    /// once at a time; may take as long as the disk.
    pub measure: Box<dyn Fn() + Send + Sync>,
    /// Reopens cores whose disk has been repaired, and reports the result for each. Called on a thread of its own; may take seconds.
    pub reopen: Box<dyn Fn() -> Vec<ReopenedCore> + Send + Sync>,
    /// Seals every open segment that holds records, and reports the result for each core. Called like `reopen`.
    pub seal: Box<dyn Fn() -> Vec<SealedSegments> + Send + Sync>,
    /// Makes everybody who reads the log drop what was read and not passed, and read it again. Called like `reopen`.
    pub reread: Box<dyn Fn() -> Vec<LogUser> + Send + Sync>,
    /// How the page's actions run commands.
    pub commands: Commands,
    /// What is logged. Called on the admin thread; must not block.
    pub logging: Box<dyn Fn() -> Logging + Send + Sync>,
    /// Changes what is logged, until the settings are read again. Called like `reopen`.
    pub set_logging: SetLogging,
    /// The recent sessions.
    pub sessions: Sessions,
    /// What is kept of recorded sites, for the pages that play sessions.
    pub assets: Arc<Pages>,
    /// Who may see them.
    pub access: AccessOptions,
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").field("metrics", &self.metrics).finish_non_exhaustive()
    }
}

/// Why the admin port could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Another program is listening there.
    #[error("the admin address {addr} is in use by another program: choose another one with --admin or TAKEUP_ADMIN")]
    InUse {
        /// The requested address.
        addr: SocketAddr,
    },
    /// Any other error of the system.
    #[error("cannot listen on the admin address {addr}: {source}")]
    Listen {
        /// The requested address.
        addr: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// The admin thread could not be started.
    #[error("cannot start the admin thread: {source}")]
    Thread {
        /// The system's error.
        source: io::Error,
    },
}

/// The running admin port. Dropping it stops it.
#[derive(Debug)]
pub struct AdminHandle {
    addr: SocketAddr,
    jobs: Arc<Jobs>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl AdminHandle {
    /// The address that it listens on, with the actual port if port 0 was requested.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Ends a job of the page that is running, and lets none begin any more.
    pub fn job_stopper(&self) -> impl FnOnce() + Send + 'static {
        let jobs = Arc::clone(&self.jobs);
        move || jobs.stop()
    }

    /// Stops listening, finishes the answers in progress (for at most two seconds) and ends the thread.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.stop.take());
        self.jobs.stop();
        if let Some(thread) = self.thread.take() {
            // The panic hook has already printed any panic there; there is nothing left to do.
            let _ = thread.join();
        }
    }
}

impl Drop for AdminHandle {
    fn drop(&mut self) {
        self.end();
    }
}

/// Opens the admin port at `addr` and serves it until the handle is stopped or dropped.
pub fn spawn(addr: SocketAddr, admin: Admin) -> Result<AdminHandle, AdminError> {
    let listen = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => AdminError::InUse { addr },
        _ => AdminError::Listen { addr, source },
    };
    let listener = TcpListener::bind(addr).map_err(listen)?;
    listener.set_nonblocking(true).map_err(listen)?;
    let bound = listener.local_addr().map_err(listen)?;

    let thread = |source| AdminError::Thread { source };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().map_err(thread)?;
    let listener = {
        let _inside = runtime.enter();
        tokio::net::TcpListener::from_std(listener).map_err(listen)?
    };
    let (stop, stopped) = oneshot::channel();
    let jobs = Arc::new(Jobs::new(admin.commands.clone(), bound));
    let of_port = Arc::clone(&jobs);
    let work = move || runtime.block_on(serve(listener, bound, admin, of_port, stopped));
    let thread = std::thread::Builder::new().name("admin".into()).spawn(work).map_err(thread)?;
    Ok(AdminHandle { addr: bound, jobs, stop: Some(stop), thread: Some(thread) })
}

async fn serve(
    listener: tokio::net::TcpListener,
    bound: SocketAddr,
    admin: Admin,
    jobs: Arc<Jobs>,
    stopped: oneshot::Receiver<()>,
) {
    let (drain, draining) = oneshot::channel::<()>();
    let (stop, stopping) = watch::channel(false);
    let server = axum::serve(GuardedListener::new(listener, Bounds::ADMIN), router(bound, admin, jobs, stopping))
        .with_graceful_shutdown(async {
            // Completes on a message, or when the other end is dropped.
            let _ = draining.await;
        });
    let limit = async {
        let _ = stopped.await;
        // Nobody follows anything any more: that is no error.
        let _ = stop.send(true);
        drop(drain);
        tokio::time::sleep(STOP_PATIENCE).await;
    };
    tokio::select! {
        // axum's server never returns an error of its own: it retries accepting.
        _ = server => {}
        () = limit => {}
    }
}

fn router(bound: SocketAddr, admin: Admin, jobs: Arc<Jobs>, stopping: watch::Receiver<bool>) -> Router {
    let shown = Shown {
        page: Exposition::new(Arc::clone(&admin.metrics)),
        checks: admin.checks,
        live: admin.live,
        couriers: admin.couriers,
        measure: admin.measure,
        measuring: Arc::new(Semaphore::new(1)),
        reopen: admin.reopen,
        seal: admin.seal,
        reread: admin.reread,
        jobs,
        logging: admin.logging,
        set_logging: admin.set_logging,
        sessions: admin.sessions,
        assets: admin.assets,
        access: Access::new(bound, admin.access),
        metrics: admin.metrics,
        followers: Arc::new(Semaphore::new(server_status::FOLLOWERS_MAX)),
        watchers: Arc::new(Semaphore::new(changes::FOLLOWERS_MAX)),
        wrong_token: Semaphore::new(1),
        stopping,
    };
    Router::new()
        .route("/metrics", get(metrics))
        .route("/health", any(upstream_health))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route(COURIERS_PATH, get(couriers::couriers))
        .route(PATH, post(reopen::reopen))
        .route(SEAL_PATH, post(erasing::seal))
        .route(REREAD_PATH, post(erasing::reread))
        .route("/", get(page::index))
        .route("/page/{name}", get(page::asset))
        .route("/play/{session}", get(page::play))
        .route("/player/{name}", get(page::player_asset))
        .route("/assets/{project}", get(assets::by_url))
        .route("/assets/{project}/{id}", get(assets::by_id))
        .route("/api/sessions", get(recordings::list))
        .route("/api/sessions/{session}", get(recordings::session))
        .route("/api/sessions/{session}/events", get(recordings::events))
        .route("/api/sessions/{session}/timeline", get(recordings::timeline))
        .route("/api/status", get(server_status::once))
        .route("/api/stream", get(server_status::follow))
        .route("/api/changes", get(changes::follow))
        .route("/api/login", post(login::login))
        .route("/api/actions", get(actions::told))
        .route("/api/actions/reopen", post(actions::reopen))
        .route("/api/actions/erase", post(actions::erase))
        .route("/api/actions/retention", post(actions::retention))
        .route("/api/actions/compact", post(actions::compact))
        .route("/api/actions/cancel", post(actions::cancel))
        .route("/api/actions/log", post(actions::log))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(Arc::new(shown))
}

async fn metrics(State(shown): State<Arc<Shown>>, headers: HeaderMap) -> Response {
    measure(&shown, MEASURE_PATIENCE).await;
    let format = Format::of_accept(headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()));
    match shown.page.render(format) {
        Ok(page) => ([(header::CONTENT_TYPE, format.content_type())], page).into_response(),
        Err(error) => json(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("{{\"error\":\"the metrics cannot be rendered: {error}\"}}\n"),
        ),
    }
}

async fn live(State(shown): State<Arc<Shown>>) -> Response {
    if (shown.live)() {
        return json(StatusCode::OK, "{\"live\":true}\n".to_owned());
    }
    json(StatusCode::SERVICE_UNAVAILABLE, "{\"live\":false}\n".to_owned())
}

async fn ready(State(shown): State<Arc<Shown>>) -> Response {
    let checks = (shown.checks)();
    json(status(&checks), health::ready_json(&checks))
}

async fn upstream_health(State(shown): State<Arc<Shown>>) -> Response {
    measure(&shown, MEASURE_PATIENCE).await;
    let checks = (shown.checks)();
    let head = [(header::CONTENT_TYPE, "application/health+json"), (header::CACHE_CONTROL, "no-store")];
    (status(&checks), head, health::health_json(&checks)).into_response()
}

async fn not_found() -> Response {
    let text = "not found: this port has a page at /, /metrics, /health, /health/live, /health/ready, /couriers, /api/sessions, \
                /api/status, /api/changes, /api/actions, /log/reopen, /log/seal and /log/reread";
    fault(StatusCode::NOT_FOUND, text)
}

async fn method_not_allowed() -> Response {
    json(StatusCode::METHOD_NOT_ALLOWED, "{\"error\":\"method not allowed\"}\n".to_owned())
}

fn status(checks: &[Check]) -> StatusCode {
    if health::all_pass(checks) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

#[cfg(test)]
mod action_tests;
#[cfg(test)]
mod tests;
