//! The inflaters of a core, and who uses them when.

use std::cell::RefCell;

use crate::api::body::BodyInspector;
use crate::codec::inflate::Inflater;

use super::turns::Turns;

/// What a core inflates with: a set for each lane, so that a body finds its set as its last turn left it.
#[derive(Default)]
pub struct Inflaters {
    /// Whose turn it is.
    pub turns: Turns,
    /// For [`super::turns::Lane::Batch`].
    pub quick: RefCell<BodyInspector>,
    /// For [`super::turns::Lane::LongBatch`].
    pub long: RefCell<BodyInspector>,
    /// For [`super::turns::Lane::Start`].
    pub start: RefCell<Inflater>,
    /// What a start inflates to that is short.
    pub start_plain: RefCell<Vec<u8>>,
    /// For [`super::turns::Lane::LongStart`].
    pub long_start: RefCell<Inflater>,
}
