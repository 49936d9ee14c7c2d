//! The archive of a server: whether one is kept, and what operators are told of it.
//!
//! | module | |
//! |---|---|
//! | `kept` | with the feature `archive` |
//! | `absent` | without it |

#[cfg(not(feature = "archive"))]
mod absent;
#[cfg(feature = "archive")]
mod kept;

#[cfg(not(feature = "archive"))]
pub use absent::Archive;
#[cfg(feature = "archive")]
pub use kept::Archive;
