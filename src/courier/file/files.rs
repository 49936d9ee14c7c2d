//! The running file, and when the next one begins. Everything here may block for as long as a disk can hang.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::base::time::wall_us;
use crate::courier::cause::{Cause, Trouble};
use crate::log::format::identity::LogFile;
use crate::log::format::record::RecordId;

use super::fault::cause_of;
use super::found::{self, find, finish, sync_dir};
use super::line::FileLine;
use super::name::FileName;

/// Where files go, and when one is finished.
#[derive(Debug, Clone)]
pub struct FileOptions {
    /// The folder of the files.
    pub dir: PathBuf,
    /// The log's folder, which says which log it is.
    pub log_dir: PathBuf,
    /// A file of this size or more is finished.
    pub rotate_bytes: u64,
    /// A file that was begun this long ago is finished.
    pub rotate_age: Duration,
}

/// The file that grows.
#[derive(Debug)]
struct Running {
    file: File,
    name: FileName,
    /// Its durable length. Nothing else is in it between two calls.
    bytes: u64,
    opened: Instant,
}

/// The files of one courier.
#[derive(Debug)]
pub(super) struct Files {
    options: FileOptions,
    /// Whether the folder has been searched for what an earlier run has left.
    searched: bool,
    running: Option<Running>,
    /// Records that are in the files already, and may be given again.
    written: HashSet<RecordId>,
}

impl Files {
    pub(super) fn new(options: FileOptions) -> Self {
        Self { options, searched: false, running: None, written: HashSet::new() }
    }

    /// Finds out whether the folder is there, and finishes the running file if it is due.
    pub(super) fn look_after(&mut self) -> Result<(), Cause> {
        self.drop_what_others_changed();
        if !self.searched {
            self.search()?;
        }
        self.rotate_if_due()
    }

    /// Writes lines, and returns once they are durable. After an error none of them is in the file.
    pub(super) fn write(&mut self, lines: &[FileLine]) -> Result<(), Cause> {
        self.look_after()?;
        let fresh: Vec<&FileLine> = lines.iter().filter(|line| !self.written.contains(&line.id)).collect();
        if fresh.len() == lines.len() {
            // Repeats come first, if they come at all.
            self.written.clear();
        }
        let Some(first) = fresh.first() else { return Ok(()) };
        if self.running.is_none() {
            self.begin(&first.id)?;
        }
        let Some(running) = &mut self.running else { return Ok(()) };
        let path = running.name.part_path(&self.options.dir);
        match append(&running.file, &fresh) {
            Ok(bytes) => {
                running.bytes += bytes;
                Ok(())
            }
            Err(error) => {
                // What has got into the file is taken out again: whether it is durable is not known, and it will be written again.
                if running.file.set_len(running.bytes).is_err() {
                    // The next call reopens the file, and finds out what is in it.
                    (self.running, self.searched) = (None, false);
                }
                Err(cause_of(&error, "write", &path))
            }
        }
    }

    /// Lines were written, but whoever gave them was not told so: they will be given again.
    pub(super) fn remember(&mut self, lines: &[FileLine]) {
        self.written.extend(lines.iter().map(|line| line.id));
    }

    fn search(&mut self) -> Result<(), Cause> {
        let dir = &self.options.dir;
        match fs::create_dir(dir) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // If the folder is there, whether it could be made does not matter.
            Err(error) if !dir.is_dir() => return Err(cause_of(&error, "make the folder", dir)),
            Err(_) => {}
        }
        let log = LogFile::read(&self.options.log_dir);
        let log = log.map_err(|error| Cause::new(Trouble::Local, "", error.to_string()))?.log;
        let found = find(dir, &log)?;
        let running = |(file, name, bytes)| Running { file, name, bytes, opened: Instant::now() };
        self.running = found.running.map(running);
        self.written.extend(found.ids);
        self.searched = true;
        Ok(())
    }

    /// If somebody has moved or removed the running file, it is theirs, and another one is begun. If somebody has cut it or written to it, what is
    /// whole stays, and it goes on behind that.
    fn drop_what_others_changed(&mut self) {
        let Some(running) = &self.running else { return };
        let at_path = fs::symlink_metadata(running.name.part_path(&self.options.dir));
        match (at_path, running.file.metadata()) {
            (Ok(at_path), Ok(open)) if (at_path.dev(), at_path.ino()) != (open.dev(), open.ino()) => {
                self.running = None
            }
            (Ok(_), Ok(open)) if open.len() != running.bytes => (self.running, self.searched) = (None, false),
            (Err(error), _) if error.kind() == io::ErrorKind::NotFound => self.running = None,
            // What else is wrong shows when it is written.
            _ => {}
        }
    }

    fn rotate_if_due(&mut self) -> Result<(), Cause> {
        let FileOptions { dir, rotate_bytes, rotate_age, .. } = &self.options;
        let Some(running) = &self.running else { return Ok(()) };
        let age = Duration::from_micros(u64::try_from(now_us() - running.name.begun_us()).unwrap_or(0));
        let is_old = age >= *rotate_age || running.opened.elapsed() >= *rotate_age;
        if running.bytes == 0 || (running.bytes < *rotate_bytes && !is_old) {
            return Ok(());
        }
        finish(dir, &running.name)?;
        self.running = None;
        Ok(())
    }

    fn begin(&mut self, first: &RecordId) -> Result<(), Cause> {
        let dir = &self.options.dir;
        let name = FileName::new(now_us(), first);
        let (path, finished) = (name.part_path(dir), name.path(dir));
        if finished.exists() {
            // The clock was set back. A moment later the name is another one.
            return Err(cause_of(&io::ErrorKind::AlreadyExists.into(), "begin", &finished));
        }
        let made = OpenOptions::new().append(true).create_new(true).open(&path);
        let file = made.map_err(|error| cause_of(&error, "make", &path))?;
        found::lock(&file).map_err(|error| cause_of(&error, "lock", &path))?;
        sync_dir(dir)?;
        self.running = Some(Running { file, name, bytes: 0, opened: Instant::now() });
        Ok(())
    }
}

/// Appends lines durably, and returns how many bytes they take.
fn append(file: &File, lines: &[&FileLine]) -> io::Result<u64> {
    let mut out = BufWriter::with_capacity(256 * 1024, file);
    let mut bytes = 0;
    for line in lines {
        if let Err(error) = out.write_all(&line.line) {
            // Dropping it would try to write the rest.
            let _ = out.into_parts();
            return Err(error);
        }
        bytes += line.line.len() as u64;
    }
    if let Err(error) = out.flush() {
        let _ = out.into_parts();
        return Err(error);
    }
    file.sync_data()?;
    Ok(bytes)
}

fn now_us() -> i64 {
    wall_us() as i64
}

#[cfg(test)]
mod tests;
