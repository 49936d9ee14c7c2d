//! The write path: from an append to a durable, sealed segment.
//!
//! | file | |
//! |---|---|
//! | `writer` | the core's side: appends, groups, rolling over, answers |
//! | `syncer` | makes closed groups durable; what it is asked for is a `job` |
//! | `prepare` | creates the next segment, and formats it ahead of the cursor |
//! | `keeper` | moves the windows, keeps the clock, watches the free space |
//! | `hash` | reads segments while they grow, to hash and count them; hands those that are `retired` on, described |
//! | `seal` | seals them |
//! | `segment` | a segment in use, and the pen that writes to it |
//! | `spares` | blank files of deleted segments, for the next ones |
//! | `group_write` | a closed group that the writer's owner writes itself |
//! | `shared` | what the threads share |
//! | `control_page` | the control page, as its owner writes it |
//! | `limits` | how much may be in flight at a time |
//! | `carry` | records answered from memory and lost with a failed segment |
//! | `fault`, `invariant` | why a segment may no longer be used |
//! | `notice` | what the operator should know |
//! | `standstill` | how long a writer stood still, and for what |
//! | `wake`, `watch` | who waits for what; what happens when a thread panics |

pub(super) mod carry;
pub(super) mod control_page;
pub(super) mod fault;
pub(super) mod group_write;
pub(super) mod hash;
pub(super) mod invariant;
pub(super) mod job;
pub(super) mod keeper;
pub(super) mod limits;
pub(super) mod notice;
pub(super) mod prepare;
pub(super) mod retired;
pub mod seal;
pub(super) mod segment;
pub(super) mod shared;
pub(super) mod spares;
pub(super) mod standstill;
pub(super) mod syncer;
pub(super) mod wake;
pub(super) mod watch;
pub mod writer;
