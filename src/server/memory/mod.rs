//! The memory of requests: pooled buffers within a budget, and fair shares of it between projects.

pub mod pool;
pub mod shares;
