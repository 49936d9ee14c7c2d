//! What a core's writer asks of its syncer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::log::disk::stage::Stage;

use super::limits::JOBS_MAX;
use super::segment::Segment;

/// What a syncer is asked to do.
#[derive(Debug)]
pub(in crate::log) enum Job {
    /// Make the pages `from..to` durable: of the mapping, or of the stage.
    Group { segment: Arc<Segment>, from: u64, to: u64, stage: Option<Stage> },
    /// Wake the core after this time.
    Alarm(Duration),
    /// The writer was dropped: bring its rest to an end, and leave.
    Finish(Box<dyn Finish>),
    /// There never was a writer: leave.
    Stop,
}

/// A writer whose owner has let go of it. A trait, because the writer knows its syncer's jobs, and this is called once in its life.
pub(in crate::log) trait Finish: fmt::Debug + Send {
    /// Makes the rest durable, gives the last segment to the sealer, and closes the control page.
    ///
    /// All groups that were handed over are settled: the syncer takes its jobs in order, and this is the last.
    fn finish(self: Box<Self>);
}

/// The way to a core's syncer.
pub(in crate::log) fn channel() -> (Sender<Job>, Receiver<Job>) {
    bounded(JOBS_MAX)
}
