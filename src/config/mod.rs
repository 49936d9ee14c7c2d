//! File, environment and command line, made into one checked [`Config`].
//!
//! - A setting on the command line beats the environment, which beats `takeup.toml`, which beats the default.
//! - Every setting has a key in the file and an environment variable `TAKEUP_<KEY>`; where OpenReplay's service has a
//!   variable for the same thing, that name is read too, after ours.
//! - An unknown name is an error that suggests the most similar known name: a typo must not silently leave a default in force.
//! - An empty environment variable counts as not set, because deployment templates leave empty ones. The token secret is the exception: an
//!   empty one is refused, because it must not silently be replaced by another one.
//! - All faults are reported at once, each with its location.
//! - A setting that disappears from a file may keep its value for a while, because the file may be in the middle of being written. See
//!   [`remembered`].

mod buffers;
mod conflicts;
mod environment;
mod error;
mod file;
mod first_run;
mod kafka_options;
mod limit;
mod load;
mod loaded;
mod mask;
mod modes;
mod nearest;
mod networks;
mod old_env;
mod old_variables;
mod origin;
pub mod remembered;
mod secret;
mod secrets_file;
mod setting;
mod settings;
mod snippet;
mod sources;
mod token_secrets;
pub mod value;

#[cfg(test)]
mod page_tests;
#[cfg(test)]
mod tests;

pub use buffers::{BUFFER_BYTES, BUFFER_BYTES_MIN};
pub use error::{ConfigError, ConfigErrors};
pub use first_run::{FirstRun, first_run, nothing_is_gone};
pub use kafka_options::KafkaOptions;
pub use limit::Limit;
pub use loaded::{Chosen, Loaded};
pub use mask::masked;
pub use modes::{
    Ack, AdmissionMode, CheckBodies, FullDisk, KafkaCompression, LogLevel, LogRequests, ProxyProtocol, RedisTrim,
    RetainLog, Runtime, Unusable, Writer,
};
pub use nearest::nearest;
pub use networks::Networks;
pub use old_variables::{Becomes, OLD_VARIABLES, OldVariable, OldVariableEffect};
pub use origin::Origin;
pub use secret::Secret;
pub use secrets_file::SECRETS_FILE;
pub use setting::Setting;
pub use settings::{Config, SETTINGS};
pub use snippet::snippet;
pub use sources::{Remembered, Sources};
pub use token_secrets::TokenSecrets;

/// The settings file, inside the data folder.
pub const CONFIG_FILE: &str = "takeup.toml";

/// The projects file, inside the data folder.
pub const PROJECTS_FILE: &str = "projects.toml";
