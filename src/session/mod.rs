//! Sessions: how one is started and named, and how a request proves that it belongs to one.
//!
//! | module | holds |
//! |---|---|
//! | [`token`] | the bearer token: signing, verifying, expiry |
//! | [`upload_token`] | the token in an upload's URL, which is valid for nothing else |
//! | [`flake`] | session ids, unique for ever, ordered by time |
//! | [`forward_path`] | finds a chain of takeups that leads back to its beginning |
//! | [`forward_secret`] | how a takeup proves that it may hand records to another one |
//! | [`shard`] | the part of an id that identifies the server |
//! | [`start`] | what a client sends when it asks for a session |
//!
//! Nothing here knows about HTTP, the log or projects.

pub mod flake;
pub mod forward_path;
pub mod forward_secret;
pub mod shard;
pub mod start;
pub mod token;
pub mod upload_token;

pub use flake::SessionId;
