//! A running server, put together from its parts: assembly, reload, signals, the end.

pub mod assembly;
pub(super) mod ending;
pub(super) mod failures;
pub(super) mod lost;
pub(super) mod projects;
pub(super) mod reload;
pub(super) mod retention;
