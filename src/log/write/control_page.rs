//! A core's control page, as its owner writes it.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::log::disk::shared_page::SharedPage;
use crate::log::error::LogError;
use crate::log::format::control::{State, at};
use crate::log::format::{control, protocol};

/// The control page, mapped for writing. Every word except the state has a single writer at a time: the core's [`crate::log::Writer`].
#[derive(Debug)]
pub(in crate::log) struct ControlPage {
    page: SharedPage,
}

impl ControlPage {
    /// Opens the page of the core in `dir` and resets it: closed, no segment. Its old contents are of no use after recovery.
    pub(in crate::log) fn open(dir: &Path, core: u16) -> Result<ControlPage, LogError> {
        let path = dir.join(control::FILE_NAME);
        let page = SharedPage::open(&path).map_err(LogError::io(&path, "open the control page"))?;
        let place = File::open(&path).map_or(0, |file| control::place_of(&file));
        protocol::change(&page, at::SEQ, |page| {
            for at in (at::SEGMENT..at::PREPARED + 8).step_by(8) {
                page.word(at).store(0, Ordering::Relaxed);
            }
            let version_core = u64::from(control::VERSION) | u64::from(core) << 32;
            page.word(at::VERSION_CORE).store(version_core, Ordering::Relaxed);
            page.word(at::PID).store(u64::from(std::process::id()), Ordering::Relaxed);
            page.word(at::PLACE).store(place, Ordering::Relaxed);
            page.word(at::MAGIC).store(control::MAGIC, Ordering::Relaxed);
        });
        Ok(ControlPage { page })
    }

    #[inline]
    pub(in crate::log) fn word(&self, at: usize) -> &AtomicU64 {
        self.page.word(at)
    }

    /// Sets the state. Poisoned stays until [`ControlPage::lift_poison`].
    pub(in crate::log) fn set_state(&self, state: State) {
        let next = |now: u64| (now != State::Poisoned as u64).then_some(state as u64);
        let _ = self.word(at::STATE).fetch_update(Ordering::SeqCst, Ordering::SeqCst, next);
    }

    /// Poisoned becomes failed: the next segment is not in use yet.
    pub(in crate::log) fn lift_poison(&self) {
        let (poisoned, failed) = (State::Poisoned as u64, State::Failed as u64);
        let _ = self.word(at::STATE).compare_exchange(poisoned, failed, Ordering::SeqCst, Ordering::SeqCst);
    }

    pub(in crate::log) fn state(&self) -> State {
        State::from_u64(self.word(at::STATE).load(Ordering::Acquire)).unwrap_or(State::Closed)
    }

    /// Records that the process exited cleanly, which a poisoned core may do too.
    pub(in crate::log) fn close(&self) {
        self.word(at::STATE).store(State::Closed as u64, Ordering::SeqCst);
    }

    /// The words, for the writer's stores: see [`protocol`].
    #[inline]
    pub(in crate::log) fn words(&self) -> &SharedPage {
        &self.page
    }
}
