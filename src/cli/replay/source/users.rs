//! The sessions of a user: those whose start, or whose later messages, carry the user's id.

use std::collections::HashSet;

use crate::cli::error::CliError;

use super::place::Origin;

/// The sessions of users in all sources.
///
/// # Errors
/// A source can't be read, or `is_stopping` became true.
#[cfg(feature = "archive")]
pub fn sessions_of(
    users: &[String],
    origins: &[Origin],
    is_stopping: &dyn Fn() -> bool,
) -> Result<HashSet<u64>, CliError> {
    let users: HashSet<&[u8]> = users.iter().map(|user| user.as_bytes()).collect();
    let mut sessions = HashSet::new();
    for origin in origins {
        reading::in_origin(origin, &|user| users.contains(user), &mut sessions, is_stopping)?;
    }
    Ok(sessions)
}

/// The events of a batch are read by the archive's decoder.
#[cfg(not(feature = "archive"))]
pub fn sessions_of(_: &[String], _: &[Origin], _: &dyn Fn() -> bool) -> Result<HashSet<u64>, CliError> {
    let text = "--user: this takeup was built without archives, whose decoder finds users: build it with `cargo build --release`";
    Err(CliError::Other(text.to_owned()))
}

#[cfg(feature = "archive")]
mod reading {
    use std::collections::HashSet;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use crate::archive::decode::{Event, EventDecoder, EventKind};
    use crate::archive::payload::PayloadReader;
    use crate::archive::user_file::{USER_TABLES, UserFile};
    use crate::cli::error::CliError;
    use crate::cli::replay::source::archive_files::{ArchiveFiles, Content};
    use crate::cli::replay::source::place::Origin;
    use crate::log::format::record::Record;
    use crate::log::read::merge::{Merge, MergePosition};
    use crate::records::Start;

    /// How often the list of files is read again because a compactor has merged some of them.
    const LISTS_MAX: usize = 100;

    /// The largest batch, inflated, whose messages are read.
    const INFLATED_MAX: usize = 256 << 20;

    type IsWanted<'a> = &'a dyn Fn(&[u8]) -> bool;

    pub(super) fn in_origin(
        origin: &Origin,
        is_wanted: IsWanted<'_>,
        sessions: &mut HashSet<u64>,
        is_stopping: &dyn Fn() -> bool,
    ) -> Result<(), CliError> {
        let to = match &origin.archive {
            Some(files) => in_archive(files, is_wanted, sessions, is_stopping)?,
            None => None,
        };
        let Some(reader) = &origin.log else { return Ok(()) };
        // An archive of another log is told when the replay begins.
        let to = to.filter(|to| to.log == reader.log_uuid());
        let mut merge = match to {
            Some(position) => Merge::resume(reader.clone(), &position)?,
            None => Merge::new(reader.clone()),
        };
        let (mut payloads, mut events) = (PayloadReader::default(), EventDecoder::default());
        while let Some(record) = merge.next_settled()? {
            if is_stopping() {
                return Err(interrupted());
            }
            if names(&record, is_wanted, &mut payloads, &mut events) {
                sessions.insert(record.session);
            }
        }
        Ok(())
    }

    fn interrupted() -> CliError {
        CliError::Other("interrupted".to_owned())
    }

    fn in_archive(
        files: &ArchiveFiles,
        is_wanted: IsWanted<'_>,
        sessions: &mut HashSet<u64>,
        is_stopping: &dyn Fn() -> bool,
    ) -> Result<Option<MergePosition>, CliError> {
        'lists: for _ in 0..LISTS_MAX {
            let (list, to) = files.of_tables(&USER_TABLES)?;
            for file in &list {
                if is_stopping() {
                    return Err(interrupted());
                }
                let path = files.path(file);
                let Some(table) = USER_TABLES.into_iter().find(|table| table.name == file.table) else { continue };
                let damaged = |reason: String| {
                    CliError::Other(format!(
                        "{}: {reason}; --user can't tell all sessions of the user: choose them with --session, or play the log with --source log",
                        path.display()
                    ))
                };
                // A file that was merged meanwhile has another name now.
                let (hash, opened) = match files.read(file)? {
                    Content::Missing => continue 'lists,
                    Content::Damaged => {
                        return Err(damaged("damaged: it is longer or shorter than the manifest says".to_owned()));
                    }
                    Content::Bytes { bytes, hash } => (hash, UserFile::open(&path, bytes)),
                    Content::File { file, hash } => (hash, UserFile::open(&path, file)),
                };
                if hash.to_hex().as_str() != file.blake3 {
                    return Err(damaged(
                        "damaged: its bytes are not those that the manifest has the hash of".to_owned(),
                    ));
                }
                let read = opened.and_then(|opened| opened.add_sessions(table, &path, is_wanted, sessions));
                read.map_err(|error| damaged(error.to_string()))?;
            }
            return Ok(to);
        }
        Err(CliError::Other("--user: the archive's files change all the time; try again later".to_owned()))
    }

    /// Whether a record names a wanted user.
    fn names(
        record: &Record<'_>,
        is_wanted: IsWanted<'_>,
        payloads: &mut PayloadReader,
        events: &mut EventDecoder,
    ) -> bool {
        if let Some(row) = Start::read(record).and_then(|start| start.row()) {
            return !row.user_id.is_empty() && is_wanted(row.user_id.as_bytes());
        }
        let payload = payloads.read(record, INFLATED_MAX);
        if payload.kept.is_some() {
            return false;
        }
        let look = |event: &Event<'_>| {
            let is_theirs =
                event.kind == EventKind::User && event.value.as_deref().is_some_and(|user| is_wanted(user.as_bytes()));
            if is_theirs { Err(()) } else { Ok(()) }
        };
        // What the decoder can't read has no user. Its first error is that the user was found.
        let found = catch_unwind(AssertUnwindSafe(|| events.decode(record, payload.bytes, look).is_err()));
        found.unwrap_or_else(|_| {
            *events = EventDecoder::default();
            false
        })
    }
}
