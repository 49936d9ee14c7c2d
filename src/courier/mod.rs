//! The messages for the queues of OpenReplay's services. Nothing is sent from here: a record goes in, messages come out. What would send them is a
//! consumer of the log ([`crate::consume`]), and there is none.
//!
//! | file | holds |
//! |---|---|
//! | [`messages`] | turns a record into queue messages |
//! | `cut` | cuts a batch that is too large for one message into several batches |

pub mod messages;

mod cut;
