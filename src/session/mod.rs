//! Sessions: what makes one, names one and proves that a request belongs to one.
//!
//! | module | holds |
//! |---|---|
//! | [`token`] | the bearer token: signing, verifying, expiry |
//! | [`upload_token`] | the token in the URL of an upload, which is good for nothing else |
//! | [`flake`] | session ids, unique for ever, ordered by time |
//! | [`shard`] | the part of an id that tells one server from another |
//! | [`start`] | what a client sends when it asks for a session |
//!
//! Nothing here knows of HTTP, the log or projects.

pub mod flake;
pub mod shard;
pub mod start;
pub mod token;
pub mod upload_token;

pub use flake::SessionId;
