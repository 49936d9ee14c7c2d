//! Connections: accepting them, serving them, and closing them in time.
//!
//! | file | does |
//! |---|---|
//! | [`listen`] | opens the listening sockets |
//! | [`accept`] | accepts connections; drains the accept queue when the server stops |
//! | [`arrivals`] | tells connections what has arrived for them |
//! | [`connection`] | the loop of one connection: head, answer, head, answer, end |
//! | [`sweep`] | deadlines of all connections of a core, a few times a second |
//! | [`evict`] | closes connections when there are too many |
//! | [`migration`] | starts to serve connections that other cores pass on |

pub mod accept;
pub mod arrivals;
pub mod connection;
pub mod evict;
pub mod listen;
pub mod migration;
pub mod sweep;
