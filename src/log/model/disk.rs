//! A disk that forgets what was not synced.
//!
//! It makes every call on real files, so that mappings and readers work as ever, and keeps beside them what a power cut would leave: for
//! each file the bytes that are on the disk, for the names those that were synced. Whatever else there is may be on the disk or not, page
//! by page and name by name, and a page may be torn between two sectors.
//!
//! What it allows goes beyond any one file system: a file's sync does not bring its name, a folder's names may survive in any
//! combination. A rename is whole or not at all. After a failed sync a page may be clean in memory and missing on the disk, and a later
//! sync says nothing of it, as Linux has it.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use memmap2::MmapRaw;

use crate::log::disk::calls::{Disk, REAL};

use super::platter::{Change, Entry, Outage, PAGE, State, Temper, Trap, content, grown, pages};

#[derive(Debug)]
pub struct ModelDisk {
    state: Mutex<State>,
}

/// What a disk was about to do.
pub struct Pause {
    calls: u64,
    traps: BTreeMap<u64, Trap>,
}

impl ModelDisk {
    /// A disk whose files are below `root`, which is empty.
    pub fn new(root: &Path, seed: u64) -> ModelDisk {
        ModelDisk { state: Mutex::new(State::new(root, seed)) }
    }

    /// Forgets everything and begins anew with another folder.
    pub fn begin(&self, root: &Path, seed: u64) {
        *self.state() = State::new(root, seed);
    }

    /// Sets a trap at the call after `calls` more.
    pub fn set_trap(&self, calls: u64, trap: Trap) {
        let mut state = self.state();
        let at = state.calls + calls;
        state.traps.insert(at, trap);
    }

    pub fn set_temper(&self, temper: Temper) {
        self.state().temper = temper;
    }

    pub fn clear_traps(&self) {
        self.state().traps.clear();
    }

    /// Calls from here on are not counted and meet no trap, until [`go_on`](ModelDisk::go_on).
    pub fn pause(&self) -> Pause {
        let mut state = self.state();
        Pause { calls: state.calls, traps: std::mem::take(&mut state.traps) }
    }

    pub fn go_on(&self, pause: Pause) {
        let mut state = self.state();
        (state.calls, state.traps) = (pause.calls, pause.traps);
    }

    /// How many calls were made.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// How many times the names of a folder were made durable.
    pub fn folder_syncs(&self) -> u64 {
        self.state().folder_syncs
    }

    /// How many calls were made to fail.
    pub fn failures(&self) -> u64 {
        self.state().failures
    }

    /// Whether there is no power or no process: no call does anything until the [`restart`](ModelDisk::restart).
    pub fn is_down(&self) -> bool {
        self.state().outage.is_some()
    }

    /// Whether it is down for a power cut.
    pub fn was_cut(&self) -> bool {
        matches!(self.state().outage, Some(Outage::Cut(_)))
    }

    /// A power cut or a kill, now.
    pub fn stop(&self, trap: Trap) {
        let mut state = self.state();
        if state.outage.is_none() {
            state.spring(trap);
        }
    }

    /// Memory is written out here and there, as a kernel does when it likes.
    pub fn write_back(&self) {
        let mut state = self.state();
        state.find_files();
        let State { files, rng, .. } = &mut *state;
        for inode in files.values_mut() {
            let now = content(&inode.file);
            for page in pages(0, now.len()) {
                if rng.one_in(2) && inode.durable.len() == now.len() {
                    inode.settle(&now, page);
                }
            }
        }
    }

    /// Puts in place what the outage has left. Nothing of the log may be in use.
    pub fn restart(&self) {
        let mut state = self.state();
        state.traps.clear();
        match state.outage.take() {
            None => {}
            Some(Outage::Killed(contents)) => {
                for (id, bytes) in contents {
                    let file = &state.files[&id].file;
                    // What the process has done to its mappings after the moment of its death is undone.
                    if content(file) != bytes {
                        file.set_len(bytes.len() as u64).unwrap();
                        file.write_all_at(&bytes, 0).unwrap();
                    }
                }
            }
            Some(Outage::Cut(left)) => state.put(left),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Counts a call, and makes it if nothing is in its way.
    fn call<T>(&self, make: impl FnOnce(&mut State, bool) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state();
        if state.outage.is_some() {
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        let at = state.calls;
        state.calls += 1;
        match state.traps.remove(&at) {
            None => make(&mut state, false),
            Some(Trap::Fail) => {
                state.failures += 1;
                make(&mut state, true)
            }
            Some(trap) => {
                state.spring(trap);
                Err(io::Error::from_raw_os_error(libc::EIO))
            }
        }
    }
}

/// How many descriptors of this process lead to a file.
fn descriptors(file: &File) -> usize {
    let place = |meta: Metadata| (meta.dev(), meta.ino());
    let of = file.metadata().map(place).unwrap();
    let all = fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| fs::metadata(entry.ok()?.path()).ok());
    all.filter(|meta| place(meta.clone()) == of).count()
}

fn no_space<T>() -> io::Result<T> {
    Err(io::Error::from_raw_os_error(libc::ENOSPC))
}

fn broken<T>() -> io::Result<T> {
    Err(io::Error::from_raw_os_error(libc::EIO))
}

impl Disk for ModelDisk {
    fn create_new(&self, path: &Path) -> io::Result<File> {
        self.call(|state, fails| if fails { no_space() } else { state.created(path, REAL.create_new(path)?) })
    }

    fn create_direct(&self, path: &Path) -> io::Result<File> {
        self.create_new(path)
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        self.call(|state, fails| if fails { no_space() } else { state.created(path, REAL.create(path)?) })
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        self.call(|state, fails| {
            if fails {
                return broken();
            }
            state.entry_at(path)?;
            REAL.open(path)
        })
    }

    fn open_direct(&self, path: &Path) -> io::Result<File> {
        self.open(path)
    }

    fn is_only(&self, file: &File) -> bool {
        // Beside the model's own.
        descriptors(file) <= 2
    }

    fn zero(&self, file: &File, bytes: u64) -> io::Result<()> {
        self.call(|_, fails| {
            if fails {
                return no_space();
            }
            // Not every file system that a test's folder may be on can do it in one call.
            REAL.set_len(file, file.metadata()?.len().max(bytes))?;
            file.write_all_at(&vec![0; bytes as usize], 0)
        })
    }

    fn allocate(&self, file: &File, bytes: u64) -> io::Result<()> {
        self.call(|_, fails| if fails { no_space() } else { REAL.allocate(file, bytes) })
    }

    fn set_len(&self, file: &File, bytes: u64) -> io::Result<()> {
        self.call(|_, fails| if fails { broken() } else { REAL.set_len(file, bytes) })
    }

    fn write_at(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        self.call(|_, fails| if fails { no_space() } else { REAL.write_at(file, bytes, at) })
    }

    fn write_through(&self, file: &File, pages: &[u8], at: u64) -> io::Result<()> {
        // Before the call counts: where the power fails at it, any part of the write may have arrived.
        if !self.is_down() {
            REAL.write_at(file, pages, at)?;
        }
        self.call(|state, fails| state.synced(file, at, pages.len() as u64, fails))
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let bytes = file.metadata()?.len();
        self.call(|state, fails| state.synced(file, 0, bytes, fails))
    }

    fn sync_range(&self, file: &File, _map: &MmapRaw, at: u64, bytes: u64) -> io::Result<()> {
        self.call(|state, fails| state.synced(file, at, bytes, fails))
    }

    fn drop_cache(&self, file: &File) -> io::Result<()> {
        // It has nothing that could fail.
        self.call(|state, _| {
            let inode = state.inode(file)?;
            let stale = std::mem::take(&mut inode.stale);
            let now = content(&inode.file);
            for (page, held) in stale {
                let to = (page + PAGE).min(now.len());
                // A page that was written since is dirty, and stays.
                if page < to && now[page..to] == held[..] {
                    inode.file.write_all_at(&grown(&inode.durable, page, to), page as u64)?;
                }
            }
            Ok(())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(|state, fails| {
            if fails {
                return no_space();
            }
            let entry = state.entry_at(from)?;
            REAL.rename(from, to)?;
            state.changes.push(Change::Rename(from.to_path_buf(), to.to_path_buf(), entry));
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.call(|state, fails| {
            if fails {
                return broken();
            }
            state.entry_at(path)?;
            REAL.remove(path)?;
            state.changes.push(Change::Remove(path.to_path_buf()));
            Ok(())
        })
    }

    fn make_dir(&self, path: &Path) -> io::Result<()> {
        self.call(|state, fails| {
            if fails {
                return no_space();
            }
            REAL.make_dir(path)?;
            state.changes.push(Change::Add(path.to_path_buf(), Entry::Dir));
            Ok(())
        })
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.call(|state, fails| {
            if fails {
                return broken();
            }
            state.find_files();
            state.settle_names(dir);
            state.folder_syncs += 1;
            Ok(())
        })
    }
}
