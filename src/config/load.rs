//! Laying command line, environment, file and defaults over each other, and checking what comes out.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::ConfigError;
use super::modes::Unusable;
use super::nearest::nearest;
use super::secrets::TokenSecrets;
use super::settings::{Config, SETTINGS};
use super::{CONFIG_FILE, buffers, file};

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
}

impl Sources {
    /// The data folder, and the environment of this process.
    pub fn of_process(data: &Path) -> Sources {
        let environment =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect();
        Sources { data: data.to_owned(), environment, ..Sources::default() }
    }

    /// A variable that is set and not empty.
    fn variable(&self, name: &str) -> Option<&OsString> {
        self.environment.get(name).filter(|value| !value.is_empty())
    }
}

impl Config {
    /// Reads and checks all settings and the token secrets.
    ///
    /// # Errors
    /// What is wrong, and where; the first fault found.
    pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
        let mut loaded = Config::load_settings(sources)?;
        loaded.config.token_secrets = TokenSecrets::find(sources)?;
        Ok(loaded)
    }

    /// Like [`load`](Config::load), without the token secrets.
    pub fn load_settings(sources: &Sources) -> Result<Loaded, ConfigError> {
        let mut config = Config::defaults(sources.data.clone());
        let file = apply_file(&mut config, sources)?;
        apply_environment(&mut config, sources)?;
        for (option, key, value) in &sources.options {
            apply(&mut config, option, key, value)?;
        }
        check(&config)?;
        Ok(Loaded { config, file, warnings: warnings(sources) })
    }
}

fn apply(config: &mut Config, origin: &str, key: &str, value: &str) -> Result<(), ConfigError> {
    match config.set(key, value) {
        Some(Ok(())) => Ok(()),
        Some(Err(problem)) => Err(ConfigError::Invalid {
            origin: origin.to_owned(),
            key: key.to_owned(),
            value: value.to_owned(),
            problem,
        }),
        None => Err(ConfigError::Unknown {
            origin: origin.to_owned(),
            key: key.to_owned(),
            nearest: nearest(key, SETTINGS.iter().map(|setting| setting.name)),
        }),
    }
}

fn apply_file(config: &mut Config, sources: &Sources) -> Result<Option<PathBuf>, ConfigError> {
    let path = match &sources.file {
        Some(path) => path.clone(),
        None => {
            let path = sources.data.join(CONFIG_FILE);
            // A folder that can't be looked into is an error of its own, which reading the file reports.
            if matches!(path.try_exists(), Ok(false)) {
                return Ok(None);
            }
            path
        }
    };
    for line in file::read(&path)? {
        apply(config, &format!("{}:{}", path.display(), line.line), &line.key, &line.value)?;
    }
    Ok(Some(path))
}

fn apply_environment(config: &mut Config, sources: &Sources) -> Result<(), ConfigError> {
    apply_upstream_address(config, sources)?;
    for setting in SETTINGS {
        let name = setting.env_name();
        let found = match (sources.variable(&name), setting.also) {
            (Some(value), _) => Some((name, value)),
            (None, Some(also)) => sources.variable(also).map(|value| (also.to_owned(), value)),
            (None, None) => None,
        };
        let Some((name, value)) = found else { continue };
        let origin = format!("environment variable {name}");
        let Some(text) = value.to_str() else {
            return Err(ConfigError::Invalid {
                origin,
                key: setting.name.to_owned(),
                value: value.to_string_lossy().into_owned(),
                problem: "this is not UTF-8".to_owned(),
            });
        };
        apply(config, &origin, setting.name, text)?;
    }
    Ok(())
}

/// OpenReplay's `HTTP_HOST` (empty: every address) and `HTTP_PORT`, which together are our `listen`.
fn apply_upstream_address(config: &mut Config, sources: &Sources) -> Result<(), ConfigError> {
    let (host, port) = (sources.variable("HTTP_HOST"), sources.variable("HTTP_PORT"));
    if host.is_none() && port.is_none() {
        return Ok(());
    }
    let text = |value: &OsString| value.to_string_lossy().into_owned();
    let host = host.map_or_else(|| "0.0.0.0".to_owned(), text);
    let port = port.map_or_else(|| config.listen.port().to_string(), text);
    // An IPv6 address has colons of its own.
    let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host };
    apply(config, "environment variables HTTP_HOST and HTTP_PORT", "listen", &format!("{host}:{port}"))
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

/// Bytes of a group that only starts may use, and room for headers: a batch must fit beside them.
const GROUP_OVERHEAD_BYTES: u64 = 256 * 1024 + 16 * 1024;

/// Where a record's end still fits the log format's 32 bits of 64-byte units.
const SEGMENT_BYTES_MAX: u64 = 4 << 30;

fn check(config: &Config) -> Result<(), ConfigError> {
    let conflict = |text: String| Err(ConfigError::Conflict(text));

    if config.listen == config.admin && config.listen.port() != 0 {
        return conflict(format!("listen and admin are both {}: give them different ports", config.listen));
    }
    if config.cores == Some(0) {
        return conflict("cores = 0: at least one is needed; \"auto\" follows the machine".to_owned());
    }
    if !(1..=100).contains(&config.check_budget_percent) {
        return conflict(format!("check_budget_percent = {}: expected 1 to 100", config.check_budget_percent));
    }
    if !(1..=65_536).contains(&config.handovers_max) {
        return conflict(format!("handovers_max = {}: expected 1 to 65536", config.handovers_max));
    }
    if !(1..=1 << 24).contains(&config.limit_entries_max) {
        return conflict(format!("limit_entries_max = {}: expected 1 to 16777216", config.limit_entries_max));
    }
    if !(1..=100).contains(&config.project_share_percent) {
        return conflict(format!("project_share_percent = {}: expected 1 to 100", config.project_share_percent));
    }
    if config.canvas_fps > 60 {
        return conflict(format!("canvas_fps = {}: expected 0 to 60", config.canvas_fps));
    }
    for (name, value) in [
        ("log_sample", u64::from(config.log_sample)),
        ("connections_max", config.connections_max as u64),
        ("json_size_limit", config.json_size_limit),
        ("json_inflated_limit", config.json_inflated_limit),
        ("beacon_size_limit", config.beacon_size_limit),
        ("body_inflated_limit", config.body_inflated_limit),
        ("recording_size_limit", config.recording_size_limit),
        ("unusable_size_limit", config.unusable_size_limit),
        ("unusable_bytes_max", config.unusable_bytes_max),
        ("group_bytes_max", config.group_bytes_max),
        ("file_size_limit", config.file_size_limit),
        ("upload_inflated_limit", config.upload_inflated_limit),
        ("frame_size_limit", config.frame_size_limit),
        ("upload_parts_max", config.upload_parts_max),
        ("part_head_limit", config.part_head_limit),
        ("queue_message_size_limit", config.queue_message_size_limit),
    ] {
        if value == 0 {
            return conflict(format!("{name} = 0: it must be at least 1"));
        }
    }
    for (name, value) in [
        ("idle_timeout", config.idle_timeout),
        ("head_timeout", config.head_timeout),
        ("sync_interval", config.sync_interval),
        ("seal_age", config.seal_age),
    ] {
        if value < Duration::from_millis(1) {
            return conflict(format!("{name} is {value:?}: it must be at least 1ms"));
        }
    }
    if config.unusable == Unusable::Keep && config.unusable_size_limit > config.batch_bytes_max() {
        return conflict(format!(
            "unusable_size_limit = {}: the log takes no batch above {} (see group_bytes_max and inflight_bytes_max)",
            config.unusable_size_limit,
            config.batch_bytes_max()
        ));
    }
    check_sizes(config)
}

impl Config {
    /// The largest batch that the log takes, whatever a project is allowed.
    pub fn batch_bytes_max(&self) -> u64 {
        let buffered = buffers::body_within(self.inflight_bytes_max as u64);
        self.group_bytes_max.saturating_sub(GROUP_OVERHEAD_BYTES).min(buffered)
    }

    /// The largest picture: a record must hold it.
    pub fn frame_bytes_max(&self) -> u64 {
        self.frame_size_limit.min(self.group_bytes_max.saturating_sub(GROUP_OVERHEAD_BYTES))
    }

    /// The largest queue message that is aimed at: a record holds what one carries.
    pub fn message_bytes_max(&self) -> u64 {
        self.queue_message_size_limit.min(self.group_bytes_max.saturating_sub(GROUP_OVERHEAD_BYTES))
    }

    /// What an upload may hold in memory, unpacked.
    pub fn upload_bytes_max(&self) -> u64 {
        self.upload_inflated_limit.min(self.inflight_bytes_max as u64 / 2)
    }
}

/// The sizes that must fit into each other.
fn check_sizes(config: &Config) -> Result<(), ConfigError> {
    let conflict = |text: String| Err(ConfigError::Conflict(text));
    let Config { segment_bytes, window_bytes, group_bytes_max, .. } = *config;
    for (name, bytes) in [("segment_bytes", segment_bytes), ("window_bytes", window_bytes)] {
        if bytes == 0 || bytes % 4096 != 0 {
            return conflict(format!("{name} = {bytes}: expected a multiple of 4096"));
        }
    }
    if segment_bytes > SEGMENT_BYTES_MAX {
        return conflict(format!("segment_bytes = {segment_bytes}: at most {SEGMENT_BYTES_MAX} (4GiB)"));
    }
    if config.retain_step_bytes < 4096 {
        return conflict(format!("retain_step_bytes = {}: it must be at least 4096", config.retain_step_bytes));
    }
    if window_bytes >= segment_bytes {
        return conflict(format!(
            "window_bytes = {window_bytes} must be smaller than segment_bytes = {segment_bytes}: it slides inside one"
        ));
    }
    if group_bytes_max > window_bytes {
        return conflict(format!(
            "group_bytes_max = {group_bytes_max} must not be above window_bytes = {window_bytes}: a group lies within it"
        ));
    }
    for (name, limit) in [("beacon_size_limit", config.beacon_size_limit), ("json_size_limit", config.json_size_limit)]
    {
        if limit.saturating_add(GROUP_OVERHEAD_BYTES) > group_bytes_max {
            return conflict(format!(
                "{name} = {limit} does not fit group_bytes_max = {group_bytes_max}, which must be {GROUP_OVERHEAD_BYTES} larger"
            ));
        }
        let needed = buffers::buffer_for(limit).unwrap_or(u64::MAX);
        if needed > config.inflight_bytes_max as u64 {
            let budget = config.inflight_bytes_max;
            return conflict(format!(
                "{name} = {limit} needs a buffer of {needed} bytes, which is above inflight_bytes_max = {budget}"
            ));
        }
    }
    Ok(())
}
