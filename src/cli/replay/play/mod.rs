//! What is played, in which order and when, and how far that is.
//!
//! | file | holds |
//! |---|---|
//! | `in_order` | the records as they were received, once or in rounds |
//! | `at_rate` | sessions that begin at a rate |
//! | `pace` | when a record is due |
//! | `progress` | how far playing is, for people |
//! | `state` | how far it is, in a file: what `--resume` goes on from |
//! | `player` | all of these together |

mod at_rate;
mod in_order;
mod pace;
mod player;
mod progress;
mod state;

#[cfg(test)]
pub(super) use pace::Pace;
pub(super) use player::{Begin, Player};
#[cfg(test)]
pub(super) use progress::style;
