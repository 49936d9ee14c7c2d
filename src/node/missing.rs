//! Tracks what the settings and secrets files lack of what is in force. A missing value stays in force until its removal is certain: a file
//! in the middle of being written lacks much, and refusing a good token ends its session.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crate::config::{Config, ConfigError, ConfigErrors, Loaded, SETTINGS, Sources, TokenSecrets, remembered};
use crate::telemetry::{Level, Logger};
use crate::watched_files::{Losses, at_rest, needed};

/// At a start, a file that looks incomplete and was changed less than this long ago is given time to be finished.
const START_REST: Duration = Duration::from_secs(5);
/// A file that keeps changing is taken as it is after this long.
const START_REST_MAX: Duration = Duration::from_secs(30);
const START_PAUSE: Duration = Duration::from_millis(100);

/// Larger than any settings or secrets file: reading a larger one reports that.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Something that is missing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Item {
    Setting(&'static str),
    Secret(Vec<u8>),
}

/// What is missing and since when, and what is certainly gone.
#[derive(Debug, Default)]
pub struct MissingSettings {
    settings: Losses<Item>,
    secrets: Losses<Item>,
    /// How many there were in all, missing or not.
    all: [usize; 2],
    gone: BTreeSet<Item>,
    needed: [Duration; 2],
    /// The token secrets in the file itself.
    in_file: TokenSecrets,
    /// The last reading was unusable, so nothing in it counts as removed.
    broken: bool,
}

impl MissingSettings {
    /// Reads settings and secrets for a start, along with whatever they lack of the last run's.
    ///
    /// # Errors
    /// Everything that is wrong, once recently changed files have come to rest.
    pub fn at_start(sources: &mut Sources) -> Result<(Loaded, MissingSettings), ConfigErrors> {
        let began = Instant::now();
        let files: Vec<PathBuf> = sources.files().into_iter().chain([TokenSecrets::path(&sources.data)]).collect();
        let known = match sources.has_secrets_file() {
            true => remembered::read_secrets(&sources.data),
            false => TokenSecrets::default(),
        };
        let before = remembered::read(sources);
        let faults = loop {
            sources.remembered.clone_from(&before);
            sources.doubt_unended = true;
            let (loaded, faults) = read(sources, &known);
            let whole = faults.is_empty() && loaded.missing.is_empty();
            let waited = began.elapsed() >= START_REST_MAX || files.iter().all(|file| at_rest(file, START_REST));
            if whole || waited {
                break faults;
            }
            thread::sleep(START_PAUSE);
        };
        // The file is at rest, so its last line is complete.
        sources.doubt_unended = false;
        let of_secrets = |fault: &ConfigError| {
            use ConfigError::{BlankSecret, CutSecret, EmptySecret};
            matches!(fault, EmptySecret { .. } | CutSecret { .. } | BlankSecret { .. })
        };
        let lost_secrets = !known.is_empty() && faults.iter().any(of_secrets);
        let (mut loaded, mut faults) = read_or_ignore_remembered(sources, &known);
        if lost_secrets {
            for fault in faults.extract_if(.., |fault| of_secrets(fault)) {
                loaded.warnings.push(format!("{fault}; until then the secrets of the last run hold"));
            }
            loaded.config.token_secrets = known.clone();
        }
        ConfigErrors::none_of(faults)?;
        let in_file = loaded.config.token_secrets.clone();
        let mut missing = MissingSettings { in_file: in_file.clone(), ..MissingSettings::default() };
        loaded.config.token_secrets = in_file.with(in_file.lacking(&known));
        missing.note(&loaded, loaded.config.removal_grace);
        Ok((loaded, missing))
    }

    /// Reads settings and secrets again. Whatever is missing but not certainly gone stays in force.
    pub fn read(
        &mut self,
        sources: &mut Sources,
        seen: &Loaded,
        in_force: &TokenSecrets,
    ) -> (Loaded, Vec<ConfigError>) {
        let gone = |item: &Item| self.gone.contains(item);
        // Between two valid readings, what is missing stays remembered.
        let mut remembered = remembered::of_files(seen);
        let missing = std::mem::take(&mut sources.remembered).into_iter();
        remembered.extend(missing.filter(|held| self.settings.keys().any(|key| *key == Item::Setting(held.name))));
        remembered.retain(|held| !gone(&Item::Setting(held.name)));
        remembered.sort_by_key(|held| held.name);
        remembered.dedup_by_key(|held| held.name);
        sources.remembered = remembered;
        sources.ignore_remembered = seen.config.removal_grace.is_zero();
        // A setting that is certainly gone but still in the last line was only in doubt because of that line.
        sources.doubt_unended =
            !sources.ignore_remembered && !self.gone.iter().any(|item| matches!(item, Item::Setting(_)));
        let (mut loaded, faults) = read(sources, in_force);
        self.broken = !faults.is_empty() && !read_ignoring_remembered(sources, in_force).1.is_empty();
        let right = |secrets: &TokenSecrets| !secrets.is_empty() && (faults.is_empty() || !secrets.is_cut(in_force));
        if right(&loaded.config.token_secrets) {
            self.in_file = loaded.config.token_secrets.clone();
        }
        let lacking = self.in_file.lacking(in_force).into_iter();
        let held = lacking.filter(|secret| !sources.ignore_remembered && !gone(&Item::Secret(secret.clone())));
        loaded.config.token_secrets = self.in_file.with(held);
        (loaded, faults)
    }

    /// What was read can't be used with what is in force. Unless values still held cause every fault, nothing counts as removed by it.
    pub fn refused(&mut self, read: &Loaded, contradicts: bool) {
        self.broken |= contradicts;
        if !self.broken {
            self.note(read, read.config.removal_grace);
        }
    }

    /// Notes what the reading lacks.
    pub fn note(&mut self, read: &Loaded, grace: Duration) {
        let now = Instant::now();
        self.gone.clear();
        self.settings.note(read.missing.iter().map(|name| Item::Setting(name)), now);
        self.secrets.note(self.in_file.lacking(&read.config.token_secrets).into_iter().map(Item::Secret), now);
        let missing = [self.settings.keys().count(), self.secrets.keys().count()];
        self.all = [remembered::of_files(read).len(), read.config.token_secrets.len()];
        self.needed = [0, 1].map(|at| needed(grace, missing[at], self.all[at]));
    }

    /// Determines what is gone, for files that have been at rest for this long.
    pub fn certain(&mut self, rest: Duration) -> bool {
        if self.broken {
            return false;
        }
        let now = Instant::now();
        let gone = [(&self.settings, self.needed[0]), (&self.secrets, self.needed[1])];
        self.gone = gone.into_iter().flat_map(|(losses, needed)| losses.certain(needed, rest, now)).collect();
        !self.gone.is_empty()
    }

    /// How many things are missing.
    pub fn count(&self) -> usize {
        self.settings.keys().count() + self.secrets.keys().count()
    }

    /// Logs what is missing.
    pub fn report(&self, logger: &Logger) {
        let named = |live: bool| {
            let names = self.settings.keys().filter_map(|item| match item {
                Item::Setting(name) if is_live(name) == live => Some(*name),
                _ => None,
            });
            names.collect::<Vec<_>>().join(" ")
        };
        let [settings, secrets] = self.needed.map(|needed| needed.as_secs().to_string());
        let (held, fixed) = (named(true), named(false));
        if !held.is_empty() {
            let message = "settings are missing from their file: they hold as before until it has stayed so";
            logger.event(Level::Warn, crate::caller!(), message, &[("settings", &held), ("seconds", &settings)]);
        }
        if !fixed.is_empty() {
            let message = "settings are missing from their file: a start takes the defaults";
            logger.event(Level::Warn, crate::caller!(), message, &[("settings", &fixed)]);
        }
        let count = self.secrets.keys().count();
        if count > 0 {
            let message = "token secrets are missing from their file: they verify until it has stayed so";
            let count = count.to_string();
            logger.event(Level::Warn, crate::caller!(), message, &[("secrets", &count), ("seconds", &secrets)]);
        }
    }

    /// Writes what the next start compares with, once nothing is missing.
    pub fn keep(&self, sources: &Sources, read: &Loaded, logger: &Logger) {
        let settings = || if self.settings.is_empty() { remembered::keep(sources, read) } else { Ok(()) };
        let secrets = || match self.secrets.is_empty() && sources.has_secrets_file() {
            true => remembered::keep_secrets(&sources.data, &self.in_file),
            false => Ok(()),
        };
        if let Err(error) = settings().and_then(|()| secrets()) {
            let message = "what the next start compares with could not be written";
            logger.event(Level::Warn, crate::caller!(), message, &[("error", &error)]);
        }
    }
}

fn is_live(name: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.name == name && setting.live)
}

/// Reads settings and secrets. Held values that conflict with new ones are dropped.
fn read_or_ignore_remembered(sources: &Sources, known: &TokenSecrets) -> (Loaded, Vec<ConfigError>) {
    let (loaded, faults) = read(sources, known);
    let (without, faults_without) = read_ignoring_remembered(sources, known);
    if faults_without.len() < faults.len() { (without, faults_without) } else { (loaded, faults) }
}

fn read_ignoring_remembered(sources: &Sources, known: &TokenSecrets) -> (Loaded, Vec<ConfigError>) {
    read(&Sources { ignore_remembered: true, ..sources.clone() }, known)
}

fn read(sources: &Sources, known: &TokenSecrets) -> (Loaded, Vec<ConfigError>) {
    let (loaded, mut faults) = Config::examine(sources);
    let path = TokenSecrets::path(&sources.data);
    let unended =
        || crate::watched_files::read(&path, FILE_BYTES_MAX).is_ok_and(|text| !crate::watched_files::is_ended(&text));
    if loaded.config.token_secrets.is_cut(known) && unended() {
        faults.push(ConfigError::CutSecret { path });
    }
    (loaded, faults)
}
