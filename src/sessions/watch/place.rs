//! One of the places for those who watch.

use std::sync::Arc;

use super::super::kept::Kept;
use super::super::shared::{Shared, State, Viewer};

// Circle: the parts of an answer see what it is.
use super::{Refused, VIEWERS_MAX};

/// How many sessions are kept at once. Each has a file.
const KEEPERS_MAX: usize = 2;

/// Given back when it is dropped, with what is kept there.
pub(super) struct Place {
    pub(super) shared: Arc<Shared>,
    session: u64,
    number: u64,
    /// What is kept there.
    keeps: Option<Arc<Kept>>,
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
        if state.viewers.values().filter(|viewer| !viewer.keeps).count() >= VIEWERS_MAX {
            return Err(Refused::Busy);
        }
        let number = state.next_viewer;
        state.next_viewer += 1;
        let viewer = Viewer { session, project: 0, erasures_heard: state.erasures, is_cut: false, keeps: false };
        state.viewers.insert(number, viewer);
        Ok(Place { shared: Arc::clone(shared), session, number, keeps: None })
    }

    /// What is kept of the session, for an answer.
    pub(super) fn kept(&self) -> Option<Arc<Kept>> {
        let kept = self.shared.lock().kept.get(&self.session).cloned()?;
        kept.count_answer();
        Some(kept)
    }

    /// What this place keeps.
    pub(super) fn keeps(&self) -> Option<Arc<Kept>> {
        self.keeps.clone()
    }

    /// Whether nothing is kept of it, and something may be.
    pub(super) fn may_keep(&self) -> bool {
        let state = self.shared.lock();
        !state.kept.contains_key(&self.session) && (has_room(&state) || unwatched(&state).is_some())
    }

    /// A place beside this one for what is kept, which others are given from here on. `None`: there is none, or this one's session was erased.
    pub(super) fn keep(&self, kept: Kept) -> Option<Place> {
        let kept = Arc::new(kept);
        let mut state = self.shared.lock();
        let this = state.viewers.get(&self.number).filter(|viewer| !viewer.is_cut)?;
        if state.kept.contains_key(&self.session) {
            return None;
        }
        if !has_room(&state) {
            // It goes at once, or very soon.
            unwatched(&state)?.outdate();
        }
        let viewer = Viewer { keeps: true, ..*this };
        let number = state.next_viewer;
        state.next_viewer += 1;
        state.viewers.insert(number, viewer);
        state.kept.insert(self.session, Arc::clone(&kept));
        Some(Place { shared: Arc::clone(&self.shared), session: self.session, number, keeps: Some(kept) })
    }

    /// Whether anybody watches the session.
    pub(super) fn is_watched(&self) -> bool {
        self.shared.lock().viewers.values().any(|viewer| viewer.session == self.session && !viewer.keeps)
    }

    /// How many erasures it has heard of.
    pub(super) fn erasures(&self) -> u64 {
        self.shared.lock().viewers.get(&self.number).map_or(0, |viewer| viewer.erasures_heard)
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

/// Whether one more session may be kept, beside those that go.
fn has_room(state: &State) -> bool {
    state.kept.values().filter(|kept| !kept.is_outdated()).count() < KEEPERS_MAX
}

/// Of the sessions that are kept and of which nothing is being sent, the one that has been kept longest.
fn unwatched(state: &State) -> Option<&Kept> {
    let is_watched = |session| state.viewers.values().any(|viewer| viewer.session == session && !viewer.keeps);
    let keepers = state.viewers.values().filter(|viewer| viewer.keeps && !is_watched(viewer.session));
    let kept = keepers.filter_map(|keeper| state.kept.get(&keeper.session));
    kept.map(|kept| &**kept).find(|kept| !kept.is_outdated())
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(kept) = self.keeps.take() {
            let mut state = self.shared.lock();
            // After an erasure there may be another.
            let is_same = state.kept.get(&self.session).is_some_and(|other| Arc::ptr_eq(other, &kept));
            let listed = is_same.then(|| state.kept.remove(&self.session));
            drop(state);
            // Nobody waits while it is given back; and nothing is left when the place is free.
            drop((listed, kept));
        }
        self.shared.lock().viewers.remove(&self.number);
    }
}
