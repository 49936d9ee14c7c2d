//! The memory of requests.
//!
//! | file | holds |
//! |---|---|
//! | [`pool`] | buffers of a few sizes, reused, and counted against the core's budget |
//! | [`shares`] | fair shares of the budget between projects |

pub mod pool;
pub mod shares;
