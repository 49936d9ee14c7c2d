//! Another takeup: every record of the log is handed to it, and is the same record there: kind, session, project, label, extension and bytes.
//!
//! Records go in bodies of framed records ([`crate::records::write_framed`]) to `POST /v1/takeup/records`, one request at a time, signed with a
//! secret that both servers have. The answer, which comes once all of them are durable there, says how many they were: a 200 from anything
//! else than a takeup confirms nothing.
//!
//! | file | holds |
//! |---|---|
//! | `framed` | the packer |
//! | `destination` | sends bodies |
//! | `client` | the HTTP client, with TLS and its limits |
//! | `fault` | which trouble a status or a broken connection stands for |
//! | [`target`] | `forward_url` |

mod client;
mod destination;
mod fault;
mod framed;
pub mod target;

pub use destination::HttpDestination;
pub use framed::{FramedPacker, FramedRecord};
pub use target::{BadTarget, Target};
