//! `takeup verify`: checks every byte of the log against its checksums and sidecars, or of an archive against its manifest.

mod archive;
mod args;
mod condition;
mod log;
mod run;

pub use args::VerifyArgs;
pub use run::run;
#[cfg(test)]
pub(super) use {condition::Condition, log::check};
