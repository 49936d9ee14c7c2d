//! A session as events that [rrweb](https://github.com/rrweb-io/rrweb) plays.
//!
//! | file | |
//! |---|---|
//! | `event` | the events |
//! | `ids` | the numbers of nodes |
//! | `ledger` | how much may be written |
//! | `size` | how long events become |
//! | `serialize` | nodes as rrweb writes them |
//! | `recorder` | follows one page |
//! | `session` | tabs and pages of a session; its snapshots |
//! | `phone` | a phone's session |
//! | `teller` | one of the two |

#[allow(missing_docs, reason = "the fields have the names and the meaning that they have in rrweb")]
pub mod event;
pub mod ids;
pub mod ledger;
pub mod phone;
pub mod recorder;
pub mod serialize;
pub mod session;
mod size;
pub mod teller;
