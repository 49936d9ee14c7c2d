//! The records of one session in an archive, for whoever replays nothing.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use crate::archive::source::Source as ArchiveSource;
use crate::cli::error::CliError;
use crate::cli::replay::order::{Budget, Spill};
use crate::log::format::record::Record;

use super::archive_files::ArchiveFiles;
use super::counts::ReadCounts;
use super::damage::Findings;
use super::feed::Feed;
use super::means::Means;
use super::place::Origin;
use super::wanted::{Tables, Wanted};

/// Memory for records that wait to be put in order. What is more waits in a file.
const MEMORY_BYTES: usize = 256 << 20;

/// Hands all records of a session to `each`, in the order of the log, and then tells on stderr what of the archive is damaged.
///
/// # Errors
/// The archive can't be read, or `each` has failed.
pub fn session_of_archive(
    session: u64,
    source: ArchiveSource,
    each: &mut dyn FnMut(&Record<'_>) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let origin = Origin { path: Path::new("").to_owned(), log: None, archive: Some(ArchiveFiles::of(source)) };
    let wanted = Wanted {
        from_us: 0,
        until_us: u64::MAX,
        project: None,
        sessions: Some(Arc::new(HashSet::from([session]))),
        after: None,
        up_to: None,
        tables: Tables::All,
        with_repeats: false,
        unproven: false,
    };
    let means = Means {
        budget: Budget::new(MEMORY_BYTES),
        spill: Spill::default(),
        counts: Arc::new(ReadCounts::default()),
        stop: Arc::default(),
        closed: Arc::default(),
    };
    let mut feed = Feed::start(origin, wanted, means)?;
    while let Some(held) = feed.next()? {
        each(&held.record())?;
    }
    Findings::remark(&feed.finish()?);
    Ok(())
}
