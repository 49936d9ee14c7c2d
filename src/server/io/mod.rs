//! Bytes of one connection: the transport, buffers being filled and sent, the PROXY header.

pub mod client;
pub mod proxy_header;
