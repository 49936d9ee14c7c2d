//! `takeup serve`: puts the parts together, waits for a signal, and takes them apart again.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use atomic_waker::AtomicWaker;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::admin::health::Check;
use crate::admin::port;
use crate::admin::port::Admin;
use crate::api::refusal::Reason;
use crate::api::route::TEMPLATES;
use crate::bucket::{Bucket, BucketSettings};
use crate::checker::{Checker, Told};
use crate::cli::admin::reachable;
use crate::cli::{CliError, ServeArgs};
use crate::client::geo::Geo;
use crate::client::user_agent::UserAgents;
use crate::config::{Config, FirstRun, LogLevel, PROJECTS_FILE, Secret, first_run, snippet};
use crate::log::{Log, Options, Recovery};
use crate::server::conn::listen::listen;
use crate::server::conn::migration::Inbox;
use crate::server::core::heartbeat::Heartbeats;
use crate::server::core::known::Known;
use crate::server::core::live::{Live, LiveSettings};
use crate::server::core::runtime::Driver;
use crate::server::core::state::{Common, INBOX_MAX};
use crate::server::core::{cpus, limits, notices};
use crate::server::request::labels;
use crate::server::{Seat, spawn};
use crate::session::flake::FlakeIds;
use crate::session::shard;
use crate::telemetry::{CoreMetrics, Level, LogOptions, Logger, Metrics};
use crate::{checker, config, directory};

use super::lost::Lost;
use super::{ending, failures, projects, reload, retention};

/// How long the log's threads may take to end when a core has not. What was acknowledged is on disk already.
const ABANDONED_PATIENCE: Duration = Duration::from_secs(3);

/// How long the last log lines may take to be printed.
const PRINT_PATIENCE: Duration = Duration::from_secs(2);

/// Runs the server until a signal ends it.
pub fn run(args: ServeArgs, data: PathBuf) -> Result<ExitCode, CliError> {
    let began = Instant::now();
    // Before anything else: a signal that comes while the server starts is not lost.
    let signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).map_err(other)?;
    let mut sources = args.sources(&data);
    let made = first_run(&sources)?;
    let files = reload::Files::seen(&sources);
    let (loaded, lost) = Lost::at_start(&mut sources)?;
    let config = &loaded.config;
    let (driver, no_uring) = Driver::choose(config.runtime).map_err(other)?;
    let (logger, printer) = Logger::start(&log_options(config), Box::new(std::io::stdout()))
        .map_err(|error| CliError::Other(format!("the printing thread could not be started: {error}")))?;
    reload::warn(&loaded, &sources, &logger);
    lost.tell(&logger);
    lost.keep(&sources, &loaded, &logger);
    if let Some(error) = no_uring {
        let text = error.to_string();
        let fields = [("error", &*text)];
        logger.event(Level::Warn, crate::caller!(), "io_uring is not available, running on epoll", &fields);
    }
    let cpus = cpus::allowed();
    let quota = quota();
    let cores = config.cores.unwrap_or_else(|| cpus::default_cores(cpus.len(), quota));
    let connections = limits::connections(config.connections_max, cores, &logger);

    let options = retention::with_listener(log_options_of(config, cores, driver), &logger);
    let (log, recovery) = Log::open(options)?;
    report_recovery(&logger, &recovery);
    let flakes = FlakeIds::new(worker_id(config, &logger));
    // A clock that was set back must not lead to ids that are given out already.
    flakes.start_after(i64::try_from(recovery.newest_us / 1000).unwrap_or(i64::MAX));
    let listeners = listen(config.listen, usize::from(cores)).map_err(other)?;
    let listen_addr = listeners[0].local_addr().unwrap_or(config.listen);

    let (inboxes, outboxes): (Vec<_>, Vec<_>) = (0..cores).map(|_| crossbeam_channel::bounded(INBOX_MAX)).unzip();
    let projects_file = config.data.join(PROJECTS_FILE);
    let (directory, told) =
        directory::CurrentDirectory::open(&projects_file, &config.data, config.removal_grace).map_err(other)?;
    let directory = Arc::new(directory);
    let deleting = retention::start(&log, config, &directory, &logger)?;
    let heed_directory = {
        let (logger, deleting, directory) = (logger.clone(), deleting.clone(), Arc::clone(&directory));
        move |report: directory::Report| {
            if report.is_ok() {
                deleting.set_project_ages(retention::ages(&directory));
            }
            projects::report(&logger, report);
        }
    };
    if let Some(told) = told {
        projects::report(&logger, told);
    }
    let watcher = directory::watch(Arc::clone(&directory), heed_directory.clone());
    let common = Arc::new(Common {
        driver,
        connections,
        live: LiveSettings::new(Live::of(config.clone(), cores).map_err(other)?, cores),
        bucket: bucket(config, &logger),
        log: log.clone(),
        directory,
        flakes,
        agents: UserAgents::spawn(config.uaparser_file.as_deref()).map_err(other)?,
        geo: Geo::open(config.maxminddb_file.as_deref()).map_err(other)?,
        logger: logger.clone(),
        known: Known::default(),
        labels_logged: labels::Told::default(),
        inboxes,
        stopping: AtomicBool::new(false),
        stop_wakers: (0..cores).map(|_| AtomicWaker::new()).collect(),
        heartbeats: Heartbeats::new(cores),
        migrations: (0..cores).map(|_| Inbox::new(config.handovers_max, config.inflight_bytes_max)).collect(),
    });
    let metrics: Vec<Arc<CoreMetrics>> =
        (0..cores).map(|_| Arc::new(CoreMetrics::new(TEMPLATES, Reason::LABELS))).collect();
    let pinned = quota.is_none_or(|quota| quota >= cpus.len() as f64) && usize::from(cores) <= cpus.len();
    let mut seats = Vec::new();
    for (number, (listener, inbox)) in (0..cores).zip(listeners.into_iter().zip(outboxes)) {
        let (at, writer) = (usize::from(number), log.writer(number)?);
        let cpu = cpus.get(at).copied().filter(|_| pinned);
        seats.push(Seat { number, cpu, listener, writer, metrics: Arc::clone(&metrics[at]), inbox });
    }
    // All that can fail comes before the first connection is taken.
    let told = Arc::clone(&common);
    let tell = move |told_now| match told_now {
        Told::Sessions(sessions) => told.known.add(sessions),
        Told::All => told.known.finish(),
    };
    let checker = Checker::spawn(checker::Options::of(config), Box::new(tell), logger.clone()).map_err(other)?;
    let reloads = Arc::new(reload::Reloads::default());
    let metrics = reload::register(Metrics::new(metrics).logger(&logger), &reloads, &common);
    let admin = port::spawn(config.admin, admin_of(&log, metrics, &checker, &common)).map_err(other)?;
    let threads: Vec<_> = seats.into_iter().map(|seat| spawn(Arc::clone(&common), seat)).collect();
    let stopper = Arc::clone(&common);
    let (projects, graced) = (Arc::clone(&common.directory), Arc::clone(&common.directory));
    let heed = reload::Heed {
        common: Arc::clone(&common),
        deleting,
        tune_checker: Box::new(checker.tuner()),
        look_at_projects: Box::new(move || projects.refresh().map(&heed_directory).unwrap_or_default()),
        set_grace: Box::new(move |grace| graced.set_grace(grace)),
    };
    let reloader =
        reload::Reloader { heed, sources, files, seen: loaded.clone(), lost, reloads, logger: logger.clone() };
    let reloader = reloader.spawn().map_err(other)?;
    let reload = reloader.asker();
    stop_on_signals(signals, move || stopper.stop(), reload, logger.clone())?;
    announce(listen_addr, admin.addr(), &made, &common, began.elapsed());

    common.agents.wait();
    if let Some(fault) = common.agents.fault() {
        let message = "UAPARSER_FILE can't be used, the built-in expressions are";
        logger.event(Level::Error, crate::caller!(), message, &[("error", fault)]);
    }
    let ended = ending::wait(threads, &common);
    let mut parts = vec![
        ending::part(&logger, "projects", move || drop(watcher)),
        ending::part(&logger, "reload", move || drop(reloader)),
        ending::part(&logger, "checker", move || checker.stop()),
    ];
    let closing = log.clone();
    let closed = ending::log(&logger, move || match ended.all {
        true => closing.close(),
        false => closing.close_within(ABANDONED_PATIENCE),
    });
    notices::report(&log, &logger);
    parts.push(ending::part(&logger, "admin", move || admin.stop()));
    match &closed {
        Some(Ok(())) => logger.event(Level::Info, crate::caller!(), "stopped, everything is on disk", &[]),
        Some(Err(error)) => {
            let text = error.to_string();
            logger.event(Level::Error, crate::caller!(), "the log could not be closed", &[("error", &text)]);
        }
        // Said already.
        None => parts.push(None),
    }
    printer.finish(PRINT_PATIENCE);
    closed.transpose()?;
    Ok(if ended.well && parts.iter().all(Option::is_some) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn other(error: impl std::fmt::Display) -> CliError {
    CliError::Other(error.to_string())
}

fn quota() -> Option<f64> {
    let own_group = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    cpus::quota(Path::new("/sys/fs/cgroup"), &own_group)
}

pub(super) fn log_options(config: &Config) -> LogOptions {
    let level = match config.log_level {
        LogLevel::Debug => Level::Debug,
        LogLevel::Info => Level::Info,
        LogLevel::Warn => Level::Warn,
        LogLevel::Error => Level::Error,
    };
    LogOptions { level, ..LogOptions::default() }
}

pub(super) fn log_options_of(config: &Config, cores: u16, driver: Driver) -> Options {
    Options {
        dir: config.data.join("log"),
        cores,
        ack: match config.ack {
            config::Ack::Disk => crate::log::Ack::Disk,
            config::Ack::Memory => crate::log::Ack::Memory,
        },
        way: match config.writer {
            // On epoll a core has no ring to write with.
            config::Writer::Auto if driver == Driver::Legacy => crate::log::Way::Mapped,
            config::Writer::Auto => crate::log::Way::Auto,
            config::Writer::Direct => crate::log::Way::Direct,
            config::Writer::Mapped => crate::log::Way::Mapped,
        },
        segment_bytes: config.segment_bytes,
        window_bytes: config.window_bytes,
        format_ahead: config.format_ahead && config.ack == config::Ack::Disk,
        group_bytes_max: config.group_bytes_max,
        sync_interval: config.sync_interval,
        reserve_bytes: config.reserve_bytes,
        seal_age: config.seal_age,
        slow_sync: config.slow_sync,
        insist: config.insist_file_system,
        ..Options::default()
    }
}

/// The bucket for recordings of tests with users. One that can't be used is none: takeup then keeps the recordings itself.
fn bucket(config: &Config, logger: &Logger) -> Option<Bucket> {
    let settings = BucketSettings {
        cloud: &config.cloud,
        name: config.bucket_name.as_deref(),
        region: config.aws_region.as_deref(),
        endpoint: config.aws_endpoint.as_deref(),
        key_id: config.aws_access_key_id.as_deref(),
        secret_key: config.aws_secret_access_key.as_ref().map(Secret::reveal),
    };
    Bucket::open(&settings).unwrap_or_else(|error| {
        let text = error.to_string();
        let message = "the bucket is not used, recordings of tests with users go to the log";
        logger.event(Level::Warn, crate::caller!(), message, &[("error", &text)]);
        None
    })
}

/// The worker id inside session ids: the setting, else ECS's metadata, else the host's name.
fn worker_id(config: &Config, logger: &Logger) -> u16 {
    if let Some(shard) = config.shard {
        return shard;
    }
    if let Some(uri) = &config.ecs_container_metadata_uri {
        match shard::from_ecs_metadata(uri) {
            Ok(shard) => return shard,
            Err(error) => {
                let text = error.to_string();
                let message = "no worker id in the ECS metadata, the host's name gives it";
                logger.event(Level::Warn, crate::caller!(), message, &[("error", &text)]);
            }
        }
    }
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    shard::from_host_name(config.hostname.as_deref().unwrap_or(&machine))
}

fn report_recovery(logger: &Logger, recovery: &Recovery) {
    let texts = [
        recovery.segments.to_string(),
        recovery.records.to_string(),
        recovery.dropped_bytes.to_string(),
        recovery.damage.len().to_string(),
        recovery.took.as_millis().to_string(),
    ];
    let names = ["segments", "records", "dropped_bytes", "damage", "took_ms"];
    let fields: Vec<(&str, &str)> = names.into_iter().zip(texts.iter().map(String::as_str)).collect();
    if recovery.segments > 0 {
        logger.event(Level::Info, crate::caller!(), "recovered the log", &fields);
    }
    for damage in &recovery.damage {
        let text = format!(
            "{}: {} bytes from offset {}: {}",
            damage.path.display(),
            damage.bytes,
            damage.offset,
            damage.reason
        );
        logger.event(Level::Error, crate::caller!(), "the log is damaged", &[("where", &text)]);
    }
    for problem in &recovery.problems {
        let text = problem.to_string();
        logger.event(Level::Error, crate::caller!(), "recovery could not do all it should", &[("error", &text)]);
    }
    for path in &recovery.quarantined {
        let text = path.display().to_string();
        logger.event(Level::Error, crate::caller!(), "set aside", &[("path", &text)]);
    }
}

fn admin_of(log: &Log, metrics: Metrics, checker: &Checker, common: &Arc<Common>) -> Admin {
    let gauge = |log: &Log, value: fn(&crate::log::LogStats) -> u64| {
        let log = log.clone();
        move || value(&log.stats()) as f64
    };
    let mut metrics = metrics
        .gauge("takeup_log_free_bytes", "Free space on the log's file system.", gauge(log, |s| s.free_bytes))
        .gauge("takeup_log_segments_made", "Segments made ready.", gauge(log, |s| s.segments))
        .counter("takeup_log_bytes", "Bytes appended to the log.", gauge(log, |s| s.bytes))
        .counter("takeup_log_failed_segments", "Segments given up.", gauge(log, |s| s.failures))
        .counter("takeup_log_lost_records", "Records lost with failed segments.", gauge(log, |s| s.lost))
        .counter("takeup_log_restored_records", "Of these, answered ones appended again.", gauge(log, |s| s.restored))
        .counter(
            "takeup_log_late_wakes",
            "Times that a writer which nobody had woken was let go by a timer.",
            gauge(log, |s| s.late_wakes),
        )
        .counter("takeup_log_slow_syncs", "Syncs that took longer than slow_sync.", gauge(log, |s| s.slow_syncs));
    metrics = failures::register(metrics, log);
    metrics = retention::register(metrics, log);
    metrics = checker.register(metrics);
    metrics = ending::register(metrics, common);
    let (stuck, dead) = (Arc::clone(common), Arc::clone(common));
    let of_log = log.clone();
    let reopen = move || failures::reopen(&of_log);
    let log = log.clone();
    let checks = move || {
        let look = || {
            let health = log.health();
            if health.can_append { Ok(()) } else { Err(health.reason.unwrap_or_default()) }
        };
        let mut checks = vec![Check::run("log", look)];
        checks.extend(ending::checks(&stuck));
        checks.extend(failures::checks(&log));
        checks.extend(retention::check_of_clock(&log));
        checks
    };
    Admin {
        metrics: Arc::new(metrics),
        checks: Box::new(checks),
        live: Box::new(move || !dead.heartbeats.is_dead()),
        reopen: Box::new(reopen),
    }
}

/// SIGHUP has the settings read again. The first other signal drains, the second one ends at once.
fn stop_on_signals(
    mut signals: Signals,
    stop: impl Fn() + Send + 'static,
    reload: impl Fn() + Send + 'static,
    logger: Logger,
) -> Result<(), CliError> {
    let wait = move || {
        let mut stopping = false;
        for signal in signals.forever() {
            if signal == SIGHUP {
                reload();
                continue;
            }
            if stopping {
                std::process::exit(128 + signal);
            }
            stopping = true;
            logger.event(Level::Info, crate::caller!(), "stopping, a second signal ends at once", &[]);
            stop();
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(wait).map_err(other)?;
    Ok(())
}

/// Tells a person where the server is and what to paste into a page. It goes to stderr: stdout carries
/// log lines only.
fn announce(listen: SocketAddr, admin: SocketAddr, made: &FirstRun, common: &Common, took: Duration) {
    let live = common.live.current();
    let config = &live.config;
    let address = format!("http://{}", reachable(listen));
    let mut text = format!(
        "takeup {} listens on http://{listen} ({} cores, {:?}, ack = {}), ready after {} ms\n\
         metrics and health on http://{admin}, data in {}\n",
        env!("CARGO_PKG_VERSION"),
        common.inboxes.len(),
        common.driver,
        config.ack,
        took.as_millis(),
        config.data.display(),
    );
    let directory = common.directory.current();
    if let Some(key) = made.project_key.as_deref().or_else(|| directory.first_web_key()) {
        text.push_str(&format!(
            "\nproject key: {key}\npaste this into a page to record it:\n\n{}\n",
            snippet(&address, key)
        ));
    }
    // Nobody reads it, then: the server runs all the same.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
