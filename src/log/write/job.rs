//! What a core's writer asks its syncer to do.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::log::disk::pages::Pages;

use super::limits::JOBS_MAX;
use super::segment::Segment;

/// A job for a syncer.
#[derive(Debug)]
pub(in crate::log) enum Job {
    /// Make the pages `from..to` durable: those of the mapping, or these.
    Group { segment: Arc<Segment>, from: u64, to: u64, pages: Option<Pages> },
    /// Wake the core after this time.
    Alarm(Duration),
    /// The writer was dropped: finish its work, then exit.
    Finish(Box<dyn Finish>),
    /// There never was a writer: exit.
    Stop,
}

/// A writer whose owner has dropped it. A trait, because the writer already depends on its syncer's jobs; called once in a writer's life.
pub(in crate::log) trait Finish: fmt::Debug + Send {
    /// Makes the rest durable, hands the last segment to the sealer, and closes the control page.
    ///
    /// All groups handed over are settled by then: the syncer takes its jobs in order, and this is the last.
    fn finish(self: Box<Self>);
}

/// The channel to a core's syncer.
pub(in crate::log) fn channel() -> (Sender<Job>, Receiver<Job>) {
    bounded(JOBS_MAX)
}
