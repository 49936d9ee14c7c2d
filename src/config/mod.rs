//! File, environment and command line, made into one checked [`Config`].
//!
//! - A setting on the command line beats the environment, which beats `takeup.toml`, which beats the default.
//! - Every setting has a key in the file and an environment variable `TAKEUP_<KEY>`; where OpenReplay's service has a
//!   variable for the same thing, that name is read too, after ours.
//! - What is not known is refused with the nearest known name: a typing error must not silently leave a default.
//! - An empty environment variable counts as not set, because deployment templates leave such behind.

mod buffers;
mod error;
mod file;
mod first_run;
mod limit;
mod load;
mod modes;
mod nearest;
mod networks;
mod secrets;
mod settings;
mod snippet;
pub mod value;

#[cfg(test)]
mod tests;

pub use buffers::{BUFFER_BYTES, BUFFER_BYTES_MIN};
pub use error::ConfigError;
pub use first_run::{FirstRun, first_run};
pub use limit::Limit;
pub use load::{Loaded, Sources};
pub use modes::{Ack, AdmissionMode, CheckBodies, FullDisk, LogRequests, ProxyProtocol, Runtime, Unusable, Writer};
pub use nearest::nearest;
pub use networks::Networks;
pub use secrets::{SECRETS_FILE, Secret, TokenSecrets};
pub use settings::{Config, SETTINGS, Setting};
pub use snippet::snippet;

/// The file of the settings, inside the data folder.
pub const CONFIG_FILE: &str = "takeup.toml";

/// The file of the projects, inside the data folder.
pub const PROJECTS_FILE: &str = "projects.toml";
