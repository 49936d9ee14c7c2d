//! What an archive elsewhere says of the log's segments.

use std::fmt;
use std::sync::Arc;

use super::plan::Sealed;

/// Says of each of these segments whether all its records are in an archive that is there, durable and readable now. An error means that nobody
/// knows: then nothing goes for being archived.
#[derive(Clone)]
pub struct InArchive(Arc<Ask>);

type Ask = dyn Fn(&[Sealed]) -> Result<Vec<bool>, String> + Send + Sync;

impl InArchive {
    /// Asks `ask`, on the thread that deletes.
    pub fn new(ask: impl Fn(&[Sealed]) -> Result<Vec<bool>, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }

    /// Asks. There are as many answers as segments.
    pub(in crate::log) fn of(&self, segments: &[Sealed]) -> Result<Vec<bool>, String> {
        (self.0)(segments)
    }
}

impl fmt::Debug for InArchive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InArchive")
    }
}

impl PartialEq for InArchive {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for InArchive {}
