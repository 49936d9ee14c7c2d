//! Starts a server, step by step.
//!
//! The order matters. Signals are collected before anything else. Settings are read before anything depends on them, and the log is
//! recovered before anything new is written. Nothing is deleted before the ages of all projects are known. Every step that can fail comes
//! before the first connection is accepted.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use atomic_waker::AtomicWaker;

use crate::admin::port;
use crate::bucket::Bucket;
use crate::checker;
use crate::checker::Checker;
use crate::client::geo::Geo;
use crate::client::user_agent::UserAgents;
use crate::config::{Config, Sources, first_run};
use crate::log::{Log, Recovery};
use crate::server::conn::listen::listen;
use crate::server::core::common::{Common, INBOX_MAX};
use crate::server::core::heartbeat::Heartbeats;
use crate::server::core::inbox::Inbox;
use crate::server::core::label_log;
use crate::server::core::limits;
use crate::server::core::live::{Live, LiveSettings};
use crate::server::core::logged_sessions::LoggedSessions;
use crate::server::core::runtime::Driver;
use crate::server::spawn;
use crate::session::flake::FlakeIds;
use crate::session::shard;
use crate::sessions::Sessions;
use crate::telemetry::{Level, Logger, Metrics};

use super::announce::announce;
use super::archive::Archive;
#[cfg(feature = "archive")]
use super::archive_retention::ArchiveRetention;
use super::cores::Cores;
use super::missing::MissingSettings;
use super::projects::{self, Projects};
use super::running::Running;
use super::warm_up::{Found, WarmUp};
use super::{NodeError, admin_port, couriers, options, recovery, reload, retention, signals};

/// Starts a server with the settings from `sources`.
pub fn start(mut sources: Sources) -> Result<Running, NodeError> {
    let began = Instant::now();
    // Before anything else, so that a signal during the start is not lost.
    let signals = signals::collect()?;

    // Settings, and their log lines.
    let first_run = first_run(&sources)?;
    let files = reload::Files::seen(&sources);
    let (loaded, missing) = MissingSettings::at_start(&mut sources)?;
    let config = &loaded.config;
    let (driver, no_uring) = Driver::choose(config.runtime).map_err(NodeError::other)?;
    let (logger, printer) = Logger::start(&options::logger(config), Box::new(std::io::stdout()))
        .map_err(|error| NodeError::Other(format!("the printing thread could not be started: {error}")))?;
    reload::warn(&loaded, &sources, &logger);
    missing.report(&logger);
    missing.keep(&sources, &loaded, &logger);
    if let Some(error) = no_uring {
        warn(&logger, crate::caller!(), "io_uring is not available, running on epoll", &error);
    }
    let cores = Cores::of(config);
    let connections = limits::connections(config.connections_max, cores.count, &logger);

    // The log, recovered. Nothing is deleted from it yet.
    let log_options = retention::with_listener(options::log(config, cores.count, driver), &logger);
    let (log, recovered) = Log::open(log_options)?;
    recovery::report(&logger, &recovered);
    let flakes = session_ids(config, &recovered, &logger);

    // Projects, couriers and the archive. Once the ages of the first and the cursors of the others are known, so is everything that protects records, and
    // deletion starts.
    let listeners = listen(config.listen, usize::from(cores.count)).map_err(NodeError::other)?;
    let listen_addr = listeners[0].local_addr().unwrap_or(config.listen);
    let (directory, origin) = projects::open(config)?;
    let couriers = couriers::Plan::of(config)?;
    couriers.register(config, &logger)?;
    Archive::register(config, &logger)?;
    let deleting = retention::start(&log, config, &directory, &logger)?;
    let projects = Projects::new(Arc::clone(&directory), deleting.clone(), logger.clone());
    let watcher = projects.follow(origin).map_err(NodeError::other)?;

    // The cores, which are not running yet.
    let (inboxes, outboxes): (Vec<_>, Vec<_>) = (0..cores.count).map(|_| crossbeam_channel::bounded(INBOX_MAX)).unzip();
    let common = Arc::new(Common {
        driver,
        connections,
        live: LiveSettings::new(Live::of(config.clone(), cores.count).map_err(NodeError::other)?, cores.count),
        bucket: bucket(config, &logger),
        log: log.clone(),
        directory,
        flakes,
        forward_path: couriers.forward_path(log.uuid()),
        agents: UserAgents::spawn(config.uaparser_file.as_deref()).map_err(NodeError::other)?,
        geo: Geo::open(config.maxminddb_file.as_deref()).map_err(NodeError::other)?,
        logger: logger.clone(),
        logged_sessions: LoggedSessions::default(),
        labels_logged: label_log::LoggedProjects::default(),
        inboxes,
        stopping: AtomicBool::new(false),
        stop_wakers: (0..cores.count).map(|_| AtomicWaker::new()).collect(),
        heartbeats: Heartbeats::new(cores.count),
        migrations: (0..cores.count).map(|_| Inbox::new(config.handovers_max, config.inflight_bytes_max)).collect(),
    });
    let seats = cores.seats(&log, listeners, outboxes)?;

    // The side threads. Every step that can fail comes before the first connection is accepted.
    let checker_options = checker::CheckerOptions { recent: Some(log.recent()), ..checker::CheckerOptions::of(config) };
    let (checker, earlier) = Checker::spawn(checker_options, logger.clone()).map_err(NodeError::other)?;
    let told = Arc::clone(&common);
    let tell = move |found| match found {
        Found::Sessions(sessions) => told.logged_sessions.add(sessions),
        Found::All => told.logged_sessions.finish(),
    };
    let archived = config.archive.then(|| config.data.clone());
    let warm_up =
        WarmUp::spawn(config.data.join("log"), archived, tell, earlier, logger.clone()).map_err(NodeError::other)?;
    let couriers = couriers.start(&log, &logger).map_err(NodeError::other)?;
    let archive = Archive::start(config, &log, &logger).map_err(NodeError::other)?;
    let reloads = Arc::new(reload::Reloads::default());
    let metrics = Metrics::new(seats.iter().map(|seat| Arc::clone(&seat.metrics)).collect()).logger(&logger);
    let metrics = reload::register(metrics, &reloads, &common);
    #[cfg(feature = "archive")]
    let archive_retention = ArchiveRetention::start(&common).map_err(NodeError::other)?;
    #[cfg(feature = "archive")]
    let metrics = archive_retention.register(metrics);
    let sessions = Sessions::new(config.data.join("log"), Some(log.recent()));
    let (log_changes, asked_log_changes) = crossbeam_channel::bounded(1);
    let parts = admin_port::Parts {
        sources: &sources,
        log: &log,
        checker: &checker,
        couriers: &couriers,
        archive: &archive,
        common: &common,
        sessions: &sessions,
        log_changes: &log_changes,
    };
    let admin = admin_port::admin(metrics, parts);
    let admin = port::spawn(config.admin, admin).map_err(NodeError::other)?;

    // Connections are accepted from here on.
    let threads: Vec<_> = seats.into_iter().map(|seat| spawn(Arc::clone(&common), seat)).collect();

    // Changes from outside, and shutdown.
    let reloader = reload::Reloader {
        targets: reload::Targets {
            common: Arc::clone(&common),
            deleting,
            tune_checker: Box::new(checker.tuner()),
            tune_archive: archive.tuner(),
            projects,
        },
        sources,
        files,
        seen: loaded.clone(),
        missing,
        reloads,
        log_changes: asked_log_changes,
        logger: logger.clone(),
    };
    let reloader = reloader.spawn().map_err(NodeError::other)?;
    let stopper = Arc::clone(&common);
    // What it writes may take a while. The cores need time to end, too.
    let of_archive = archive.clone();
    let stop = move || {
        stopper.stop();
        of_archive.begin_stop();
    };
    signals::handle(signals, stop, reloader.trigger(), logger.clone())?;
    announce(listen_addr, admin.addr(), &first_run, &common, began.elapsed());
    Ok(Running {
        #[cfg(feature = "archive")]
        archive_retention,
        common,
        threads,
        log,
        checker,
        couriers,
        archive,
        warm_up,
        admin,
        sessions,
        watcher,
        reloader,
        logger,
        printer,
    })
}

/// Generates numbers for new sessions. A clock that was set back must not produce ids that were already issued.
fn session_ids(config: &Config, recovered: &Recovery, logger: &Logger) -> FlakeIds {
    let flakes = FlakeIds::new(worker_id(config, logger));
    flakes.start_after(i64::try_from(recovered.newest_us / 1000).unwrap_or(i64::MAX));
    flakes
}

/// The worker id in session ids: from the setting, else from ECS's metadata, else from the host name.
fn worker_id(config: &Config, logger: &Logger) -> u16 {
    if let Some(shard) = config.shard {
        return shard;
    }
    if let Some(uri) = &config.ecs_container_metadata_uri {
        match shard::from_ecs_metadata(uri) {
            Ok(shard) => return shard,
            Err(error) => {
                let message = "no worker id in the ECS metadata, the host's name gives it";
                warn(logger, crate::caller!(), message, &error);
            }
        }
    }
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    shard::from_host_name(config.hostname.as_deref().unwrap_or(&machine))
}

/// The bucket for recordings. If it can't be used, takeup keeps the recordings in its log.
fn bucket(config: &Config, logger: &Logger) -> Option<Bucket> {
    Bucket::open(&options::bucket(config)).unwrap_or_else(|error| {
        warn(logger, crate::caller!(), "the bucket is not used, recordings of usability tests go to the log", &error);
        None
    })
}

fn warn(logger: &Logger, caller: &'static str, message: &str, error: &dyn std::fmt::Display) {
    logger.event(Level::Warn, caller, message, &[("error", &error.to_string())]);
}
