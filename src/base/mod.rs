//! What several rooms need and none owns.

pub mod terminal;
pub mod time;
