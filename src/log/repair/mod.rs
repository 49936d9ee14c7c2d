//! Recovery at the start, verification, and salvage.

pub mod recovery;
pub mod salvage;
pub mod verify;
