//! The memory that a core's groups are collected in: filled, kept for readers, and filled again.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use uuid::Uuid;

use crate::log::disk::file_block::{FileBlock, Owner};
use crate::log::disk::page::PAGE_BYTES;
use crate::log::disk::stage::Stage;

use super::{Recent, RecentGroup};

/// Groups that wait for a reader to let go of the list; more are not kept.
const FRESH_MAX: usize = 64;

/// Files that are made before they are needed. With the default sizes these are all.
const FILES_AHEAD_MAX: usize = 16;

/// Why there is no block for a group now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::log) enum NoBlock {
    /// The hasher needs the oldest block, which would have to go.
    Held,
    /// Blocks have to survive the process, and a file could not be made.
    Unmade,
}

/// Where the blocks of a core lie that have to survive the process.
#[derive(Debug)]
pub(in crate::log) struct Home {
    pub(in crate::log) dir: PathBuf,
    pub(in crate::log) log: Uuid,
    pub(in crate::log) core: u16,
}

/// A core's blocks of memory. At any time there are as many as are kept for readers, the one being filled, and those of which something is
/// still in use: groups on their way to the disk, and at most one group for each reader.
#[derive(Debug)]
pub(in crate::log) struct Stages {
    recent: Arc<Recent>,
    /// If none, blocks are memory of this process.
    home: Option<Home>,
    block_bytes: u64,
    kept_max: usize,
    resting_max: usize,
    /// Blocks that were never filled.
    spare: Vec<Stage>,
    /// Full blocks that are kept for readers, oldest first.
    kept: VecDeque<Stage>,
    /// Full blocks that are not kept, but may still be in use.
    resting: Vec<Stage>,
    /// A block that a segment was left with.
    begun: Option<Stage>,
    filled: u64,
    /// The newest block that is not kept.
    gone: u64,
    fresh: VecDeque<RecentGroup>,
    /// Blocks up to this one are to be left, and their files removed.
    condemned: u64,
    /// The writer is at its end: see [`Stages::let_go`].
    is_let_go: bool,
}

impl Stages {
    /// Blocks for groups of up to `group_bytes_max`, of which at most `recent_bytes` are kept for readers. `resting_max` blocks that are not kept are
    /// expected to be free soon; more are given back to the system.
    ///
    /// All of them are made at once, so that a core that serves allocates nothing and waits for no file system. Where a file can't be made, it is tried
    /// again when the block is needed.
    pub(in crate::log) fn new(
        recent: Arc<Recent>,
        home: Option<Home>,
        group_bytes_max: u64,
        recent_bytes: u64,
        resting_max: usize,
    ) -> Stages {
        let kept_max = usize::try_from(recent_bytes / group_bytes_max).unwrap_or(usize::MAX);
        let blocks = if kept_max == 0 { 0 } else { kept_max + 1 };
        recent.make_room(blocks * (group_bytes_max / PAGE_BYTES) as usize);
        let mut stages = Stages {
            recent,
            home,
            block_bytes: group_bytes_max,
            kept_max,
            resting_max,
            spare: Vec::new(),
            kept: VecDeque::with_capacity(blocks + 1),
            resting: Vec::with_capacity(resting_max + 1),
            begun: None,
            filled: 0,
            gone: 0,
            fresh: VecDeque::with_capacity(FRESH_MAX),
            condemned: 0,
            is_let_go: false,
        };
        // Blocks of this process take no memory before they are filled, and making one that is missing costs little.
        let made = match stages.home {
            Some(_) if blocks > 0 => (blocks + resting_max).min(FILES_AHEAD_MAX),
            _ => blocks,
        };
        stages.spare = (0..made).map_while(|_| stages.make().ok()).collect();
        stages
    }

    /// From now on nothing waits for the hasher, which reads from the disk what is filled again too soon.
    pub(in crate::log) fn let_go(&mut self) {
        self.is_let_go = true;
    }

    /// Whether the next block has to wait for the hasher.
    pub(in crate::log) fn is_held(&self) -> bool {
        let is_kept = self.begun.is_none() && self.kept.len() >= self.kept_max && !self.is_let_go;
        let next = self.kept.front().filter(|_| is_kept);
        next.is_some_and(|oldest| self.recent.holds(oldest.number()))
    }

    /// A block with room for a group.
    ///
    /// # Errors
    /// See [`NoBlock`].
    pub(in crate::log) fn take(&mut self) -> Result<Stage, NoBlock> {
        if self.is_held() {
            return Err(NoBlock::Held);
        }
        if let Some(begun) = self.begun.take() {
            return Ok(begun);
        }
        let free = self.resting.iter_mut().position(Stage::reclaim).map(|at| self.resting.swap_remove(at));
        let mut stage = match free.or_else(|| self.spare.pop()) {
            Some(stage) => stage,
            None => self.make().map_err(|_| NoBlock::Unmade)?,
        };
        self.filled += 1;
        stage.set_number(self.filled);
        Ok(stage)
    }

    fn make(&self) -> io::Result<Stage> {
        let Some(home) = &self.home else { return Ok(Stage::new(self.block_bytes)) };
        let owner = Owner { dir: &home.dir, log: home.log, core: home.core };
        FileBlock::create(owner, self.block_bytes).map(Stage::of_file)
    }

    /// All groups are in their segments: no file of theirs is needed after the end of the process.
    pub(in crate::log) fn remove_files(&self) {
        self.filled().chain(&self.spare).for_each(|stage| drop(stage.remove_file()));
    }

    fn filled(&self) -> impl Iterator<Item = &Stage> {
        self.kept.iter().chain(&self.resting).chain(&self.begun)
    }

    /// What lies in the files of the blocks that were filled so far must not stay there: [`Stages::drop_condemned`] removes them.
    pub(in crate::log) fn condemn(&mut self) {
        self.condemned = if self.home.is_some() { self.filled } else { 0 };
    }

    /// Whether a block's file is to be removed.
    pub(in crate::log) fn is_condemned(&self, stage: &Stage) -> bool {
        stage.number() <= self.condemned
    }

    /// Removes the files of condemned blocks but those that are still needed, because they hold what is not in its segment. Readers keep the
    /// memory that they have borrowed. Returns whether no file is left.
    pub(in crate::log) fn drop_condemned(&mut self, is_needed: impl Fn(u64) -> bool) -> bool {
        let condemned = self.condemned;
        let stays = |stage: &Stage| {
            let number = stage.number();
            number > condemned || is_needed(number) || stage.remove_file().is_err()
        };
        self.kept.retain(stays);
        self.resting.retain(stays);
        self.begun = self.begun.take().filter(stays);
        !self.filled().any(|stage| self.is_condemned(stage))
    }

    /// Takes a block back of which no group is open; a later one may go on in it.
    pub(in crate::log) fn put_back(&mut self, mut stage: Stage) {
        stage.give_up();
        if stage.was_hit() {
            return self.resting.push(stage);
        }
        if let Some(other) = self.begun.replace(stage) {
            self.keep(other);
        }
    }

    /// Moves the open group to another block.
    ///
    /// # Errors
    /// As [`Stages::take`]; the group stays where it is.
    #[cold]
    pub(in crate::log) fn move_on(&mut self, stage: &mut Stage) -> Result<(), NoBlock> {
        let mut full = std::mem::replace(stage, self.take()?);
        stage.take_over(&mut full);
        self.keep(full);
        Ok(())
    }

    /// A group of `bytes` was closed, and one of about this size begins: in another block if this one has no room for it.
    pub(in crate::log) fn begin_group(&mut self, stage: &mut Stage, bytes: usize) {
        // If there is none, the append that no longer fits asks again.
        if !stage.fits(bytes + bytes / 4)
            && let Ok(fresh) = self.take()
        {
            let full = std::mem::replace(stage, fresh);
            self.keep(full);
        }
    }

    /// Takes a block that is full.
    fn keep(&mut self, full: Stage) {
        self.kept.push_back(full);
        while self.kept.len() > self.kept_max {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.gone = oldest.number();
            self.resting.push(oldest);
        }
        self.recent.renew(self.gone, &mut self.fresh);
        while self.resting.len() > self.resting_max
            && let Some(at) = self.resting.iter_mut().position(Stage::may_be_dropped)
        {
            let _ = self.resting.remove(at).remove_file();
        }
    }

    /// Takes in a group that has become durable, in the order of the groups.
    pub(in crate::log) fn publish(&mut self, group: RecentGroup) {
        if self.kept_max == 0 {
            return;
        }
        if self.fresh.len() == FRESH_MAX {
            self.fresh.pop_front();
        }
        self.fresh.push_back(group);
        self.recent.renew(self.gone, &mut self.fresh);
    }
}
