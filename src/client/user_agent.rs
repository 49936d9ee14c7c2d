//! The browser, its operating system and its device, told from the user agent.
//!
//! The expressions are those of uap-core. Compiling them takes about 0.1 s, so a thread of its own
//! does it while the server already listens.

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

/// How much of a user agent the expressions are shown, in bytes. Some of them take microseconds a byte where the text repeats what they look for
/// (`bot bot …`), and a user agent may be as long as a head; those of browsers have some 150 bytes, of apps in apps some 400.
pub const SHOWN_BYTES_MAX: usize = 512;

/// Longest name or version that is kept, in characters: some expressions take over any part of the
/// user agent, which is as long as its sender likes.
pub const NAME_CHARS_MAX: usize = 255;

/// What kind of device it is, by its operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceType {
    /// A computer on a desk.
    Desktop,
    /// A phone or tablet.
    Mobile,
    /// Anything else.
    Other,
}

impl DeviceType {
    /// The name as messages and tables have it.
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

/// What a user agent tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Family of the operating system; `Other` if none is known.
    pub os: String,
    /// Its version: `major[.minor[.patch]]`, may be empty.
    pub os_version: String,
    /// Family of the browser; `Other` if none is known.
    pub browser: String,
    /// Its version, may be empty.
    pub browser_version: String,
    /// Family of the device; empty for an ordinary computer.
    pub device: String,
    /// What kind of device it is.
    pub device_type: DeviceType,
}

/// A file of expressions that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UserAgentsError {
    /// It cannot be read.
    #[error("cannot read the user agent expressions in {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not what it should be.
    #[error("the user agent expressions in {} cannot be read: {source}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: RegexesError,
    },
    /// The thread that compiles could not be started.
    #[error("cannot start the thread that compiles the user agent expressions: {0}")]
    Thread(std::io::Error),
}

struct Compiled {
    extractor: Extractor<'static>,
    /// Why it is the embedded file and not the operator's, if so.
    fault: Option<String>,
}

/// The expressions, shared by all cores.
#[derive(Clone)]
pub struct UserAgents {
    compiled: Arc<OnceLock<Compiled>>,
}

impl UserAgents {
    /// Begins to compile the expressions of `file` (`UAPARSER_FILE`), or the embedded ones.
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

    /// Reads and compiles the expressions of `file`, to tell whether a server could use them.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(file: &Path) -> Result<(), String> {
        let regexes = read_file(file).map_err(|error| error.to_string())?;
        let compiled = Extractor::try_from(regexes);
        compiled.map(drop).map_err(|error| format!("{}: {error}", file.display()))
    }

    /// Whether the expressions are compiled.
    pub fn ready(&self) -> bool {
        self.compiled.get().is_some()
    }

    /// Waits until they are.
    pub fn wait(&self) {
        self.compiled.wait();
    }

    /// Once ready: why the embedded expressions are used in place of the operator's file.
    pub fn fault(&self) -> Option<&str> {
        self.compiled.get()?.fault.as_deref()
    }

    /// What `user_agent` tells, or `None` if it is blank, a robot's, or the expressions are not
    /// [ready](Self::ready). Takes some ten microseconds; cores keep an
    /// [`AgentCache`](super::agent_cache::AgentCache).
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

/// The beginning of a user agent, which tells it: what two of them have behind it makes no difference.
pub fn beginning(user_agent: &[u8]) -> &[u8] {
    let mut end = user_agent.len().min(SHOWN_BYTES_MAX);
    // No character is cut in two; one has three bytes behind its first at most.
    while end < user_agent.len() && end > SHOWN_BYTES_MAX - 4 && user_agent[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    &user_agent[..end]
}

/// What the expressions are shown. Bytes that are no text are three each in their place.
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
    // Read once at start and used until the process ends.
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
