//! What several rooms need and none owns.

pub mod terminal;
