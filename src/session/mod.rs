//! Sessions: what makes one, names one and proves that a request belongs to one.
//!
//! | module | holds |
//! |---|---|
//! | [`token`] | the bearer token: signing, verifying, expiry |
//! | [`upload`] | the token in the URL of an upload, which is good for that alone |
//! | [`flake`] | session ids, unique for ever, in order of time |
//! | [`shard`] | the part of an id that tells one server from another |
//! | [`start`], [`mobile_start`], [`sdk_start`] | the bodies of start requests, read as Go's JSON reader would |
//! | [`version`] | versions of trackers |
//! | [`apple`] | what Apple's devices are called |
//! | [`json`] | those reading rules themselves, and simd-json as the short way through plain documents |
//! | [`inflate`] | content codings of bodies, bounded in both their forms |
//! | [`user_agent`], [`agent_cache`] | the browser, its system and its device |
//! | [`regexes`] | the file of expressions that tell them apart |
//! | [`forwarded`] | what proxies say of the client's address |
//! | [`geo`] | the client's address, and where that is |
//! | [`user_uuid`] | what counts as a UUID of a user |
//!
//! Nothing here knows of HTTP, the log or projects.

pub mod flake;
pub mod mobile_start;
pub mod sdk_start;
pub mod shard;
pub mod start;
pub mod token;
pub mod upload;
pub mod user_uuid;
pub mod version;

pub use flake::SessionId;
