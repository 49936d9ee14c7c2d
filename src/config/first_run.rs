//! The files that a new data folder is given.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use crate::watched_files::Kept;

use super::error::ConfigError;
use super::settings::{Config, SETTINGS};
use super::sources::Sources;
use super::token_secrets::TokenSecrets;
use super::{CONFIG_FILE, PROJECTS_FILE, remembered};

/// The log's identity, inside the data folder: it shows that a server has run there. An empty folder, or secrets mounted before the first
/// start, do not show that.
const LOG_IDENTITY: &str = "log/log.json";

/// What [`first_run`] had to create.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FirstRun {
    /// `takeup.toml` is new.
    pub config: bool,
    /// `projects.toml` is new; the key of its one project.
    pub project_key: Option<String>,
    /// `secrets/token` is new.
    pub secret: bool,
}

impl FirstRun {
    /// Whether anything was created.
    pub fn is_new(&self) -> bool {
        self.config || self.project_key.is_some() || self.secret
    }
}

/// Creates the data folder and whatever it lacks: a commented `takeup.toml`, `projects.toml` with one project and a random key, a random
/// token secret. Existing files are never touched, and a crash leaves each file whole or absent.
///
/// In a folder that a server has run on, a file is missing only if somebody removed it. A new key or secret there would turn away every
/// client that uses the old one.
///
/// # Errors
/// The folder or a file could not be created; or a file is gone.
pub fn first_run(sources: &Sources) -> Result<FirstRun, ConfigError> {
    let data = &*sources.data;
    nothing_is_gone(sources)?;
    private_folder(data)?;
    let config_file = data.join(CONFIG_FILE);
    // A settings file that held settings and is gone is reported when settings are read.
    let held = remembered::read(sources).iter().any(|held| held.origin.place().0 == Some(&*config_file));
    let config = !held && create(&config_file, 0o644, commented_settings)?;
    let mut made = FirstRun { config, ..FirstRun::default() };

    let key = random_text(20)?;
    if !projects_are_in_database(sources) && create(&data.join(PROJECTS_FILE), 0o644, || first_project(&key))? {
        made.project_key = Some(key);
    }

    let secret_path = TokenSecrets::path(data);
    private_folder(secret_path.parent().unwrap_or(data))?;
    // 43 characters of 62 hold 256 bits.
    let secret = random_text(43)?;
    made.secret = create(&secret_path, 0o600, || format!("{secret}\n"))?;
    Ok(made)
}

/// Checks whether a folder that a server has run on lacks a file created by the first start.
///
/// # Errors
/// The missing file and what to do about it; or the folder can't be read.
pub fn nothing_is_gone(sources: &Sources) -> Result<(), ConfigError> {
    let data = &*sources.data;
    let is_there = |path: &Path| {
        let io = |source| ConfigError::Io { path: path.to_owned(), doing: "looking whether it is there", source };
        path.try_exists().map_err(io)
    };
    let gone = |path: &Path, loss, copy: &Kept| {
        let copy = copy.path().is_file().then(|| copy.path().to_owned());
        Err(ConfigError::Gone { path: path.to_owned(), loss, copy })
    };
    let (projects, secrets) = (data.join(PROJECTS_FILE), TokenSecrets::path(data));
    let copy = Kept::new(data, PROJECTS_FILE, u64::MAX);
    let has_run = is_there(&data.join(LOG_IDENTITY))? || is_there(copy.path())?;
    if has_run && !projects_are_in_database(sources) && !is_there(&projects)? {
        return gone(&projects, "another project with another key, which no page has", &copy);
    }
    if has_run && sources.has_secrets_file() && !is_there(&secrets)? {
        let copy = remembered::secrets_copy(data);
        return gone(&secrets, "another secret, and every session that runs would be refused", &copy);
    }
    Ok(())
}

/// Whether projects come from Postgres: then there need be no file of them. Faults of the settings are reported when they are read.
pub fn projects_are_in_database(sources: &Sources) -> bool {
    Config::examine_settings(sources).0.config.postgres_string.is_some()
}

fn private_folder(path: &Path) -> Result<(), ConfigError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|source| ConfigError::Io {
        path: path.to_owned(),
        doing: "making this folder",
        source,
    })
}

/// Writes a file unless it exists. `Ok(true)`: it is new, whole and on disk.
fn create(path: &Path, mode: u32, content: impl FnOnce() -> String) -> Result<bool, ConfigError> {
    let io = |source: io::Error| ConfigError::Io { path: path.to_owned(), doing: "making this file", source };
    if path.try_exists().map_err(io)? {
        return Ok(false);
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = folder.join(format!(".{name}.{}", std::process::id()));
    let written = write_whole(&draft, mode, content().as_bytes())
        // Unlike a rename, a link never replaces a file that another process has created meanwhile.
        .and_then(|()| match fs::hard_link(&draft, path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        });
    let removed = fs::remove_file(&draft);
    let created = written.map_err(io)?;
    removed.map_err(io)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
    Ok(created)
}

fn write_whole(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Random letters and digits, each equally likely.
fn random_text(length: usize) -> Result<String, ConfigError> {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    // The largest multiple of 62 in a byte: accepting larger values would favour the first letters.
    const FAIR_BELOW: u8 = 248;
    let mut text = String::with_capacity(length);
    let mut random = [0u8; 64];
    while text.len() < length {
        getrandom::fill(&mut random).map_err(|error| ConfigError::Io {
            path: "/dev/urandom".into(),
            doing: "asking the system for random bytes",
            source: io::Error::other(error.to_string()),
        })?;
        let fair = random.iter().filter(|&&byte| byte < FAIR_BELOW);
        text.extend(fair.take(length - text.len()).map(|&byte| char::from(ALPHABET[usize::from(byte % 62)])));
    }
    Ok(text)
}

fn first_project(key: &str) -> String {
    format!(
        "# The projects whose sessions are taken. The server reads this file again when it changes; if it can't be read,\n\
         # the projects stay as they were and the log says which line is wrong.\n\
         \n\
         [[projects]]\n\
         project_id = 1\n\
         project_key = \"{key}\"\n\
         name = \"my site\"\n\
         platform = \"web\"\n\
         active = true\n\
         # Of 100 sessions, how many are recorded.\n\
         sample_rate = 100\n\
         # Milliseconds after which a session ends and a new one begins.\n\
         max_session_duration = 7200000\n\
         # The largest batch in bytes; 0 is the server's beacon_size_limit.\n\
         beacon_size = 0\n\
         # For how many days its records are kept, 0 for ever. Without it the server's retain_age counts.\n\
         # retain_days = 30\n"
    )
}

/// Every setting with its help text and default, commented out.
fn commented_settings() -> String {
    let mut text = String::from(
        "# Settings of takeup. A line that begins with \"#\" shows the default; remove the \"#\" to change it.\n\
         # The environment (TAKEUP_<NAME>) goes before this file, the command line before both.\n\
         # Sizes: 65536, 64KiB, 8MiB. Durations: 200ms, 60s, 1h2m.\n\
         # This file is read again when it changes: settings marked [live] change in the running server, the others with\n\
         # its next start. `takeup config check` looks for mistakes, `takeup config show` tells what is in force.\n",
    );
    let mut group = "";
    for setting in SETTINGS {
        if setting.group != group {
            group = setting.group;
            let _ = write!(text, "\n\n# ---- {group} ----\n");
        }
        text.push('\n');
        let live = if setting.live { " [live]" } else { "" };
        for line in wrap(&format!("{}{live}", setting.help()), 100) {
            let _ = writeln!(text, "# {line}");
        }
        let quote = if setting.bare { "" } else { "\"" };
        let _ = writeln!(text, "# {} = {quote}{}{quote}", setting.name, setting.default);
    }
    text
}

/// Wraps text at spaces into lines of at most `width` characters.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
