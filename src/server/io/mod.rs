//! The bytes of one connection.
//!
//! | file | does |
//! |---|---|
//! | [`client`] | receives heads and bodies into buffers of the pool, sends answers, obeys the sweep |
//! | [`body`] | a body on its way in, whatever its framing |
//! | [`transport`] | the socket |
//! | [`proxy_header`] | whom a proxy connects |

pub mod body;
pub mod client;
pub mod proxy_header;
pub mod transport;
