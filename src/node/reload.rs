//! Changes of the settings while the server runs: on SIGHUP, and when a settings file has changed.
//!
//! Everything is read and checked as at the start. Any fault leaves everything as it was. Valid settings are swapped in as a whole, as far
//! as a running server can change them; a log line names those that wait for a restart. Missing values stay in force until their removal is
//! certain: see [`super::missing`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, never, select};

use crate::config::{Config, Loaded, LogLevel, LogRequests, SETTINGS, Sources, TokenSecrets, masked};
use crate::directory::POLL_INTERVAL;
use crate::log::Deleting;
use crate::server::core::common::Common;
use crate::server::core::live::Live;
use crate::telemetry::{Level, Logger, Metrics};
use crate::watched_files::{Watched, leave};

use super::missing::{FILE_BYTES_MAX, MissingSettings};
use super::options;
use super::projects::Projects;

/// How long to wait for the cores. They check ten times a second.
const CORES_PATIENCE: Duration = Duration::from_secs(2);

/// The files that settings come from, and the last state seen of each.
pub struct Files(Vec<Watched>);

impl Files {
    /// The files of `sources`, in their current state: taken before they are read, so that no change in between is missed.
    pub fn seen(sources: &Sources) -> Files {
        let paths = sources.files().into_iter().chain([TokenSecrets::path(&sources.data)]);
        let mut files: Vec<Watched> = paths.map(|path| Watched::new(&path, FILE_BYTES_MAX)).collect();
        files.iter_mut().for_each(|file| drop(file.look()));
        Files(files)
    }

    /// Whether a file has changed since the last check. If so, waits until all have settled.
    fn changed(&mut self) -> bool {
        // Every file must be checked, so this does not stop at the first change.
        self.0.iter_mut().map(Watched::look_until_still).filter(Option::is_some).count() > 0
    }

    /// How long all of them have been unchanged.
    fn rest(&self) -> Duration {
        self.0.iter().map(Watched::rest).min().unwrap_or_default()
    }
}

/// How often settings were reloaded, by outcome.
#[derive(Debug, Default)]
pub struct Reloads {
    applied: AtomicU64,
    unchanged: AtomicU64,
    refused: AtomicU64,
}

/// Adds the counters to the metrics.
pub fn register(metrics: Metrics, reloads: &Arc<Reloads>, common: &Arc<Common>) -> Metrics {
    let (reloads, common) = (Arc::clone(reloads), Arc::clone(common));
    let by_result = move || {
        let counts = [("applied", &reloads.applied), ("unchanged", &reloads.unchanged), ("refused", &reloads.refused)];
        let sample = |(result, count): (&str, &AtomicU64)| {
            (vec![("result", result.to_owned())], count.load(Ordering::Relaxed) as f64)
        };
        counts.map(sample).to_vec()
    };
    metrics
        .counters("takeup_config_reloads", "Times that the settings were read again, by what came of it.", by_result)
        .gauge("takeup_config_generation", "Which settings are in force: 1 at the start.", move || {
            common.live.version() as f64
        })
}

/// A change of what is logged, until the settings are read again.
#[derive(Debug)]
pub struct LogChange {
    /// Which requests; `None` leaves it.
    pub requests: Option<LogRequests>,
    /// The lowest level of events; `None` leaves it.
    pub level: Option<LogLevel>,
    /// Told when it is done.
    pub done: Sender<()>,
}

/// Where a change is passed on to.
pub struct Targets {
    /// The cores.
    pub common: Arc<Common>,
    /// The log's deletion.
    pub deleting: Deleting,
    /// The checker.
    pub tune_checker: Box<dyn Fn(&Config) + Send>,
    /// Changes the archive's settings.
    pub tune_archive: Box<dyn Fn(&Config) + Send + Sync>,
    /// The projects, whose file is also checked when a reload is requested.
    pub projects: Projects,
}

/// Reloads settings.
pub struct Reloader {
    /// Where a change is passed on to.
    pub targets: Targets,
    /// The sources of the settings.
    pub sources: Sources,
    /// The files among those sources.
    pub files: Files,
    /// The last valid settings.
    pub seen: Loaded,
    /// What the files lack of what is in force.
    pub missing: MissingSettings,
    /// The reload counters.
    pub reloads: Arc<Reloads>,
    /// Changes of what is logged.
    pub log_changes: Receiver<LogChange>,
    /// The logger.
    pub logger: Logger,
}

/// The reload thread. Dropping this ends it.
pub struct ReloadThread {
    ask: Sender<()>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ReloadThread {
    /// A function that requests a reload. Calling it while one is pending changes nothing.
    pub fn trigger(&self) -> impl Fn() + Send + 'static {
        let ask = self.ask.clone();
        move || {
            let _ = ask.try_send(());
        }
    }
}

impl Drop for ReloadThread {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            leave(thread);
        }
    }
}

impl Reloader {
    /// Starts the thread.
    ///
    /// # Errors
    /// The thread could not be started.
    pub fn spawn(self) -> std::io::Result<ReloadThread> {
        let (ask, asked) = bounded(1);
        let (stop, stopped) = bounded(0);
        let thread =
            std::thread::Builder::new().name("settings".to_owned()).spawn(move || self.run(&asked, &stopped))?;
        Ok(ReloadThread { ask, stop: Some(stop), thread: Some(thread) })
    }

    fn run(mut self, asked: &Receiver<()>, stopped: &Receiver<()>) {
        let mut log_changes = self.log_changes.clone();
        loop {
            select! {
                recv(stopped) -> _ => return,
                recv(asked) -> _ => {
                    self.files.changed();
                    self.read_again(true);
                    self.targets.projects.look();
                }
                recv(log_changes) -> change => match change {
                    Ok(change) => self.change_logging(change),
                    // Nobody can ask any more.
                    Err(_) => log_changes = never(),
                },
                default(POLL_INTERVAL) => {
                    let gone = self.missing.certain(self.files.rest());
                    if self.files.changed() || gone {
                        self.read_again(false);
                    }
                }
            }
        }
    }

    fn read_again(&mut self, asked_for: bool) {
        let running = self.targets.common.live.current();
        let lacking_before = self.missing.count();
        let (read, faults) = self.missing.read(&mut self.sources, &self.seen, &running.config.token_secrets);
        let config = running.config.with_live(&read.config);
        let mut contradicts = false;
        let mut faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        if faults.is_empty()
            && let Some(problem) = config.contradiction()
        {
            faults.push(format!("{problem}; all of this can be only from the next start on"));
            contradicts = true;
        }
        let live = Live::of(config, self.cores()).map_err(|error| faults.push(error.to_string()));
        let (Ok(live), true) = (live, faults.is_empty()) else {
            self.reloads.refused.fetch_add(1, Ordering::Relaxed);
            self.missing.refused(&read, contradicts);
            let message = "the settings can't be taken over, all stay as they were";
            self.logger.event(Level::Error, crate::caller!(), message, &[("error", &faults.join("; "))]);
            return;
        };
        let changed = running.config.differences(&live.config);
        let other_secrets = running.config.token_secrets != live.config.token_secrets;
        if !changed.is_empty() || other_secrets {
            self.take_over(live);
            self.reloads.applied.fetch_add(1, Ordering::Relaxed);
        } else {
            self.reloads.unchanged.fetch_add(1, Ordering::Relaxed);
        }
        self.report_changes(&running, &read, &changed);
        if other_secrets {
            let count = read.config.token_secrets.len().to_string();
            let message = "the token secrets were changed: the first signs, all verify";
            self.logger.event(Level::Info, crate::caller!(), message, &[("secrets", &count)]);
        }
        if asked_for && changed.is_empty() && !other_secrets {
            let message = "the settings were read again, nothing that a running server takes over has changed";
            self.logger.event(Level::Info, crate::caller!(), message, &[]);
        }
        self.missing.note(&read, read.config.removal_grace);
        if self.missing.count() > lacking_before {
            self.missing.report(&self.logger);
        }
        self.seen = read;
        self.missing.keep(&self.sources, &self.seen, &self.logger);
    }

    /// Changes what is logged. The settings that the files have stay known as `seen`, so the next reading puts them back into force.
    fn change_logging(&self, change: LogChange) {
        let running = self.targets.common.live.current();
        let old = &running.config;
        let config = Config {
            log_requests: change.requests.unwrap_or(old.log_requests),
            log_level: change.level.unwrap_or(old.log_level),
            ..old.clone()
        };
        let (before, after) = (options::level(old), options::level(&config));
        let words = [
            ("log_requests", old.log_requests.as_str(), config.log_requests.as_str()),
            ("log_level", old.log_level.as_str(), config.log_level.as_str()),
        ];
        // There is a secret, as before.
        let Ok(live) = Live::of(config, self.cores()) else { return };
        self.targets.common.live.replace(live);
        self.wait_for_cores();
        // The line is printed if one of both levels has it.
        self.logger.set_level(before.min(after));
        for (setting, from, to) in words.into_iter().filter(|(_, from, to)| from != to) {
            let message = "changed on the admin page, until the settings are read again";
            let fields = [("setting", setting), ("from", from), ("to", to)];
            self.logger.event(Level::Info, crate::caller!(), message, &fields);
        }
        self.logger.set_level(after);
        // Who asked may have gone.
        let _ = change.done.try_send(());
    }

    fn cores(&self) -> u16 {
        u16::try_from(self.targets.common.migrations.len()).unwrap_or(u16::MAX)
    }

    fn take_over(&self, live: Live) {
        self.logger.set_level(options::level(&live.config));
        (self.targets.tune_checker)(&live.config);
        (self.targets.tune_archive)(&live.config);
        self.targets.projects.set_grace(live.config.removal_grace);
        self.targets.common.log.clock().set_jump_max(live.config.clock_jump_max);
        self.targets.deleting.set_policy(options::retention(&live.config));
        self.targets.common.live.replace(live);
        self.wait_for_cores();
    }

    fn wait_for_cores(&self) {
        if !self.targets.common.live.wait_until_applied(CORES_PATIENCE) {
            let message = "a core has not come to the changed settings yet";
            self.logger.event(Level::Warn, crate::caller!(), message, &[]);
        }
    }

    /// Logs each setting that has changed since the last reading: the cores already use the new value.
    fn report_changes(&self, running: &Live, read: &Loaded, changed: &[&'static str]) {
        let waiting = running.config.differences(&read.config);
        for setting in SETTINGS {
            let (Some(old), Some(new)) = (self.seen.chosen(setting.name), read.chosen(setting.name)) else { continue };
            let message = match setting.live {
                true if changed.contains(&setting.name) => "a setting was changed",
                true => continue,
                false if old.text == new.text => continue,
                false if waiting.contains(&setting.name) => "a setting was changed: takes effect at the next start",
                false => "a setting is again what the server runs with",
            };
            let (from, to) = (text_in_force(setting.name, &old.text, running), masked(setting.name, &new.text));
            let place = new.origin.to_string();
            let fields = [("setting", setting.name), ("from", &from), ("to", &to), ("place", &place)];
            self.logger.event(Level::Info, crate::caller!(), message, &fields);
        }
    }
}

/// The text of a setting that was in force, and may be shown. What the admin page has changed is not what was read last.
fn text_in_force(name: &str, read: &str, running: &Live) -> String {
    match name {
        "log_requests" => running.config.log_requests.to_string(),
        "log_level" => running.config.log_level.to_string(),
        _ => masked(name, read),
    }
}

/// The remarks of a start: likely mistakes, who can read the secrets, and which of OpenReplay's variables have no effect.
pub fn warn(loaded: &Loaded, sources: &Sources, logger: &Logger) {
    for warning in &loaded.warnings {
        logger.event(Level::Warn, crate::caller!(), warning, &[]);
    }
    let from_file = loaded.old_variables.iter().all(|variable| variable.name != "TOKEN_SECRET");
    if let Some(exposed) = TokenSecrets::exposed(&TokenSecrets::path(&sources.data)).filter(|_| from_file) {
        logger.event(Level::Warn, crate::caller!(), &exposed.to_string(), &[]);
    }
    let idle: Vec<(&str, &str)> = loaded
        .old_variables
        .iter()
        .filter_map(|variable| Some((variable.name, variable.why_not.as_deref()?)))
        .collect();
    if !idle.is_empty() {
        let message = "variables of the environment that have no effect here, and why";
        logger.event(Level::Warn, crate::caller!(), message, &idle);
    }
}
