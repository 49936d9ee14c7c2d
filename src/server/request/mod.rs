//! A request: from its head to its answer.

pub mod admission;
pub mod dispatch;
pub mod gate;
pub mod labels;
pub mod quarantine;
pub mod respond;
