//! Tests of the readers as a whole.

mod captures;
pub(in crate::tracker) mod known;
mod round_trip;
