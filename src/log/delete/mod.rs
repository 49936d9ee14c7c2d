//! The thread that deletes what retention lets go.
//!
//! | file | |
//! |---|---|
//! | [`deleter`] | the thread: finds out what there is, asks [`super::retain::plan()`], and takes out one segment after the other |
//! | [`shrink`] | removing a large file in small, paced steps |

pub(super) mod deleter;
pub(super) mod shrink;
