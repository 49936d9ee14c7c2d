//! What the tests against recorded traffic share: a client that speaks bytes, a server process, its
//! tokens, and the records that it stored.
#![allow(dead_code, reason = "each test uses its own part of it")]

pub mod client;
pub mod server;
pub mod stored;
pub mod token;
