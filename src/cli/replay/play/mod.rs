//! What is played, in which order and when, and how far that is.
//!
//! | file | holds |
//! |---|---|
//! | `item` | a record with its place |
//! | `rounds` | the rounds of `--loop`, and the sessions' ids in them |
//! | `in_order` | the records as they were received |
//! | `at_rate` | sessions that begin at a rate |
//! | `pace` | when a record is due |
//! | `progress` | how far playing is, for people |
//! | `state` | how far it is, in a file: what `--resume` goes on from |
//! | `player` | all of these together |

mod at_rate;
mod in_order;
mod item;
mod pace;
mod player;
mod progress;
mod rounds;
mod state;

#[cfg(test)]
mod tests;

pub(super) use at_rate::Rate;
pub(super) use item::Item;
#[cfg(test)]
pub(super) use pace::Pace;
pub(super) use player::{Begin, Player};
#[cfg(test)]
pub(super) use progress::style;
pub(super) use rounds::{ROUNDS_MAX, mixed};
