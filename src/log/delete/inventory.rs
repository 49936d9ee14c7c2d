//! What there is to decide about: the log's segments and sidecars, the consumers' cursors, and the space on the disk.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use uuid::Uuid;

use crate::log::cursor::Listed;
use crate::log::disk::free_space::free_bytes;
use crate::log::error::LogError;
use crate::log::format::position::MergePosition;
use crate::log::format::sidecar::Sidecar;
use crate::log::names;
use crate::log::names::segment_id;
use crate::log::read::reader::core_dirs;
use crate::log::retain::{Facts, Sealed};
use crate::log::write::spares::Spare;

/// Sealed segments whose sidecars were read: they never change. As many as there are on the disk.
#[derive(Debug, Default)]
pub(super) struct Known(HashMap<(u16, u64), Sealed>);

/// What a listing of the log's folders found.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    pub segments: Vec<Sealed>,
    pub other_bytes: u64,
    /// Deletions that were begun: core, id, and the bytes that are left.
    pub begun: Vec<(u16, u64, u64)>,
    /// Blank files for segments to come, by core. The log's size does not count them: it will not grow by what is made of them.
    pub spares: Vec<(u16, Spare)>,
}

impl Inventory {
    /// The bytes of all spare files.
    pub fn spare_bytes(&self) -> u64 {
        self.spares.iter().map(|(_, spare)| spare.bytes).sum()
    }

    /// Lists the log in a folder.
    pub fn take(log_dir: &Path, log: Uuid, known: &mut Known) -> Result<Inventory, LogError> {
        let mut inventory = Inventory::default();
        let mut seen = HashSet::new();
        for (core, dir) in core_dirs(log_dir)? {
            let list = || LogError::io(&dir, "list the core's folder");
            for entry in fs::read_dir(&dir).map_err(list())? {
                let path = entry.map_err(list())?.path();
                let extension = path.extension().and_then(|extension| extension.to_str());
                let Some(id) = path.file_stem().and_then(|stem| stem.to_str()).and_then(segment_id) else { continue };
                match extension {
                    Some(names::SEALED) => {
                        if let Some(sealed) = known.sealed(core, id, &path, log) {
                            seen.insert((core, id));
                            inventory.segments.push(sealed);
                        }
                    }
                    Some(names::OPEN) => inventory.other_bytes += fs::metadata(&path).map_or(0, |meta| meta.len()),
                    Some(names::DELETED) => {
                        let bytes = fs::metadata(&path).map_or(0, |meta| meta.len());
                        inventory.other_bytes += bytes;
                        inventory.begun.push((core, id, bytes));
                    }
                    Some(names::SPARE) => {
                        let bytes = fs::metadata(&path).map_or(0, |meta| meta.len());
                        inventory.spares.push((core, Spare { id, bytes }));
                    }
                    _ => {}
                }
            }
        }
        inventory.spares.sort_unstable_by_key(|(core, spare)| (*core, spare.id));
        known.0.retain(|key, _| seen.contains(key));
        Ok(inventory)
    }
}

impl Known {
    /// A segment that was listed.
    pub fn get(&self, core: u16, id: u64) -> Option<&Sealed> {
        self.0.get(&(core, id))
    }

    /// None where it vanished.
    fn sealed(&mut self, core: u16, id: u64, path: &Path, log: Uuid) -> Option<Sealed> {
        if let Some(known) = self.0.get(&(core, id)) {
            return Some(known.clone());
        }
        let bytes = fs::metadata(path).ok()?.len();
        let sidecar = Sidecar::read(path).ok().flatten().filter(|sidecar| sidecar.log == log);
        let facts = sidecar.and_then(|sidecar| Facts::of(&sidecar, core, id, bytes));
        let sealed = Sealed { core, id, bytes, facts };
        if sealed.facts.is_some() {
            self.0.insert((core, id), sealed.clone());
        }
        Some(sealed)
    }
}

/// How far each holding consumer has come; None for a cursor that can't be believed.
pub(super) fn holding(listed: &[Listed]) -> Vec<Option<MergePosition>> {
    listed.iter().filter_map(held_from).map(|(_, position)| position).collect()
}

/// The same, and each consumer's name.
pub(super) fn holders(listed: &[Listed]) -> (Vec<String>, Vec<Option<MergePosition>>) {
    listed.iter().filter_map(held_from).map(|(name, position)| (name.to_owned(), position)).unzip()
}

fn held_from(listed: &Listed) -> Option<(&str, Option<MergePosition>)> {
    match &listed.cursor {
        Ok(cursor) => cursor.holds.then(|| (&*listed.name, Some(cursor.position.clone()))),
        Err(_) => Some((&*listed.name, None)),
    }
}

/// How much has to be freed before the disk of a folder is no longer nearly full, of which `spare_bytes` are free for this log.
pub(super) fn missing_bytes(dir: &Path, low_water_bytes: u64, spare_bytes: u64) -> Result<u64, LogError> {
    let free = free_bytes(dir).map_err(LogError::io(dir, "find the free space"))?;
    Ok(low_water_bytes.saturating_sub(free.saturating_add(spare_bytes)))
}
