//! Projects in a running server: what changes with them, and their log lines.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::admin::health::Check;
use crate::config::{Config, PROJECTS_FILE};
use crate::directory::{self, CurrentDirectory, LeftOut, News, Questions, Report, Standing, Trouble, Watcher};
use crate::log::Deleting;
use crate::postgres::PostgresUrl;
use crate::telemetry::{Level, Logger, Metrics, Sample};

use super::{NodeError, retention};

/// The most projects that one line names.
const NAMED_MAX: usize = 20;

/// Where projects come from, at a start.
pub enum Origin {
    /// `projects.toml`; with what to report.
    File(Option<Report>),
    /// Postgres.
    Database(Box<Database>),
}

/// How projects are read from Postgres.
pub struct Database {
    url: PostgresUrl,
    interval: Duration,
    /// Why the last snapshot can't be used.
    kept_fault: Option<String>,
    /// There is a `projects.toml`, too.
    has_file: bool,
}

/// Reads the projects for a start: from the file, or those that Postgres had when it was last read.
///
/// # Errors
/// The file holds none, the setting can't be used, or the projects' retention ages can't be read.
pub fn open(config: &Config) -> Result<(Arc<CurrentDirectory>, Origin), NodeError> {
    let file = config.data.join(PROJECTS_FILE);
    let Some(text) = &config.postgres_string else {
        let (directory, found) =
            CurrentDirectory::open(&file, &config.data, config.removal_grace).map_err(NodeError::other)?;
        return Ok((Arc::new(directory), Origin::File(found)));
    };
    let url = PostgresUrl::parse(text.reveal(), Some(&config.service_name))
        .map_err(|error| NodeError::Other(format!("postgres_string: {error}")))?;
    let (directory, kept_fault) =
        CurrentDirectory::of_database(&config.data, config.removal_grace).map_err(NodeError::other)?;
    let database = Database { url, interval: config.postgres_refresh, kept_fault, has_file: file.exists() };
    Ok((Arc::new(directory), Origin::Database(Box::new(database))))
}

/// The projects, and the parts that must know when they change.
#[derive(Clone)]
pub struct Projects {
    directory: Arc<CurrentDirectory>,
    deleting: Deleting,
    logger: Logger,
}

impl Projects {
    /// The projects of `directory`; their ages are passed to `deleting`.
    pub fn new(directory: Arc<CurrentDirectory>, deleting: Deleting, logger: Logger) -> Self {
        Self { directory, deleting, logger }
    }

    /// Reports what was found at start-up, and starts the thread that keeps the projects up to date.
    ///
    /// # Errors
    /// Without that thread no projects would ever be read from Postgres.
    pub fn follow(&self, origin: Origin) -> io::Result<Watcher> {
        let projects = self.clone();
        match origin {
            Origin::File(found) => {
                if let Some(found) = found {
                    report(&self.logger, found);
                }
                Ok(directory::watch(Arc::clone(&self.directory), move |found| projects.changed(found)))
            }
            Origin::Database(database) => {
                database.report(&self.directory, &self.logger);
                let tell = move |news| projects.tell(news);
                directory::follow(Arc::clone(&self.directory), database.url, database.interval, tell)
            }
        }
    }

    /// Checks the file now, or reads from Postgres soon.
    pub fn look(&self) {
        if let Some(found) = self.directory.refresh() {
            self.changed(found);
        }
    }

    /// How long something has to be missing before it is dropped.
    pub fn set_grace(&self, grace: Duration) {
        self.directory.set_grace(grace);
    }

    fn changed(&self, found: Report) {
        if found.is_ok() {
            self.deleting.set_project_ages(retention::ages(&self.directory));
        }
        report(&self.logger, found);
    }
}

impl Projects {
    fn tell(&self, news: News) {
        let log = |level, message: &str, fields: &[(&str, &str)]| {
            self.logger.event(level, crate::caller!(), message, fields);
        };
        match news {
            News::Projects(found) => self.changed(found),
            News::Fault(error, hint) if self.directory.database().is_some_and(|(_, standing)| standing.is_known()) => {
                let message = "projects can't be read from Postgres, the last ones are served";
                log(Level::Warn, message, &[("error", &error), ("hint", hint)]);
            }
            News::Fault(error, hint) => {
                let message = "projects can't be read from Postgres and none are known yet: starts are answered 503";
                log(Level::Error, message, &[("error", &error), ("hint", hint)]);
            }
            News::Back(after) => {
                let seconds = after.as_secs().to_string();
                log(Level::Info, "projects are read from Postgres again", &[("after_seconds", &seconds)]);
            }
            News::LeftOut(rows) if rows.is_empty() => log(Level::Info, "all rows of projects can be used again", &[]),
            News::LeftOut(rows) => {
                let row = |row: &LeftOut| format!("{} {}: {}", row.table, row.number, row.fault);
                let mut named = rows.iter().take(NAMED_MAX).map(row).collect::<Vec<_>>().join("; ");
                if rows.len() > NAMED_MAX {
                    let _ = write!(named, " and {} more", rows.len() - NAMED_MAX);
                }
                log(Level::Warn, "rows in Postgres can't be used and are left out", &[("rows", &named)]);
            }
        }
    }
}

impl Database {
    fn report(&self, directory: &CurrentDirectory, logger: &Logger) {
        let url = self.url.to_string();
        let known = directory.current().projects().len().to_string();
        let fields = [("postgres", &*url), ("projects_from_last_time", &*known)];
        logger.event(Level::Info, crate::caller!(), "projects come from Postgres", &fields);
        if self.has_file {
            let message = "projects.toml is not used, because postgres_string is set: move it away";
            logger.event(Level::Warn, crate::caller!(), message, &[]);
        }
        if let Some(error) = &self.kept_fault {
            let message = "the projects that Postgres had last time can't be read, they are not used";
            logger.event(Level::Warn, crate::caller!(), message, &[("error", error)]);
        }
        if !self.url.ignored().is_empty() {
            let ignored = self.url.ignored().join(" ");
            let message = "parameters of postgres_string have no effect";
            logger.event(Level::Info, crate::caller!(), message, &[("parameters", &ignored)]);
        }
    }
}

/// The state of the projects, if they come from Postgres. While none are known, no start can be answered.
pub fn check(directory: &CurrentDirectory) -> Option<Check> {
    let (_, standing) = directory.database()?;
    let fault = standing.trouble().map(|Trouble { code, text, hint, since }| {
        format!("{code} for {} s: {text}; {hint}", since.elapsed().as_secs())
    });
    let fault = fault.or_else(|| (!standing.is_known()).then(|| "no projects are known yet".to_owned()));
    let fault = fault.or_else(|| match standing.left_out() {
        0 => None,
        rows => Some(format!("{rows} rows in Postgres can't be used, the log names them")),
    });
    Some(Check { vital: !standing.is_known(), ..Check::of_part("projects", String::new(), fault) })
}

/// Adds the metrics of projects that come from Postgres.
pub fn register(metrics: Metrics, directory: &Arc<CurrentDirectory>) -> Metrics {
    let of = |value: fn(&Questions, &Standing) -> f64| {
        let directory = Arc::clone(directory);
        move || directory.database().map_or(0.0, |(questions, standing)| value(questions, standing))
    };
    let trouble = {
        let directory = Arc::clone(directory);
        move || -> Vec<Sample> {
            let trouble = directory.database().and_then(|(_, standing)| standing.trouble());
            let sample =
                |trouble: Trouble| (vec![("kind", trouble.code.to_owned())], trouble.since.elapsed().as_secs_f64());
            trouble.into_iter().map(sample).collect()
        }
    };
    metrics
        .gauge(
            "takeup_projects_age_seconds",
            "Seconds since projects were read from Postgres.",
            of(|_, standing| standing.age().map_or(f64::NAN, |age| age.as_secs_f64())),
        )
        .gauges("takeup_projects_trouble_seconds", "For how long they can't be read.", trouble)
        .gauge(
            "takeup_projects_left_out_rows",
            "Rows that can't be used.",
            of(|_, standing| standing.left_out() as f64),
        )
        .counter("takeup_projects_readings", "Readings from Postgres.", of(|_, standing| standing.counts().0 as f64))
        .counter("takeup_projects_read_failures", "Those that failed.", of(|_, standing| standing.counts().1 as f64))
        .counter(
            "takeup_projects_looked_up",
            "Unknown projects that requests named and that were looked up.",
            of(|questions, _| questions.counts().0 as f64),
        )
        .counter(
            "takeup_projects_not_looked_up",
            "Unknown projects that were not, because too many others were.",
            of(|questions, _| questions.counts().1 as f64),
        )
}

/// Reports the outcome of a check of the projects file, or of a reading of Postgres.
fn report(logger: &Logger, report: Report) {
    let taken = match report {
        Ok(taken) => taken,
        Err(error) => {
            let text = error.to_string();
            let message = "the file of projects is broken, the old projects stay";
            return logger.event(Level::Error, crate::caller!(), message, &[("error", &text)]);
        }
    };
    if taken.projects > 0 || !taken.removed.is_empty() {
        let text = taken.projects.to_string();
        logger.event(Level::Info, crate::caller!(), "projects loaded", &[("projects", &text)]);
    }
    let seconds = taken.needed.as_secs().to_string();
    let lines = [
        (&taken.missing, "projects are missing where they come from: they are served as before until it has stayed so"),
        (&taken.incomplete, "projects have lost lines or rows: what these said holds until it has stayed so"),
    ];
    for (ids, message) in lines.into_iter().filter(|(ids, _)| !ids.is_empty()) {
        let fields = [("projects", &*listed(ids)), ("seconds", &*seconds)];
        logger.event(Level::Warn, crate::caller!(), message, &fields);
    }
    if !taken.removed.is_empty() {
        let message = "projects were removed";
        logger.event(Level::Warn, crate::caller!(), message, &[("projects", &listed(&taken.removed))]);
    }
    if let Some(error) = &taken.not_kept {
        let message = "what the next start compares with could not be written";
        logger.event(Level::Warn, crate::caller!(), message, &[("error", error)]);
    }
}

fn listed(ids: &[u32]) -> String {
    let named: Vec<String> = ids.iter().take(NAMED_MAX).map(u32::to_string).collect();
    let mut text = named.join(" ");
    if ids.len() > NAMED_MAX {
        let _ = write!(text, " and {} more", ids.len() - NAMED_MAX);
    }
    text
}
