//! The admin port: health, metrics, and the one request that changes something.

pub(super) mod guard;
pub mod health;
pub mod port;
pub mod reopen;
mod shown;

pub use shown::ReopenedCore;
