//! What can be told of a client: its browser or device, its address, where in the world that is.

pub mod agent_cache;
pub mod apple;
pub mod forwarded;
pub mod geo;
pub mod regexes;
pub mod user_agent;
