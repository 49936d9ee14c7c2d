//! One of the places for those who watch.

use std::sync::Arc;

use super::super::shared::{Shared, Viewer};

// Circle: the parts of an answer see what it is.
use super::{Refused, VIEWERS_MAX};

/// Given back when it is dropped.
pub(super) struct Place {
    pub(super) shared: Arc<Shared>,
    number: u64,
}

/// What becomes of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It goes on.
    Wanted,
    /// It goes on once nothing is held any more that was read before so many erasures.
    Rereads(u64),
    /// It ends: the server stops, or the session is erased.
    Ends,
}

impl Place {
    pub(super) fn take(shared: &Arc<Shared>, session: u64) -> Result<Place, Refused> {
        let mut state = shared.lock();
        if state.viewers.len() >= VIEWERS_MAX {
            return Err(Refused::Busy);
        }
        let number = state.next_viewer;
        state.next_viewer += 1;
        let viewer = Viewer { session, project: 0, erasures_heard: state.erasures, is_cut: false };
        state.viewers.insert(number, viewer);
        Ok(Place { shared: Arc::clone(shared), number })
    }

    /// The session's project is known.
    pub(super) fn tell_project(&self, project: u32) {
        if let Some(viewer) = self.shared.lock().viewers.get_mut(&self.number) {
            viewer.project = project;
        }
    }

    pub(super) fn fate(&self) -> Fate {
        let state = self.shared.lock();
        match state.viewers.get(&self.number) {
            Some(viewer) if !viewer.is_cut && !self.shared.is_stopping() => {
                let erasures = state.erasures;
                if viewer.erasures_heard == erasures { Fate::Wanted } else { Fate::Rereads(erasures) }
            }
            _ => Fate::Ends,
        }
    }

    /// Nothing is held any more that was read before so many erasures.
    pub(super) fn has_reread(&self, erasures: u64) {
        if let Some(viewer) = self.shared.lock().viewers.get_mut(&self.number) {
            viewer.erasures_heard = erasures;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.lock().viewers.remove(&self.number);
    }
}
