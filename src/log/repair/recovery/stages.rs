//! What `ack = "memory"` has answered and what had not reached its segment when the server was killed: it lies in stage files
//! ([`crate::log::format::stage_file`]), and is put into the segments before these are settled.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::log::error::LogError;
use crate::log::format::control::ControlSnapshot;
use crate::log::format::stage_file;
use crate::log::format::stage_file::{StageFile, StagedGroup};
use crate::log::read::reader::SegmentFile;

use super::core_recovery::CoreRecovery;
use super::durability::KnownDurable;

const PIECE_BYTES: usize = 256 << 10;
const PAGE_BYTES: usize = crate::log::disk::page::PAGE_BYTES as usize;

impl CoreRecovery<'_> {
    /// Writes what is missing in open segments. A failure is a problem, and the file then stays.
    pub(super) fn fill_from_stages(&mut self, files: &[SegmentFile], page: Option<&ControlSnapshot>) {
        let boot = stage_file::boot_id();
        for path in stage_file::files(self.dir) {
            let Some(stage) = StageFile::read(&path, self.log, self.core, boot) else { continue };
            for group in &stage.groups {
                let file = files.iter().find(|file| file.id == group.segment && !file.is_sealed());
                let Some(file) = file.filter(|file| !is_durable(group, KnownDurable::by(page, file.id))) else {
                    continue;
                };
                if let Err(error) = self.fill(&stage.file, group, &file.path, &path) {
                    self.done.problems.push(error);
                }
            }
        }
    }

    fn fill(&self, stage: &File, group: &StagedGroup, segment: &Path, stage_path: &Path) -> Result<(), LogError> {
        let file = OpenOptions::new().read(true).write(true).open(segment);
        let file = file.map_err(LogError::io(segment, "open the segment"))?;
        let length = file.metadata().map_err(LogError::io(segment, "find the segment's length"))?.len();
        if group.offset.saturating_add(group.bytes) > length {
            // It failed and was cut, and what it lost was appended again.
            return Ok(());
        }
        let (mut staged, mut there) = (vec![0; PIECE_BYTES], vec![0; PIECE_BYTES]);
        for at in (0..group.bytes).step_by(PIECE_BYTES) {
            let bytes = (group.bytes - at).min(PIECE_BYTES as u64) as usize;
            let (staged, there) = (&mut staged[..bytes], &mut there[..bytes]);
            stage.read_exact_at(staged, group.from + at).map_err(LogError::io(stage_path, "read the stage"))?;
            file.read_exact_at(there, group.offset + at).map_err(LogError::io(segment, "read the segment"))?;
            // Only what is missing: a page that holds acknowledged bytes is not written again.
            for page in (0..bytes).step_by(PAGE_BYTES) {
                let part = page..(page + PAGE_BYTES).min(bytes);
                if staged[part.clone()] != there[part.clone()] {
                    let offset = group.offset + at + page as u64;
                    let written = self.disk.write_at(&file, &staged[part], offset);
                    written.map_err(LogError::io(segment, "put into the segment what was only in memory"))?;
                }
            }
        }
        Ok(())
    }

    /// All that they held is in sealed segments.
    pub(super) fn remove_stages(&mut self) {
        if !self.done.problems.is_empty() {
            return;
        }
        for path in stage_file::files(self.dir) {
            if let Err(error) = self.disk.remove(&path) {
                self.done.problems.push(LogError::io(&path, "remove a stage")(error));
            }
        }
    }
}

fn is_durable(group: &StagedGroup, known: KnownDurable) -> bool {
    match known {
        KnownDurable::Whole => true,
        KnownDurable::UpTo(durable) => group.offset + group.bytes <= durable,
        KnownDurable::Nothing => false,
        // A copy has no stages of its own.
        KnownDurable::Copied => true,
    }
}
