//! What the server answers: routes, one file per family of endpoints, and the shape of replies.
//!
//! Handlers get bytes and give bytes: they know HTTP's heads and queries, sessions, projects and the
//! records of the log, and nothing of sockets, cores or waiting.

pub mod batch;
pub mod body;
pub mod conditions;
pub mod cors;
pub mod flags;
pub mod images;
pub mod mobile_batch;
pub mod not_started;
pub mod prefix;
pub mod refusal;
pub mod reply;
pub mod route;
pub mod sdk_batch;
pub mod start;
pub mod tags;
pub mod uxt;
