//! Parses user agents: browser, operating system and device.
//!
//! The expressions are those of uap-core. Compiling them takes about 0.1 s, so a separate thread does it while the server already listens.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread;

use ua_parser::{Extractor, Regexes};

use crate::base::text::clean;
use crate::watched_files::{is_ended, read_at_rest};

use super::regexes_yaml;
use super::regexes_yaml::RegexesError;

/// `regexes.yaml` of the locked `ua-parser` package.
static EMBEDDED: &str = include_str!(concat!(env!("OUT_DIR"), "/regexes.yaml"));

/// How much of a user agent is matched, in bytes. A browser's has about 150 bytes, that of an app inside another app about 400, but it may be
/// as long as a request's head, and some expressions take microseconds per byte if the text repeats what they look for (`bot bot …`).
pub const SHOWN_BYTES_MAX: usize = 512;

/// Longest name or version that is kept, in characters. Some expressions copy any part of the user agent, whose length the sender chooses.
pub const NAME_CHARS_MAX: usize = 255;

/// The kind of device, derived from its operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceType {
    /// A desktop or laptop computer.
    Desktop,
    /// A phone or tablet.
    Mobile,
    /// Anything else.
    Other,
}

impl DeviceType {
    /// The name in messages and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Desktop => "desktop",
            Self::Mobile => "mobile",
            Self::Other => "other",
        }
    }

    fn of_os(os: &str) -> Self {
        match os {
            "Chrome OS" | "Fedora" | "FreeBSD" | "Linux" | "Mac OS X" | "NetBSD" | "Ubuntu" | "Windows" => {
                Self::Desktop
            }
            "Android" | "BlackBerry OS" | "BlackBerry Tablet OS" | "iOS" | "Windows Phone" => Self::Mobile,
            _ => Self::Other,
        }
    }
}

/// What a user agent says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Family of the operating system; `Other` if unknown.
    pub os: String,
    /// Its version, `major[.minor[.patch]]`; may be empty.
    pub os_version: String,
    /// Family of the browser; `Other` if unknown.
    pub browser: String,
    /// Its version; may be empty.
    pub browser_version: String,
    /// Family of the device; empty for an ordinary computer.
    pub device: String,
    /// The kind of device.
    pub device_type: DeviceType,
}

/// Why the expressions cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UserAgentsError {
    /// It cannot be read.
    #[error("cannot read the user agent expressions in {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// It has a syntax error.
    #[error("the user agent expressions in {} cannot be parsed: {source}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The error and its line.
        source: RegexesError,
    },
    /// The thread that compiles the expressions could not be started.
    #[error("cannot start the thread that compiles the user agent expressions: {0}")]
    Thread(std::io::Error),
}

struct Compiled {
    extractor: Extractor<'static>,
    /// Why the embedded expressions are used instead of the operator's file, if they are.
    fault: Option<String>,
}

/// The expressions, shared by all cores.
#[derive(Clone)]
pub struct UserAgents {
    compiled: Arc<OnceLock<Compiled>>,
}

impl UserAgents {
    /// Starts to compile the expressions in `file` (`UAPARSER_FILE`), or the embedded ones.
    pub fn spawn(file: Option<&Path>) -> Result<Self, UserAgentsError> {
        let own = file.map(read_file).transpose()?;
        let compiled = Arc::new(OnceLock::new());
        let slot = Arc::clone(&compiled);
        thread::Builder::new()
            .name("user-agents".to_owned())
            .spawn(move || {
                slot.get_or_init(|| compile(own));
            })
            .map_err(UserAgentsError::Thread)?;
        Ok(Self { compiled })
    }

    /// Reads and compiles the expressions in `file`, to check whether a server could use them.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn check(file: &Path) -> Result<(), String> {
        let regexes = read_file(file).map_err(|error| error.to_string())?;
        let compiled = Extractor::try_from(regexes);
        compiled.map(drop).map_err(|error| format!("{}: {error}", file.display()))
    }

    /// Whether the expressions are compiled.
    pub fn ready(&self) -> bool {
        self.compiled.get().is_some()
    }

    /// Waits until they are compiled.
    pub fn wait(&self) {
        self.compiled.wait();
    }

    /// Once ready: why the embedded expressions are used instead of the operator's file, if they are.
    pub fn fault(&self) -> Option<&str> {
        self.compiled.get()?.fault.as_deref()
    }

    /// Parses `user_agent`. `None` if it is blank or a robot's, or if the expressions are not [ready](Self::ready). Takes about ten
    /// microseconds, so each core has an [`AgentCache`](super::agent_cache::AgentCache).
    pub fn parse(&self, user_agent: &[u8]) -> Option<Agent> {
        let extractor = &self.compiled.get()?.extractor;
        let text = shown(user_agent);
        if text.trim().is_empty() {
            return None;
        }
        let (browser, os, device) = extractor.extract(&text);
        let (os, os_version) = match os {
            Some(os) => (name(&os.os), version([os.major.as_deref(), os.minor.as_deref(), os.patch.as_deref()])),
            None => (OTHER.to_owned(), String::new()),
        };
        let (browser, browser_version) = match browser {
            Some(browser) => (
                name(browser.family.split('/').next().unwrap_or_default()),
                version([browser.major, browser.minor, browser.patch]),
            ),
            None => (OTHER.to_owned(), String::new()),
        };
        let device = device.map_or_else(|| OTHER.to_owned(), |device| name(&device.device));
        if os.is_empty() || browser.is_empty() || device == "Spider" {
            return None;
        }
        Some(Agent {
            device_type: DeviceType::of_os(&os),
            os,
            os_version,
            browser,
            browser_version,
            device: if device == OTHER || device == "Mac" { String::new() } else { device },
        })
    }
}

/// The part of a user agent that is matched: its beginning. Two user agents that begin alike count as the same.
pub fn beginning(user_agent: &[u8]) -> &[u8] {
    let mut end = user_agent.len().min(SHOWN_BYTES_MAX);
    // Do not split a character, which has at most three bytes after its first.
    while end < user_agent.len() && end > SHOWN_BYTES_MAX - 4 && user_agent[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    &user_agent[..end]
}

/// The text that is matched. Each invalid sequence is replaced by U+FFFD, which has three bytes, so the text is cut again.
fn shown(user_agent: &[u8]) -> Cow<'_, str> {
    match String::from_utf8_lossy(beginning(user_agent)) {
        Cow::Owned(mut text) => {
            let mut end = text.len().min(SHOWN_BYTES_MAX);
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
            Cow::Owned(text)
        }
        text => text,
    }
}

const OTHER: &str = "Other";

fn name(text: &str) -> String {
    let mut text = text.to_owned();
    clean(&mut text, NAME_CHARS_MAX);
    text
}

/// `major[.minor[.patch]]`, up to the first part that is missing or empty.
fn version(parts: [Option<&str>; 3]) -> String {
    let mut text = String::new();
    for part in parts.into_iter().map_while(|part| part.filter(|part| !part.is_empty())) {
        if !text.is_empty() {
            text.push('.');
        }
        text.push_str(part);
    }
    clean(&mut text, NAME_CHARS_MAX);
    text
}

fn read_file(path: &Path) -> Result<Regexes<'static>, UserAgentsError> {
    let io = |source| UserAgentsError::Io { path: path.to_owned(), source };
    let text = String::from_utf8(read_at_rest(path, is_ended).map_err(io)?);
    let text = text.map_err(|error| io(std::io::Error::new(std::io::ErrorKind::InvalidData, error)))?;
    // Read once at startup and used until the process ends.
    let text: &'static str = text.leak();
    regexes_yaml::parse(text).map_err(|source| UserAgentsError::Syntax { path: path.to_owned(), source })
}

fn compile(own: Option<Regexes<'static>>) -> Compiled {
    let fault = match own.map(Extractor::try_from) {
        Some(Ok(extractor)) => {
            return Compiled { extractor, fault: None };
        }
        Some(Err(error)) => Some(error.to_string()),
        None => None,
    };
    let regexes = regexes_yaml::parse(EMBEDDED).expect("the embedded expressions were tested");
    let extractor = regexes.try_into().expect("the embedded expressions were tested");
    Compiled { extractor, fault }
}

/// The embedded expressions, compiled once for all tests: that takes seconds without optimisation.
#[cfg(test)]
pub(crate) fn embedded_for_tests() -> UserAgents {
    static AGENTS: std::sync::LazyLock<UserAgents> =
        std::sync::LazyLock::new(|| UserAgents::spawn(None).expect("a thread can be started"));
    AGENTS.wait();
    AGENTS.clone()
}

/// Expressions that are never compiled.
#[cfg(test)]
pub(crate) fn unready_for_tests() -> UserAgents {
    UserAgents { compiled: Arc::new(OnceLock::new()) }
}

#[cfg(test)]
mod tests;
