//! A core: its thread, its state, its clock and its runtime.

pub mod beat;
pub mod clock;
pub mod cpus;
pub mod known;
pub mod limits;
pub mod live;
pub mod notices;
pub mod runtime;
pub mod sessions;
pub mod sparse;
pub mod state;
