//! A segment on its way to the sealer, by way of the hasher.

use std::sync::Arc;

use super::segment::Segment;
use super::shared::Core;

/// A segment whose durable end is final.
#[derive(Debug)]
pub(in crate::log) struct Retired {
    pub(in crate::log) core: Arc<Core>,
    pub(in crate::log) segment: Arc<Segment>,
}
