//! What can be known about a client: its browser or device, its address, and its location.
//!
//! | module | holds |
//! |---|---|
//! | [`user_agent`] | browser, operating system and device, read from the user agent |
//! | [`agent_cache`] | a cache of parsed user agents |
//! | `regexes_yaml` | reads the file of expressions that recognise user agents |
//! | [`apple_models`] | the names of Apple's devices |
//! | [`forwarded`] | the client's address behind proxies |
//! | [`geo`] | country, state and city of an address |

pub mod agent_cache;
pub mod apple_models;
pub mod forwarded;
pub mod geo;
mod regexes_yaml;
pub mod user_agent;
