//! File, environment and command line, made into one checked [`Config`].
//!
//! - A setting on the command line beats the environment, which beats `takeup.toml`, which beats the default.
//! - Every setting has a key in the file and an environment variable `TAKEUP_<KEY>`; where OpenReplay's service has a
//!   variable for the same thing, that name is read too, after ours.
//! - What is not known is refused with the nearest known name: a typing error must not silently leave a default.
//! - An empty environment variable counts as not set, because deployment templates leave such behind. The token secret
//!   alone is different: an empty one is refused, because it must not quietly become another one.
//! - All faults are told at once, each with its place.
//! - What a file said before and does not say any more may be held: a file that is being written is no word. See [`remembered`].

mod buffers;
mod conflicts;
mod environment;
mod error;
mod file;
mod first_run;
mod limit;
mod load;
mod mask;
mod modes;
mod nearest;
mod networks;
mod old_env;
mod origin;
pub mod remembered;
mod secrets;
mod settings;
mod snippet;
pub mod value;

#[cfg(test)]
mod page_tests;
#[cfg(test)]
mod tests;

pub use buffers::{BUFFER_BYTES, BUFFER_BYTES_MIN};
pub use error::{ConfigError, ConfigErrors};
pub use first_run::{FirstRun, first_run, nothing_is_gone};
pub use limit::Limit;
pub use load::{Chosen, Loaded, Sources};
pub use mask::masked;
pub use modes::{
    Ack, AdmissionMode, CheckBodies, FullDisk, LogLevel, LogRequests, ProxyProtocol, Runtime, Unusable, Writer,
};
pub use nearest::nearest;
pub use networks::Networks;
pub use old_env::{Becomes, OLD_VARIABLES, OldVariable, Told};
pub use origin::Origin;
pub use remembered::Remembered;
pub use secrets::{SECRETS_FILE, Secret, TokenSecrets};
pub use settings::{Config, SETTINGS, Setting};
pub use snippet::snippet;

/// The file of the settings, inside the data folder.
pub const CONFIG_FILE: &str = "takeup.toml";

/// The file of the projects, inside the data folder.
pub const PROJECTS_FILE: &str = "projects.toml";
