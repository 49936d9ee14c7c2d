//! Time as the log sees it: the order time of its records, and what is believed of the wall clock.

pub mod order;
pub mod times;
pub(super) mod wall;
