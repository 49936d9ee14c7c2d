//! The recent sessions of a running server, and what the log has of one, live or from its start.
//!
//! A thread follows the log, as couriers do, and keeps a summary of each recent session in an index of bounded size. It begins when
//! somebody asks for the first time: an operator who never does pays nothing. Who watches a session has a thread of their own, which reads the log
//! again and converts what it finds; from the log's end on, one more thread reads for all of them. No core waits for any of them, and none of them writes anything but a file without a name.
//!
//! | file | |
//! |---|---|
//! | [`summary`] | what is known of a session, and which are asked for |
//! | [`index`] | the summaries, within a budget |
//! | [`details`] | addresses, users and errors out of batches |
//! | `follow` | the thread that follows the log |
//! | `feed` | another one, which reads it for all who watch, |
//! | `queues` | and what it has for each of them |
//! | [`handle`] | what the admin port asks |
//! | `shared` | what these have in common |
//! | [`collect`] | what the log has of one session |
//! | `seen` | what was read of it before |
//! | `part` | from which moment on its events are sent |
//! | `kept` | what is kept of a long one while it is watched |
//! | [`watch`] | the same as lines of JSON, while it grows |

pub mod collect;
pub mod details;
mod feed;
mod follow;
pub mod handle;
pub mod index;
mod kept;
mod part;
mod queues;
mod seen;
mod shared;
pub mod summary;
pub mod watch;

pub use handle::{Listed, Sessions};
pub use summary::{Query, SessionReport};
pub use watch::{AssetsOf, Form, Out, Piece, Refused, Sent, Wanted};

use crate::session::SessionId;

/// When a session began, in Unix ms: when its id was generated. If the id contains no plausible time (because another system generated it), it
/// began when its first record arrived.
pub fn started_ms(session: u64, received_ms: u64) -> u64 {
    const DAY_MS: u64 = 86_400_000;
    let start = SessionId(session).start_ms();
    let start = u64::try_from(start).unwrap_or(0);
    if start > received_ms || received_ms - start > 30 * DAY_MS { received_ms } else { start }
}
