//! `takeup compact`: brings the archive up to the log's durable end, beside a running server or without one.

mod args;
#[cfg(feature = "archive")]
mod progress;
#[cfg(feature = "archive")]
mod run;
#[cfg(feature = "archive")]
mod store;

pub use args::CompactArgs;

#[cfg(feature = "archive")]
pub use run::run;

/// Says what is missing.
#[cfg(not(feature = "archive"))]
pub fn run(_: &CompactArgs, _: &std::path::Path) -> Result<std::process::ExitCode, super::error::CliError> {
    let text = "this takeup was built without the archive: build it with the feature `archive`, which is on by default";
    Err(super::error::CliError::Other(text.to_owned()))
}
