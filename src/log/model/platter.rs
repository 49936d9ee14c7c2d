//! What is on the disk, what is only on its way there, and what of it a power cut leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::log::format::control;

use super::rng::Rng;

pub const PAGE: usize = 4096;
const SECTOR: usize = 512;

/// What happens at a call that was chosen beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trap {
    /// The power fails before it.
    Cut,
    /// The process is killed before it.
    Kill,
    /// It fails; a sync may have written some of its pages.
    Fail,
}

/// How a power cut chooses between what is on the disk and what was on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Temper {
    /// Nothing that was not synced has arrived.
    Nothing,
    /// All of it has.
    Everything,
    /// Bytes as they come, names in the order of the calls, up to some call: a journal.
    Journal,
    /// Anything.
    Anything,
}

impl Temper {
    pub const ALL: [Temper; 4] = [Temper::Nothing, Temper::Everything, Temper::Journal, Temper::Anything];
}

#[derive(Debug)]
pub struct State {
    pub root: PathBuf,
    pub files: BTreeMap<u64, Inode>,
    /// The names that are on the disk.
    pub names: BTreeMap<PathBuf, Entry>,
    /// The changes of names that are not, in the order of the calls.
    pub changes: Vec<Change>,
    pub calls: u64,
    pub traps: BTreeMap<u64, Trap>,
    pub failures: u64,
    /// How many times the names of a folder were made durable.
    pub folder_syncs: u64,
    pub temper: Temper,
    pub rng: Rng,
    pub outage: Option<Outage>,
}

/// A file, under whatever name.
#[derive(Debug)]
pub struct Inode {
    pub file: File,
    /// The bytes on the disk.
    pub durable: Vec<u8>,
    /// Pages that a failed sync has left behind: memory holds these bytes and takes them for written.
    pub stale: BTreeMap<usize, Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    Dir,
    File(u64),
}

#[derive(Debug, Clone)]
pub enum Change {
    Add(PathBuf, Entry),
    Rename(PathBuf, PathBuf, Entry),
    Remove(PathBuf),
}

/// What there is once the power is back, or the process is started again.
#[derive(Debug)]
pub enum Outage {
    Cut(BTreeMap<PathBuf, Option<Vec<u8>>>),
    Killed(BTreeMap<u64, Vec<u8>>),
}

impl State {
    pub fn new(root: &Path, seed: u64) -> State {
        State {
            root: root.to_path_buf(),
            files: BTreeMap::new(),
            names: BTreeMap::new(),
            changes: Vec::new(),
            calls: 0,
            traps: BTreeMap::new(),
            failures: 0,
            folder_syncs: 0,
            temper: Temper::Anything,
            rng: Rng::new(seed),
            outage: None,
        }
    }

    pub fn created(&mut self, path: &Path, file: File) -> io::Result<File> {
        let entry = self.entry_at(path)?;
        self.changes.push(Change::Add(path.to_path_buf(), entry));
        Ok(file)
    }

    /// The file at a path, known from now on.
    pub fn entry_at(&mut self, path: &Path) -> io::Result<Entry> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let id = file.metadata()?.ino();
        // Kept open, so that the number is not given to another file, and the bytes can be read after it was removed.
        self.files.entry(id).or_insert_with(|| Inode { file, durable: Vec::new(), stale: BTreeMap::new() });
        Ok(Entry::File(id))
    }

    pub fn inode(&mut self, file: &File) -> io::Result<&mut Inode> {
        let id = file.metadata()?.ino();
        Ok(self.files.get_mut(&id).expect("a file of this disk"))
    }

    pub fn synced(&mut self, file: &File, at: u64, bytes: u64, fails: bool) -> io::Result<()> {
        let id = file.metadata()?.ino();
        let State { files, rng, .. } = self;
        let inode = files.get_mut(&id).expect("a file of this disk");
        let now = content(&inode.file);
        let range = pages(at as usize, (at + bytes) as usize);
        if fails {
            for page in range {
                match rng.below(3) {
                    0 => inode.settle(&now, page),
                    _ => inode.leave_behind(&now, page),
                }
            }
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        // A sync that needs the file's length to find the pages again writes that too.
        inode.durable.resize(now.len(), 0);
        range.for_each(|page| inode.settle(&now, page));
        Ok(())
    }

    /// Makes the files known that were made without a call of this trait: control and clock pages, the lock.
    pub fn find_files(&mut self) {
        let mut known: BTreeSet<PathBuf> = self.names.keys().cloned().collect();
        for change in &self.changes {
            match change {
                Change::Add(path, _) => known.insert(path.clone()),
                Change::Rename(from, to, _) => known.remove(from) | known.insert(to.clone()),
                Change::Remove(path) => known.remove(path),
            };
        }
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            let mut paths: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
            paths.sort();
            for path in paths {
                let is_dir = path.is_dir();
                if !known.contains(&path) {
                    let entry = if is_dir { Entry::Dir } else { self.entry_at(&path).unwrap() };
                    self.changes.push(Change::Add(path.clone(), entry));
                }
                if is_dir {
                    folders.push(path);
                }
            }
        }
    }

    /// Makes the changes durable that concern a folder, with those before them that concern the same files.
    pub fn settle_names(&mut self, dir: &Path) {
        let mut concerned = BTreeSet::new();
        let (mut settled, mut rest) = (Vec::new(), Vec::new());
        for change in self.changes.drain(..).rev() {
            let paths = change.paths();
            if paths.iter().any(|path| path.parent() == Some(dir) || concerned.contains(path)) {
                concerned.extend(paths);
                settled.push(change);
            } else {
                rest.push(change);
            }
        }
        self.changes = rest.into_iter().rev().collect();
        settled.iter().rev().for_each(|change| change.apply(&mut self.names));
    }

    pub fn spring(&mut self, trap: Trap) {
        self.find_files();
        self.outage = Some(match trap {
            Trap::Cut => Outage::Cut(self.left_by_cut()),
            Trap::Kill | Trap::Fail => {
                Outage::Killed(self.files.iter().map(|(&id, inode)| (id, content(&inode.file))).collect())
            }
        });
    }

    /// The files that a power cut leaves. None stands for a folder.
    fn left_by_cut(&mut self) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        let mut names = self.names.clone();
        let journal_to = self.rng.below(self.changes.len() as u64 + 1) as usize;
        for (at, change) in self.changes.iter().enumerate() {
            let arrived = match self.temper {
                Temper::Nothing => false,
                Temper::Everything => true,
                Temper::Journal => at < journal_to,
                Temper::Anything => self.rng.one_in(2),
            };
            if arrived {
                change.apply(&mut names);
            }
        }
        let (root, temper) = (self.root.clone(), self.temper);
        let is_there = |path: &Path| {
            path.ancestors().skip(1).take_while(|at| *at != root).all(|at| names.get(at) == Some(&Entry::Dir))
        };
        let mut left = BTreeMap::new();
        for (path, entry) in names.iter().filter(|(path, _)| is_there(path)) {
            let bytes = match entry {
                Entry::Dir => None,
                Entry::File(id) => Some(self.files[id].left_by_cut(temper, &mut self.rng)),
            };
            left.insert(path.clone(), bytes);
        }
        left
    }

    pub fn put(&mut self, left: BTreeMap<PathBuf, Option<Vec<u8>>>) {
        self.files.clear();
        self.changes.clear();
        self.names.clear();
        for entry in fs::read_dir(&self.root).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { fs::remove_dir_all(&path).unwrap() } else { fs::remove_file(&path).unwrap() }
        }
        // Parents come before what is in them.
        for (path, bytes) in left {
            let entry = match bytes {
                None => {
                    fs::create_dir(&path).unwrap();
                    Entry::Dir
                }
                Some(bytes) => {
                    fs::write(&path, &bytes).unwrap();
                    // The file is the one that was made, though the model puts another in its place.
                    let place = control::at::PLACE..control::at::PLACE + 8;
                    let named = bytes.get(place).is_some_and(|place| place != [0; 8]);
                    if path.ends_with(control::FILE_NAME) && named {
                        control::restamp(&path);
                    }
                    let bytes = fs::read(&path).unwrap();
                    let entry = self.entry_at(&path).unwrap();
                    if let Entry::File(id) = entry {
                        self.files.get_mut(&id).unwrap().durable = bytes;
                    }
                    entry
                }
            };
            self.names.insert(path, entry);
        }
    }
}

impl Inode {
    /// The page is written to the disk, unless memory takes it for written already.
    pub fn settle(&mut self, now: &[u8], page: usize) {
        let to = (page + PAGE).min(now.len());
        if page >= to || self.stale.get(&page).is_some_and(|held| held[..] == now[page..to]) {
            return;
        }
        self.stale.remove(&page);
        if self.durable.len() < to {
            self.durable.resize(to, 0);
        }
        self.durable[page..to].copy_from_slice(&now[page..to]);
    }

    /// The page could not be written, and memory takes it for written nevertheless.
    fn leave_behind(&mut self, now: &[u8], page: usize) {
        let to = (page + PAGE).min(now.len());
        if page < to && grown(&self.durable, page, to) != now[page..to] {
            self.stale.insert(page, now[page..to].to_vec());
        }
    }

    fn left_by_cut(&self, temper: Temper, rng: &mut Rng) -> Vec<u8> {
        let now = content(&self.file);
        let arrives = |rng: &mut Rng| match temper {
            Temper::Nothing => false,
            Temper::Everything => true,
            Temper::Journal | Temper::Anything => rng.one_in(2),
        };
        let length = if arrives(rng) { now.len() } else { self.durable.len() };
        let mut left = grown(&self.durable, 0, length);
        for page in pages(0, length.min(now.len())) {
            let to = (page + PAGE).min(length).min(now.len());
            let clean = self.stale.get(&page).is_some_and(|held| held.get(..to - page) == Some(&now[page..to]));
            if clean || left[page..to] == now[page..to] {
                continue;
            }
            let torn = !matches!(temper, Temper::Nothing | Temper::Everything) && rng.one_in(3);
            if torn {
                // Some disks spoil a sector that they were writing. This is why a page with acknowledged bytes is not written again.
                let spoils = rng.one_in(4);
                for sector in (page..to).step_by(SECTOR) {
                    let to = (sector + SECTOR).min(to);
                    match rng.below(if spoils { 3 } else { 2 }) {
                        0 => {}
                        1 => left[sector..to].copy_from_slice(&now[sector..to]),
                        _ => left[sector..to].fill(rng.next() as u8),
                    }
                }
            } else if arrives(rng) {
                left[page..to].copy_from_slice(&now[page..to]);
            }
        }
        left
    }
}

impl Change {
    fn paths(&self) -> Vec<PathBuf> {
        match self {
            Change::Add(path, _) | Change::Remove(path) => vec![path.clone()],
            Change::Rename(from, to, _) => vec![from.clone(), to.clone()],
        }
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, Entry>) {
        match self {
            Change::Add(path, entry) => {
                names.insert(path.clone(), *entry);
            }
            Change::Rename(from, to, entry) => {
                names.remove(from);
                names.insert(to.clone(), *entry);
            }
            Change::Remove(path) => {
                names.remove(path);
            }
        }
    }
}

/// The first bytes of the pages that a range touches.
pub fn pages(from: usize, to: usize) -> impl Iterator<Item = usize> {
    (from / PAGE * PAGE..to).step_by(PAGE)
}

/// Bytes `from..to`, with zeros where there are none.
pub fn grown(bytes: &[u8], from: usize, to: usize) -> Vec<u8> {
    let mut part = bytes.get(from..to.min(bytes.len())).unwrap_or_default().to_vec();
    part.resize(to - from, 0);
    part
}

pub fn content(file: &File) -> Vec<u8> {
    let mut bytes = vec![0; file.metadata().unwrap().len() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}
