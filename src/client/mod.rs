//! What can be known of a client: its browser or device, its address, and where in the world that is.
//!
//! | module | holds |
//! |---|---|
//! | [`user_agent`] | browser, operating system and device, read from the user agent |
//! | [`agent_cache`] | the results of the last user agents |
//! | `regexes_yaml` | the file of expressions that recognise user agents |
//! | [`apple_models`] | the names of Apple's devices |
//! | [`forwarded`] | the client's address behind proxies |
//! | [`geo`] | country, state and city of an address |

pub mod agent_cache;
pub mod apple_models;
pub mod forwarded;
pub mod geo;
mod regexes_yaml;
pub mod user_agent;
