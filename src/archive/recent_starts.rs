//! The sessions that began lately, of table `sessions`: for a server whose log does not have their starts any more.

use super::column::{Column, KEY_COLUMNS};
use super::error::ArchiveError;
use super::look_ahead::look_ahead;
use super::manifest::FileFilter;
use super::place::Place;
use super::read_file::read_entry;
use super::rows::TableBuffer;
use super::table::Table;
use super::tables::sessions::SESSIONS;

static COLUMNS: [Column; 4] =
    [KEY_COLUMNS[0], KEY_COLUMNS[1], KEY_COLUMNS[2], Column::text("tracker_version").dictionary().nullable()];

/// The start of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecentStart<'a> {
    /// The session.
    pub session: u64,
    /// Its project.
    pub project: u32,
    /// The version of its tracker, if it said one.
    pub tracker_version: Option<&'a str>,
}

/// Passes the sessions that began at this time or later, in microseconds, to `take`, those of the newest files first, until it returns false. Without the
/// archive's lock. Returns what was wrong with the first file that can't be read, if one can't.
///
/// # Errors
/// The manifest can't be believed.
pub fn recent_starts(
    place: &Place,
    from_us: u64,
    mut take: impl FnMut(RecentStart<'_>) -> bool,
) -> Result<Option<ArchiveError>, ArchiveError> {
    let (mut fault, mut is_wanted) = (None, true);
    let filter = FileFilter::default().table(SESSIONS.name).from_us(from_us);
    look_ahead(place, &filter, |_, file| {
        if !is_wanted {
            return Ok(());
        }
        let mut rows = TableBuffer::new(Table { columns: &COLUMNS, ..SESSIONS });
        match read_entry(place, file, &mut rows) {
            Ok(()) => {}
            // Merged meanwhile, or lost: what took its place comes next.
            Err(ArchiveError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => drop(fault.get_or_insert(error)),
        }
        let versions = &rows.columns()[3];
        for row in 0..rows.rows() {
            let key = rows.key(row);
            if key.received_us.cast_unsigned() < from_us {
                continue;
            }
            let version =
                versions.has(row).then(|| versions.bytes(row)).and_then(|text| std::str::from_utf8(text).ok());
            is_wanted = take(RecentStart {
                session: key.session.cast_unsigned(),
                project: u32::try_from(key.project).unwrap_or_default(),
                tracker_version: version,
            });
            if !is_wanted {
                break;
            }
        }
        Ok::<_, ArchiveError>(())
    })?;
    Ok(fault)
}
