//! The memory that directly written groups are collected in.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::log::disk::pages::Pages;
use crate::log::options::{Ack, Way};
use crate::log::recent::{Home, NoBlock, Stages};
use crate::log::write::fault::Fault;
use crate::log::write::limits::GROUPS_MAX;
use crate::log::write::segment::Pen;
use crate::log::write::shared::{Core, Shared};
use crate::log::write::wake::For;

use super::groups::Handed;
// Circle: the writer's own parts see the writer.
use super::{AppendError, Inner};

/// The blocks of a core's writer. With [`Ack::Memory`] they survive the process.
pub(super) fn stages(shared: &Shared, core: &Core) -> Stages {
    let options = &shared.options;
    let home = || Home { dir: core.dir.clone(), log: shared.log, core: core.index };
    let home = (options.ack == Ack::Memory).then(home);
    // The page cache has what is written through a mapping.
    let recent_bytes = if options.way == Way::Direct { options.recent_bytes } else { 0 };
    Stages::new(Arc::clone(&core.recent), home, options.group_bytes_max, recent_bytes, GROUPS_MAX + 1)
}

/// Ensures that the pen has a block with room for a record, and begins a group there if one begins at this offset.
#[inline]
pub(super) fn prepare(stages: &mut Stages, pen: &mut Pen, bytes: usize, begins: Option<u64>) -> Result<(), NoBlock> {
    match pen.stage() {
        Some(stage) if stage.fits(bytes) => {}
        Some(stage) => stages.move_on(stage)?,
        None => pen.set_stage(stages.take()?),
    }
    let segment = pen.segment().id;
    if let (Some(offset), Some(stage)) = (begins, pen.stage()) {
        stage.begin(segment, offset);
    }
    Ok(())
}

impl Inner {
    /// There is no block for a record: the hasher still needs the next one, or its file can't be made, which is tried again behind the next group.
    #[cold]
    pub(super) fn wait_for_stage(&self, why: NoBlock) -> AppendError {
        let what = match why {
            NoBlock::Held => For::Hasher,
            NoBlock::Unmade => For::Groups,
        };
        self.core.wait.begin(what);
        // After that, because a thread that dies tells why before it wakes those who wait.
        if let Some(fault) = self.core.poison() {
            self.core.wait.end();
            return AppendError::Poisoned(fault);
        }
        if why == NoBlock::Held {
            self.core.standstills.begin(what, self.shared.clock.now_us());
            self.shared.wake_hasher();
            // It may have gone on before it could see that somebody waits.
            if !self.stages.is_held() {
                self.core.wake();
            }
        }
        AppendError::NotReady
    }

    /// The bytes of a group that was closed, if it is written directly, and the block that they are in.
    pub(super) fn take_pages(&mut self) -> Option<(Pages, u64)> {
        let pen = self.pen.as_mut()?;
        let stage = pen.stage()?;
        let pages = (stage.close(), stage.number());
        let was_hit = stage.was_hit();
        self.stages.begin_group(stage, pages.0.len());
        if was_hit {
            pen.segment().fail(Fault::Bus);
        }
        Some(pages)
    }

    /// Keeps a group that was lost, to append again what was answered of it.
    pub(super) fn keep_lost(&self, segment: u64, pages: Option<Pages>) {
        if let Some(pages) = pages.filter(|_| self.shared.options.ack == Ack::Memory) {
            self.core.keep_lost(segment, pages);
        }
    }

    /// Gives the pen's block back, and keeps what was appended to it and is not handed over.
    pub(super) fn leave_stage(&mut self, pen: &mut Pen) {
        let Some(mut stage) = pen.take_stage() else { return };
        if self.open.records > 0 && self.shared.options.ack == Ack::Memory {
            self.keep_lost(pen.segment().id, Some(stage.take_open()));
        }
        self.stages.put_back(stage);
    }

    /// Leaves the files that records were appended to before they reached their segments: they may hold what was erased there. Goes on at the next
    /// turn with what is still needed now.
    #[cold]
    pub(super) fn forget(&mut self) {
        let asked = self.core.forget_asked.load(Ordering::SeqCst);
        if self.forgetting != asked {
            self.forgetting = asked;
            self.stages.condemn();
        }
        if self.failure.is_some() || self.carried.is_some() || self.core.has_lost() {
            return;
        }
        if self.fills_condemned() && self.handed.is_empty() {
            self.hand_over();
        }
        if self.fills_condemned()
            && self.open.records == 0
            && let Some(stage) = self.pen.as_mut().and_then(Pen::take_stage)
        {
            self.stages.put_back(stage);
        }
        let is_in = |handed: &Handed, block: u64| handed.pages.as_ref().is_some_and(|(_, of)| *of == block);
        let handed = &self.handed;
        let are_gone = self.stages.drop_condemned(|block| handed.iter().any(|group| is_in(group, block)));
        if are_gone && !self.fills_condemned() {
            self.core.forgotten.store(asked, Ordering::SeqCst);
        }
    }

    /// Whether the block being filled is one to be left.
    fn fills_condemned(&mut self) -> bool {
        let stage = self.pen.as_mut().and_then(Pen::stage);
        stage.is_some_and(|stage| self.stages.is_condemned(stage))
    }

    /// The writer is at its end. Where records were answered and could not be made durable, the files stay: the next start finds them there.
    pub(super) fn leave_stages(&mut self, all_durable: bool) {
        if all_durable && self.carried.is_none() && !self.core.has_lost() {
            self.stages.remove_files();
        }
    }
}
