//! The bytes of one connection.
//!
//! | file | does |
//! |---|---|
//! | [`client`] | receives heads and bodies into pooled buffers, sends answers, obeys the sweep |
//! | [`body`] | a body that is being received, whatever its framing |
//! | [`transport`] | the socket |
//! | [`proxy_header`] | the client's address, as a proxy tells it |

pub mod body;
pub mod client;
pub mod proxy_header;
pub mod transport;
