//! The inflaters of a core, and the turns in which they are used.

use std::cell::RefCell;

use crate::api::body::BodyInspector;
use crate::codec::inflate::Inflater;

use super::turns::Turns;

/// What a core inflates with: one inflater per lane, so that a body finds its state as its last turn left it.
#[derive(Default)]
pub struct Inflaters {
    /// Who may inflate, and when.
    pub turns: Turns,
    /// For [`super::turns::Lane::Batch`].
    pub quick: RefCell<BodyInspector>,
    /// For [`super::turns::Lane::LongBatch`].
    pub long: RefCell<BodyInspector>,
    /// For [`super::turns::Lane::Start`].
    pub start: RefCell<Inflater>,
    /// What a short start inflates to.
    pub start_plain: RefCell<Vec<u8>>,
    /// For [`super::turns::Lane::LongStart`].
    pub long_start: RefCell<Inflater>,
}
