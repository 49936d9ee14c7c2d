//! A core: its thread, its state, its clock and its runtime.

pub mod clock;
pub mod conn;
pub mod cpus;
pub mod heartbeat;
pub mod known;
pub mod limits;
pub mod live;
pub mod log_throttle;
pub mod notices;
pub(super) mod peer_watch;
pub mod quarantine;
pub mod runtime;
pub mod sessions;
pub mod state;
