//! A request: from its head to its answer.

pub mod gate;
pub mod labels;
pub mod respond;
