//! A request: from its head to its answer.

pub mod gate;
pub mod known_sessions;
pub mod labels;
pub mod respond;
