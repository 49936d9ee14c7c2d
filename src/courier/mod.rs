//! What leaves for the queues of OpenReplay's services.
//!
//! | file | holds |
//! |---|---|
//! | [`messages`] | the queue messages of a record |
//! | `cut` | a batch that is too large for one message, as several batches |

pub mod messages;

mod cut;
