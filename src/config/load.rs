//! Merges command line, environment, file and defaults, and checks the result. It reports every fault, not only the first, so that a
//! configuration can be fixed in one pass.

use std::path::PathBuf;

use super::environment::Environment;
use super::error::{ConfigError, ConfigErrors};
use super::loaded::{Chosen, Loaded};
use super::nearest::nearest;
use super::origin::Origin;
use super::settings::{Config, SETTINGS, row_of};
use super::sources::{Remembered, Sources};
use super::token_secrets::TokenSecrets;
use super::{conflicts, file, mask, old_env, remembered};

impl Config {
    /// Reads and checks all settings and the token secrets.
    ///
    /// # Errors
    /// Every fault, and where it is.
    pub fn load(sources: &Sources) -> Result<Loaded, ConfigErrors> {
        let (loaded, faults) = Config::examine(sources);
        ConfigErrors::none_of(faults).map(|()| loaded)
    }

    /// Like [`load`](Config::load), without the token secrets.
    ///
    /// # Errors
    /// Every fault, and where it is.
    pub fn load_settings(sources: &Sources) -> Result<Loaded, ConfigErrors> {
        let (loaded, faults) = Config::examine_settings(sources);
        ConfigErrors::none_of(faults).map(|()| loaded)
    }

    /// Reads everything, and returns what is usable together with every fault.
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
        let old_variables = old_env::effects(&environment, |name| Some(chosen[row_of(name)?].origin.clone()));
        (Loaded { config, file, warnings, chosen, old_variables, missing }, faults)
    }

    /// The first conflict among these settings, wherever they come from; `None` if there is none.
    pub fn contradiction(&self) -> Option<String> {
        conflicts::find(self).into_iter().next().map(|conflict| conflict.problem)
    }
}

/// Settings in the course of being read.
struct Reading {
    config: Config,
    chosen: Vec<Chosen>,
    faults: Vec<ConfigError>,
    /// Settings whose value could not be used: a conflict with their default would mean nothing.
    unusable: Vec<usize>,
    missing: Vec<&'static str>,
    /// The setting in a last line without a line break: it may be cut off.
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
        let Some(at) = row_of(key) else {
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
        // If the folder can't be read, reading the file reports that.
        if sources.file.is_none() && matches!(path.try_exists(), Ok(false)) {
            return None;
        }
        match file::read(&path) {
            Ok(read) => {
                self.faults.extend(read.faults);
                for line in read.lines {
                    let same = |held: &Remembered| held.name == line.key && held.text == line.value;
                    let unended = sources.doubt_unended && read.unended == Some(line.line);
                    if unended && row_of(&line.key).is_some() && !sources.remembered.iter().any(same) {
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
        // A setting that takes precedence over these variables must apply even if they are invalid.
        let overridden = |name: &str| {
            let own = SETTINGS.iter().find(|setting| setting.name == name).map(|setting| setting.env_name());
            sources.options.iter().any(|(_, key, _)| key == name)
                || own.is_some_and(|own| environment.text(&own, "listen").is_some())
        };
        for (name, text, origin) in
            old_env::derived(environment, self.config.listen.port(), &overridden, &mut self.faults)
        {
            // OpenReplay has no variable for the admin port, so `HTTP_HOST` moves it only if nobody has set it.
            let chosen = row_of(name).is_some_and(|at| self.chosen[at].origin != Origin::Default);
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

    /// Keeps the remembered values of settings that are no longer set.
    fn remembered(&mut self, sources: &Sources) {
        self.faults.extend(remembered::emptied(&sources.remembered));
        for held in &sources.remembered {
            let Some(at) = row_of(held.name) else { continue };
            if self.unusable.contains(&at) || self.chosen[at].origin.rank() >= held.origin.rank() {
                continue;
            }
            if SETTINGS[at].live && !sources.ignore_remembered {
                self.apply(held.origin.clone(), held.name, &held.text);
            }
            self.missing.push(held.name);
        }
        let doubted = self.doubted.as_deref().and_then(row_of);
        if let Some(at) = doubted.filter(|&at| self.chosen[at].origin == Origin::Default) {
            self.missing.push(SETTINGS[at].name);
        }
    }

    fn conflicts(&mut self) {
        for conflict in conflicts::find(&self.config) {
            let places: Vec<usize> = conflict.settings.iter().filter_map(|name| row_of(name)).collect();
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

/// Warns of unknown `TAKEUP_` variables that resemble a setting. Others are ignored: orchestrators set names such as `TAKEUP_SERVICE_PORT`
/// by themselves.
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
