//! The records of an archive, in the order of the log.
//!
//! Files are sorted by session and time, and their times overlap, so records have to be put in order: each row group is sorted by itself, and all
//! row groups of files that reach into the present time are merged. A file is loaded when the first of its records may be next. What does not fit
//! into memory meanwhile waits in a temporary file.
//!
//! A compactor may merge files while they are read. A file that is gone is found again under another name in the manifest of that moment; reading
//! then goes on behind the last record that was given out. What was added meanwhile is read, too: the log may have deleted it since.

use std::collections::HashSet;
use std::num::NonZero;
use std::ops::RangeInclusive;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;

use crate::archive::error::ArchiveError;
use crate::archive::manifest::FileEntry;
use crate::archive::record_file::{ArchivedRecord, GroupRange, RecordFile};
use crate::cli::error::CliError;
use crate::cli::output::{counted, warn};
use crate::cli::replay::order::{Entry, Held, Mark, MergedRuns, Run};
use crate::log::read::reader::LogReader;

use super::archive_files::{ArchiveFiles, Content, FileList};
use super::damage::{Damaged, Findings, whole_file};
use super::means::Means;
use super::read_log::Begin;
use super::sink::{Sink, Unwanted};
use super::wanted::{Lies, Wanted};

/// How many row groups are decoded at once at most, and how much they may inflate to together.
const THREADS_MAX: usize = 8;
const AT_ONCE_BYTES_MAX: u64 = 64 << 20;

/// How much of a run is read at once where it waits in the temporary file.
const BUFFER_BYTES: usize = 256 << 10;

/// Reads what is wanted of an archive into the sink. Returns where its log goes on; `None` if nothing more is wanted.
///
/// # Errors
/// The archive can't be read. Damage of single files is no error.
pub fn read_archive(
    files: &ArchiveFiles,
    wanted: &Wanted,
    means: &Means,
    findings: &mut Findings,
    sink: &mut Sink,
) -> Result<Option<Begin>, CliError> {
    let mut reading = Reading::begin(files, wanted, means, findings)?;
    while let Some(entry) = reading.next_of_newest()? {
        if means.is_stopping() {
            return Ok(None);
        }
        let Entry { mark, held } = entry;
        match reading.wanted.lies(mark.due_us, mark.id) {
            Lies::Before => continue,
            Lies::Behind => break,
            Lies::Within => {}
        }
        // Files that were merged meanwhile are read again up to here.
        reading.wanted.after = Some((mark.due_us, mark.id));
        if let Err(Unwanted) = sink.give(held) {
            return Ok(None);
        }
    }
    let begin =
        reading.list.to.map_or(Begin::First, |position| Begin::Behind { position, last_us: reading.list.last_us });
    Ok(sink.flush().is_ok().then_some(begin))
}

/// Makes sure that a log goes on where an archive ends.
///
/// # Errors
/// The archive is of another log.
pub fn check_log(begin: &Begin, reader: &LogReader, path: &Path) -> Result<Begin, CliError> {
    match begin {
        Begin::Behind { position, .. } if position.log != reader.log_uuid() => Err(CliError::Other(format!(
            "{}: the archive is of log {}, but the log is {}: play them one by one, with --source archive and --source log",
            path.display(),
            position.log,
            reader.log_uuid()
        ))),
        begin => Ok(begin.clone()),
    }
}

struct Reading<'a> {
    files: &'a ArchiveFiles,
    wanted: Wanted,
    means: &'a Means,
    findings: &'a mut Findings,
    list: FileList,
    /// How many of the list's files were loaded.
    loaded: usize,
    runs: MergedRuns,
    /// Files of which nothing is played, and that were told.
    told: HashSet<String>,
}

impl<'a> Reading<'a> {
    fn begin(
        files: &'a ArchiveFiles,
        wanted: &Wanted,
        means: &'a Means,
        findings: &'a mut Findings,
    ) -> Result<Self, CliError> {
        let list = files.list(wanted)?;
        if list.unread > 0 {
            let segments = counted(list.unread as u64, "segment");
            warn(&format!(
                "{segments} of the log could not be read as a whole when archived: records of theirs may be missing here; --source log plays what it still has"
            ));
        }
        means.counts.expect(list.files.iter().map(|file| file.inflated_bytes).sum());
        Ok(Self {
            files,
            wanted: wanted.clone(),
            means,
            findings,
            list,
            loaded: 0,
            runs: MergedRuns::default(),
            told: HashSet::new(),
        })
    }

    /// The next record, also of what was added to the archive since it was listed.
    fn next_of_newest(&mut self) -> Result<Option<Entry>, CliError> {
        loop {
            let entry = self.next()?;
            if entry.is_some() || self.means.is_stopping() {
                return Ok(entry);
            }
            let list = self.files.list(&self.wanted)?;
            if list.to == self.list.to {
                return Ok(None);
            }
            self.go_on_with(list);
        }
    }

    /// The next record.
    fn next(&mut self) -> Result<Option<Entry>, CliError> {
        while let Some(file) = self.list.files.get(self.loaded).filter(|_| !self.means.is_stopping()) {
            let first_us = file.first_us.cast_unsigned();
            if self.runs.next_mark().is_some_and(|mark| mark.due_us < first_us) {
                break;
            }
            self.load()?;
        }
        let entry = self.runs.next().map_err(CliError::Temporary)?;
        if let Some(entry) = &entry {
            self.means.counts.pass(entry.held.bytes() as u64);
        }
        Ok(entry)
    }

    /// Loads the next file.
    fn load(&mut self) -> Result<(), CliError> {
        let file = self.list.files[self.loaded].clone();
        if self.told.contains(&file.path) {
            self.loaded += 1;
            return Ok(());
        }
        let path = self.files.path(&file);
        let (hash, opened) = match self.files.read(&file)? {
            Content::Missing => return self.list_again(&file),
            Content::Damaged => {
                self.loaded += 1;
                let reason = "damaged: it is longer or shorter than the manifest says; nothing of it was played";
                self.leave_out(&file, reason);
                return Ok(());
            }
            Content::Bytes { bytes, hash } => (hash, RecordFile::open(&path, bytes)),
            Content::File { file, hash } => (hash, RecordFile::open(&path, file)),
        };
        self.loaded += 1;
        let is_whole = hash.to_hex().as_str() == file.blake3;
        if !is_whole && !self.wanted.unproven {
            let reason = "damaged: its bytes are not those that the manifest has the hash of; nothing of it was played, \
                          --unproven plays the row groups that can be read";
            self.leave_out(&file, reason);
            return Ok(());
        }
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) => {
                let reason = format!("damaged: its footer can't be read ({error}); nothing of it was played");
                self.leave_out(&file, reason);
                return Ok(());
            }
        };
        if !is_whole {
            let reason = "damaged: its bytes are not those that the manifest has the hash of; what can be read of it was played unproven";
            self.findings.damaged(whole_file(&path, None, reason));
        }
        let mut groups = Vec::new();
        for group in 0..opened.groups() {
            let range = opened.range(group);
            if self.may_have(&range) {
                groups.push((group, range));
            } else {
                self.means.counts.leave_out(if self.is_in_time(&range) { range.rows } else { 0 });
            }
        }
        let mut left = &groups[..];
        while !left.is_empty() {
            let (these, rest) = left.split_at(at_once(left));
            for ((group, range), read) in these.iter().zip(decode(&opened, &path, these)) {
                self.load_group(&path, *group, range, read)?;
            }
            left = rest;
        }
        Ok(())
    }

    fn load_group(
        &mut self,
        path: &Path,
        group: usize,
        range: &GroupRange,
        read: Result<Vec<ArchivedRecord>, ArchiveError>,
    ) -> Result<(), CliError> {
        let records = match read {
            Ok(records) => records,
            Err(error) => {
                let reason = format!("damaged: can't be read ({error})");
                self.findings.damaged(Damaged { row_group: Some(group), ..whole_file(path, Some(range.rows), reason) });
                return Ok(());
            }
        };
        let mut entries = Vec::with_capacity(records.len());
        for ArchivedRecord { head, ext, payload } in records {
            if self.wanted.lies(head.order_us, head.id) != Lies::Within {
                continue;
            }
            if self.wanted.chooses(&head) {
                entries.push(Entry { mark: Mark::of(&head), held: Held { head, ext, payload } });
            } else {
                self.means.counts.leave_out(1);
            }
        }
        let run = Run::new(entries, &self.means.budget, &self.means.spill).map_err(CliError::Temporary)?;
        self.runs.add(&run, BUFFER_BYTES).map_err(CliError::Temporary)
    }

    /// Nothing of a file is played.
    fn leave_out(&mut self, file: &FileEntry, reason: impl Into<String>) {
        self.findings.damaged(whole_file(&self.files.path(file), Some(file.rows), reason));
        self.told.insert(file.path.clone());
    }

    /// A file is gone. Where the manifest does not name it any more, reading goes on by what it names now.
    fn list_again(&mut self, gone: &FileEntry) -> Result<(), CliError> {
        let list = self.files.list(&self.wanted)?;
        if list.files.iter().any(|file| file.path == gone.path) {
            self.loaded += 1;
            let reason = "missing, though the manifest names it";
            self.leave_out(gone, reason);
            return Ok(());
        }
        self.go_on_with(list);
        Ok(())
    }

    fn go_on_with(&mut self, list: FileList) {
        self.list = list;
        self.loaded = 0;
        self.runs = MergedRuns::default();
    }

    fn is_in_time(&self, range: &GroupRange) -> bool {
        let (first_us, last_us) = (self.wanted.first_us(), self.wanted.last_us());
        range
            .times_us
            .as_ref()
            .is_none_or(|times| times.end().cast_unsigned() >= first_us && times.start().cast_unsigned() <= last_us)
    }

    fn may_have(&self, range: &GroupRange) -> bool {
        let has =
            |known: &Option<RangeInclusive<i64>>, value: i64| known.as_ref().is_none_or(|known| known.contains(&value));
        let project = self.wanted.project.is_none_or(|project| has(&range.projects, i64::from(project)));
        let sessions = self.wanted.sessions.as_ref();
        let session = sessions.is_none_or(|all| all.iter().any(|session| has(&range.sessions, session.cast_signed())));
        self.is_in_time(range) && project && session
    }
}

/// How many of these row groups are decoded at once: one for each processor, as far as all are small.
fn at_once(groups: &[(usize, GroupRange)]) -> usize {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let mut bytes = 0_u64;
    let small = groups.iter().take(processors.min(THREADS_MAX)).take_while(|(_, range)| {
        bytes = bytes.saturating_add(range.bytes);
        bytes <= AT_ONCE_BYTES_MAX
    });
    small.count().max(1)
}

/// Decodes row groups, each on a thread of its own. What is read does not depend on how many there are.
fn decode(
    file: &RecordFile,
    path: &Path,
    groups: &[(usize, GroupRange)],
) -> Vec<Result<Vec<ArchivedRecord>, ArchiveError>> {
    let [(first, _), others @ ..] = groups else { return Vec::new() };
    thread::scope(|scope| {
        let others: Vec<_> = others.iter().map(|&(group, _)| scope.spawn(move || file.read(path, group))).collect();
        let mut read = vec![file.read(path, *first)];
        read.extend(others.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))));
        read
    })
}
