//! Laying command line, environment, file and defaults over each other, and checking what comes out. It does not stop at the
//! first fault: whoever mends a configuration wants to know of all of them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::error::{ConfigError, ConfigErrors};
use super::nearest::nearest;
use super::old_env::Told;
use super::origin::Origin;
use super::remembered::Remembered;
use super::secrets::TokenSecrets;
use super::settings::{Config, SETTINGS};
use super::{CONFIG_FILE, conflicts, file, mask, old_env, remembered};

/// Where settings come from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The data folder.
    pub data: PathBuf,
    /// The file to read; `None` reads `takeup.toml` in the data folder, if there is one.
    pub file: Option<PathBuf>,
    /// The environment.
    pub environment: BTreeMap<String, OsString>,
    /// What the command line says: the option as written (`--listen`), the setting, the value.
    pub options: Vec<(String, String, String)>,
    /// What files said before. Of this, live settings hold where neither the files nor what goes before them say it any more. What a server
    /// is started with can't be let go of later on, so it does not.
    pub remembered: Vec<Remembered>,
    /// Nothing that is remembered holds.
    pub let_go: bool,
    /// A last line without an end is not believed to be whole.
    pub doubt_unended: bool,
}

/// A configuration and what the operator should hear about it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// What looks like a mistake but may not be one.
    pub warnings: Vec<String>,
    /// Where each setting comes from and how it was written there, in the order of [`SETTINGS`].
    pub chosen: Vec<Chosen>,
    /// OpenReplay's variables that are set, and what has become of them.
    pub told: Vec<Told>,
    /// Settings of [`Sources::remembered`] that are not said any more, or that are said in a last line that is not believed yet.
    pub missing: Vec<&'static str>,
}

/// The text of a setting, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// As written.
    pub text: String,
    /// Where.
    pub origin: Origin,
}

impl Sources {
    /// The data folder, and the environment of this process.
    pub fn of_process(data: &Path) -> Sources {
        let environment =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect();
        Sources { data: data.to_owned(), environment, ..Sources::default() }
    }

    /// The file of the settings: the one that was named, or the data folder's, whether it is there or not.
    pub fn settings_file(&self) -> PathBuf {
        self.file.clone().unwrap_or_else(|| self.data.join(CONFIG_FILE))
    }

    /// The files of settings and of variables, whether they are there or not.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files = vec![self.settings_file()];
        files.extend(self.environment.get("CONFIG_FILE_PATH").filter(|path| !path.is_empty()).map(PathBuf::from));
        files
    }

    /// Whether the token secrets are those of the file.
    pub fn has_secrets_file(&self) -> bool {
        Environment::of(self).even_empty("TOKEN_SECRET").is_none()
    }
}

impl Config {
    /// Reads and checks all settings and the token secrets.
    ///
    /// # Errors
    /// All that is wrong, and where.
    pub fn load(sources: &Sources) -> Result<Loaded, ConfigErrors> {
        let (loaded, faults) = Config::examine(sources);
        ConfigErrors::none_of(faults).map(|()| loaded)
    }

    /// Like [`load`](Config::load), without the token secrets.
    ///
    /// # Errors
    /// All that is wrong, and where.
    pub fn load_settings(sources: &Sources) -> Result<Loaded, ConfigErrors> {
        let (loaded, faults) = Config::examine_settings(sources);
        ConfigErrors::none_of(faults).map(|()| loaded)
    }

    /// Reads everything, and gives what can be used of it with all that is wrong.
    pub fn examine(sources: &Sources) -> (Loaded, Vec<ConfigError>) {
        let (mut loaded, mut faults) = Config::examine_settings(sources);
        match TokenSecrets::find(sources) {
            Ok(secrets) => loaded.config.token_secrets = secrets,
            Err(fault) => faults.push(fault),
        }
        (loaded, faults)
    }

    /// Like [`examine`](Config::examine), without the token secrets.
    pub fn examine_settings(sources: &Sources) -> (Loaded, Vec<ConfigError>) {
        let mut environment = Environment::of(sources);
        let mut warnings = warnings(sources);
        warnings.append(&mut environment.warnings);
        let mut reading = Reading::new(sources);
        reading.faults.append(&mut environment.faults);
        let file = reading.file(sources);
        reading.environment(&environment, sources);
        for (option, key, value) in &sources.options {
            reading.apply(Origin::Option(option.clone()), key, value);
        }
        reading.remembered(sources);
        reading.conflicts();
        let Reading { config, chosen, faults, missing, .. } = reading;
        let told = old_env::tell(&environment, |name| Some(chosen[place(name)?].origin.clone()));
        (Loaded { config, file, warnings, chosen, told, missing }, faults)
    }

    /// What can't be in these settings, whatever their origin. `None`: nothing.
    pub fn contradiction(&self) -> Option<String> {
        conflicts::find(self).into_iter().next().map(|conflict| conflict.problem)
    }
}

impl Loaded {
    /// How a setting was written, and where.
    pub fn chosen(&self, name: &str) -> Option<&Chosen> {
        self.chosen.get(place(name)?)
    }
}

/// The row of a setting.
fn place(name: &str) -> Option<usize> {
    SETTINGS.iter().position(|setting| setting.name == name)
}

/// Settings in the making.
struct Reading {
    config: Config,
    chosen: Vec<Chosen>,
    faults: Vec<ConfigError>,
    /// Rows whose value could not be used somewhere: what conflicts with their defaults means nothing.
    unusable: Vec<usize>,
    missing: Vec<&'static str>,
    /// The setting of a last line that is not believed yet.
    doubted: Option<String>,
}

impl Reading {
    fn new(sources: &Sources) -> Reading {
        let default = |text: &str| Chosen { text: text.to_owned(), origin: Origin::Default };
        Reading {
            config: Config::defaults(sources.data.clone()),
            chosen: SETTINGS.iter().map(|setting| default(setting.default)).collect(),
            faults: Vec::new(),
            unusable: Vec::new(),
            missing: Vec::new(),
            doubted: None,
        }
    }

    fn apply(&mut self, origin: Origin, key: &str, value: &str) {
        let Some(at) = place(key) else {
            let nearest = nearest(key, SETTINGS.iter().map(|setting| setting.name));
            return self.faults.push(ConfigError::Unknown { origin, key: key.to_owned(), nearest });
        };
        match self.config.set(key, value) {
            Some(Err(problem)) => {
                self.unusable.push(at);
                self.faults.push(ConfigError::Invalid {
                    origin,
                    key: key.to_owned(),
                    value: mask::masked(key, value),
                    problem,
                });
            }
            _ => self.chosen[at] = Chosen { text: value.to_owned(), origin },
        }
    }

    fn file(&mut self, sources: &Sources) -> Option<PathBuf> {
        let path = sources.settings_file();
        // A folder that can't be looked into is an error of its own, which reading the file reports.
        if sources.file.is_none() && matches!(path.try_exists(), Ok(false)) {
            return None;
        }
        match file::read(&path) {
            Ok(read) => {
                self.faults.extend(read.faults);
                for line in read.lines {
                    let same = |held: &Remembered| held.name == line.key && held.text == line.value;
                    let unended = sources.doubt_unended && read.unended == Some(line.line);
                    if unended && place(&line.key).is_some() && !sources.remembered.iter().any(same) {
                        self.doubted = Some(line.key);
                        continue;
                    }
                    let origin = Origin::File { path: path.clone(), line: line.line };
                    self.apply(origin, &line.key, &line.value);
                }
            }
            Err(fault) => self.faults.push(fault),
        }
        Some(path)
    }

    fn environment(&mut self, environment: &Environment, sources: &Sources) {
        // What goes before these variables anyway must not stand or fall with them.
        let overridden = |name: &str| {
            let own = SETTINGS.iter().find(|setting| setting.name == name).map(|setting| setting.env_name());
            sources.options.iter().any(|(_, key, _)| key == name)
                || own.is_some_and(|own| environment.text(&own, "listen").is_some())
        };
        for (name, text, origin) in
            old_env::derived(environment, self.config.listen.port(), &overridden, &mut self.faults)
        {
            // Nothing names the admin port there: it follows the other one only where nobody has chosen either.
            let chosen = place(name).is_some_and(|at| self.chosen[at].origin != Origin::Default);
            if overridden(name) || name == "admin" && (chosen || overridden("listen")) {
                continue;
            }
            self.apply(origin, name, &text);
        }
        for setting in SETTINGS {
            let own = environment.text(&setting.env_name(), setting.name);
            let found = own.or_else(|| environment.text(setting.also?, setting.name));
            match found {
                Some(Ok((text, origin))) => self.apply(origin.clone(), setting.name, text),
                Some(Err(fault)) => self.faults.push(fault),
                None => {}
            }
        }
    }

    /// Lets hold what was said before and is not said any more.
    fn remembered(&mut self, sources: &Sources) {
        self.faults.extend(remembered::emptied(&sources.remembered));
        for held in &sources.remembered {
            let Some(at) = place(held.name) else { continue };
            if self.unusable.contains(&at) || self.chosen[at].origin.rank() >= held.origin.rank() {
                continue;
            }
            if SETTINGS[at].live && !sources.let_go {
                self.apply(held.origin.clone(), held.name, &held.text);
            }
            self.missing.push(held.name);
        }
        let doubted = self.doubted.as_deref().and_then(place);
        if let Some(at) = doubted.filter(|&at| self.chosen[at].origin == Origin::Default) {
            self.missing.push(SETTINGS[at].name);
        }
    }

    fn conflicts(&mut self) {
        for conflict in conflicts::find(&self.config) {
            let places: Vec<usize> = conflict.settings.iter().filter_map(|name| place(name)).collect();
            if places.iter().any(|at| self.unusable.contains(at)) {
                continue;
            }
            let origins = places.iter().map(|&at| &self.chosen[at].origin).filter(|&origin| *origin != Origin::Default);
            let mut origins: Vec<String> = origins.map(Origin::to_string).collect();
            origins.dedup();
            let mut origin = origins.join(" and ");
            if !origin.is_empty() {
                origin.push_str(": ");
            }
            self.faults.push(ConfigError::Conflict { origin, problem: conflict.problem });
        }
    }
}

/// Our own variables that no setting has, if they look like one that exists. Others with our prefix are let be: an
/// orchestrator makes names such as `TAKEUP_SERVICE_PORT` by itself.
fn warnings(sources: &Sources) -> Vec<String> {
    const NOT_SETTINGS: [&str; 2] = ["TAKEUP_DATA", "TAKEUP_CONFIG"];
    let mut warnings = Vec::new();
    for name in sources.environment.keys() {
        let Some(key) = name.strip_prefix("TAKEUP_") else { continue };
        let key = key.to_ascii_lowercase();
        if NOT_SETTINGS.contains(&name.as_str()) || SETTINGS.iter().any(|setting| setting.name == key) {
            continue;
        }
        let close = SETTINGS.iter().find(|setting| strsim::damerau_levenshtein(&key, setting.name) <= 2);
        if let Some(setting) = close {
            warnings.push(format!("environment variable {name} is not read; did you mean {}?", setting.env_name()));
        }
    }
    warnings
}
