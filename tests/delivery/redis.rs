//! Redis Streams: what a server delivers to a real Redis, read back by another client.
//!
//! | file | holds |
//! |---|---|
//! | `site` | a server's place, numbered batches, and the check that each arrived, in order |
//! | `wire` | what is written, byte for byte |
//! | `trim` | what is removed from streams, and what pauses shipping |
//! | `outages` | a Redis that is not there, refuses, hangs |
//! | `losses` | a Redis that has lost what it had confirmed |
//! | `deployments` | TLS, users, Sentinel, cluster, Valkey |

mod deployments;
mod losses;
mod outages;
pub mod site;
mod trim;
mod wire;
