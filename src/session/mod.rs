//! Sessions: what makes one, names one and proves that a request belongs to one.
//!
//! | module | holds |
//! |---|---|
//! | [`token`] | the bearer token: signing, verifying, expiry |
//! | [`flake`] | session ids, unique for ever, in order of time |
//! | [`shard`] | the part of an id that tells one server from another |
//! | [`start`] | the body of a start request, read as Go's JSON reader would |
//! | [`json`] | those reading rules themselves, and simd-json as the short way through plain documents |
//! | [`inflate`] | content codings of bodies, bounded in both their forms |
//! | [`user_agent`], [`agent_cache`] | the browser, its system and its device |
//! | [`regexes`] | the file of expressions that tell them apart |
//! | [`geo`] | the client's address, and where that is |
//! | [`message`] | the `SessionStart` message |
//! | [`user_uuid`] | what counts as a UUID of a user |
//!
//! Nothing here knows of HTTP, the log or projects.

pub mod agent_cache;
pub mod flake;
pub mod geo;
pub mod inflate;
pub mod json;
pub mod message;
pub mod regexes;
pub mod shard;
pub mod start;
pub mod token;
pub mod user_agent;
pub mod user_uuid;

pub use flake::SessionId;
pub use inflate::gzip as gunzip;
