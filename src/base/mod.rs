//! What several folders need and none owns.

pub mod terminal;
pub mod text;
pub mod time;
