//! Counts the records of the archive, of which it reads a few columns and never the payloads.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::archive::buffer::ColumnBuffer;
use crate::archive::column::{Column, KEY_COLUMNS};
use crate::archive::error::ArchiveError;
use crate::archive::manifest::{FileEntry, FileFilter, LogEnds, Manifest};
use crate::archive::rows::TableBuffer;
use crate::archive::scan_file::{GroupBounds, scan_file};
use crate::archive::source::Source;
use crate::archive::table::Table;
use crate::archive::tables::batches::{BATCHES, RECORDS};
use crate::archive::tables::sessions::SESSIONS;
use crate::log::read::merge::MergePosition;

use super::by::{By, Client, Property};
use super::collector::{Arrival, Collector, What};
use super::error::StatsError;
use super::left_out::{LeftOut, LeftOutFile};
use super::range::Range;

/// How often reading begins anew because a file was merged into another one meanwhile.
const ATTEMPTS: u32 = 20;

/// What is read of `batches`, and of `records`.
const COUNTED: [Column; 6] = [
    KEY_COLUMNS[0],
    KEY_COLUMNS[1],
    KEY_COLUMNS[2],
    Column::int("stored_bytes"),
    Column::int("payload_bytes"),
    Column::text("kind").dictionary(),
];

/// An archive, counted.
#[derive(Debug)]
pub struct Counted {
    /// What was counted.
    pub collector: Collector,
    /// Where the archive ends in each log that it has something of; the log that was archived last comes first.
    pub ends: Vec<MergePosition>,
    /// Files of which nothing was counted.
    pub left_out: LeftOut,
}

/// Counts what the archive holds; `None` if there is no archive. `tell` is told the number of records from time to time. Of a file that is missing or
/// damaged nothing is counted.
///
/// # Errors
/// The manifest, a list of it or the store can't be read; too many sessions.
pub fn count_archive(
    source: &Source,
    range: Range,
    by: By,
    tell: &mut dyn FnMut(u64),
) -> Result<Option<Counted>, StatsError> {
    let filter = FileFilter::default().from_us(range.from_us).until_us(until_us(&range));
    let filter = filter.table(BATCHES.name).table(RECORDS.name).project(range.project.map(i64::from));
    each_attempt(|| {
        let Some((manifest, files)) = snapshot(source, &filter)? else { return Ok(None) };
        let (mut collector, mut left_out) = (Collector::new(range, by), LeftOut::default());
        for file in files {
            let table = if file.table == BATCHES.name { BATCHES } else { RECORDS };
            let read = Table { columns: &COUNTED, ..table };
            let Some(arrivals) = whole(source, &file, read, &range, &mut left_out, |rows, row| {
                Some(arrival(rows, row, table)).filter(|one| range.has(one.project, one.received_us))
            })?
            else {
                continue;
            };
            arrivals.iter().try_for_each(|arrival| collector.count(arrival))?;
            tell(collector.records());
        }
        let LogEnds { last, earlier } = manifest.ends();
        let ends = last.into_iter().chain(earlier).map(|end| end.to).collect();
        Ok(Some(Counted { collector, ends, left_out }))
    })
}

/// Looks in the archive for the starts of the sessions that were counted, whenever these were received. Returns the files that could not be read.
///
/// # Errors
/// Those of [`count_archive`].
pub fn describe_from_archive(source: &Source, collector: &mut Collector) -> Result<LeftOut, StatsError> {
    let Some(property) = collector.property() else { return Ok(LeftOut::default()) };
    // The start may be long before the range, and a session's project is not always known: only the ids tell.
    let filter = FileFilter::default().table(SESSIONS.name).until_us(until_us(collector.range()));
    let read = Table { columns: columns_of(property), ..SESSIONS };
    each_attempt(|| {
        let mut left_out = LeftOut::default();
        let Some((_, files)) = snapshot(source, &filter)? else { return Ok(left_out) };
        for file in files {
            let of_sessions = |rows: &TableBuffer, row| {
                collector.has_session(rows.key(row).session.cast_unsigned()).then(|| Described::of(rows, row))
            };
            let described = whole(source, &file, read, &Range::ALL, &mut left_out, of_sessions)?;
            described.iter().flatten().try_for_each(|one| one.tell(property, collector))?;
        }
        Ok(left_out)
    })
}

/// What `pick` makes of a file's rows; `None` if the file is missing or damaged, which `left_out` then says. A file is taken as a whole, so that half of
/// a session is never counted twice or for all of it.
///
/// # Errors
/// The file was merged or removed meanwhile; something else than the file is at fault.
fn whole<T>(
    source: &Source,
    file: &FileEntry,
    read: Table,
    range: &Range,
    left_out: &mut LeftOut,
    pick: impl Fn(&TableBuffer, usize) -> Option<T>,
) -> Result<Option<Vec<T>>, StatsError> {
    let fault = match read_whole(source, file, read, range, pick) {
        Ok(picked) => return Ok(Some(picked)),
        Err(error @ ArchiveError::Missing { .. }) if !Manifest::names_now(source, file)? => return Err(error.into()),
        Err(error) if error.is_of_a_file() => error,
        Err(error) => return Err(error.into()),
    };
    left_out.add(LeftOutFile {
        path: source.path(&file.path).display().to_string(),
        table: file.table.clone(),
        rows: file.rows,
        reason: fault.to_string(),
    });
    Ok(None)
}

fn read_whole<T>(
    source: &Source,
    file: &FileEntry,
    read: Table,
    range: &Range,
    pick: impl Fn(&TableBuffer, usize) -> Option<T>,
) -> Result<Vec<T>, ArchiveError> {
    let opened = file.open(source)?;
    let mut picked = Vec::new();
    let scan = || {
        scan_file(
            opened,
            read,
            Some(file.rows),
            |group| is_wanted(group, range),
            |rows| {
                picked.extend((0..rows.rows()).filter_map(|row| pick(rows, row)));
                Ok::<_, ArchiveError>(())
            },
        )
    };
    // Nothing has compared the file with its hash, and a damaged one on which the reader panics must not end the counting.
    match catch_unwind(AssertUnwindSafe(scan)) {
        Ok(result) => result.map(|()| picked),
        Err(_) => Err(ArchiveError::Damaged { path: source.path(&file.path) }),
    }
}

/// Runs `attempt` until no file that the manifest named is gone when it is opened: merging puts others in their place.
fn each_attempt<T>(mut attempt: impl FnMut() -> Result<T, StatsError>) -> Result<T, StatsError> {
    for _ in 1..ATTEMPTS {
        match attempt() {
            Err(StatsError::Archive(ArchiveError::Missing { .. })) => {}
            result => return result,
        }
    }
    attempt()
}

/// The manifest and the files that a filter takes, as their first rows were received: a session's batches then come in order.
fn snapshot(source: &Source, filter: &FileFilter) -> Result<Option<(Manifest, Vec<FileEntry>)>, StatsError> {
    let Some((manifest, mut files)) = Manifest::snapshot(source, filter)? else { return Ok(None) };
    files.sort_by_key(|file| file.first_us);
    Ok(Some((manifest, files)))
}

/// Where a range ends, if it does.
fn until_us(range: &Range) -> Option<u64> {
    (range.until_us < u64::MAX).then_some(range.until_us)
}

fn is_wanted(group: &GroupBounds, range: &Range) -> bool {
    group.received_us.is_none_or(|(first, last)| range.overlaps(us(first), us(last)))
        && range
            .project
            .zip(group.projects)
            .is_none_or(|(project, (first, last))| (first..=last).contains(&i64::from(project)))
}

/// A time in the archive, which is never before 1970.
fn us(time: i64) -> u64 {
    u64::try_from(time).unwrap_or(0)
}

fn arrival(rows: &TableBuffer, row: usize, table: Table) -> Arrival {
    let key = rows.key(row);
    let [_, _, _, stored, inflated, kind] = rows.columns() else { unreachable!("these columns were asked for") };
    let what = match kind.bytes(row) {
        _ if table == BATCHES => What::Batch,
        b"image" => What::Images,
        _ => What::Other,
    };
    Arrival {
        project: u32::try_from(key.project).unwrap_or(0),
        session: key.session.cast_unsigned(),
        received_us: us(key.received_us),
        what,
        stored_bytes: us(stored.int(row)),
        inflated_bytes: us(inflated.int(row)),
    }
}

/// What is read of `sessions` for a property.
const fn columns_of(property: Property) -> &'static [Column] {
    const fn read<const N: usize>(names: [&'static str; N]) -> [Column; 5] {
        assert!(N <= 2);
        let second = if N == 2 { names[1] } else { names[0] };
        [
            KEY_COLUMNS[0],
            KEY_COLUMNS[1],
            KEY_COLUMNS[2],
            Column::text(names[0]).dictionary().nullable(),
            Column::text(second).dictionary().nullable(),
        ]
    }
    const BROWSER: [Column; 5] = read(["browser"]);
    const COUNTRY: [Column; 5] = read(["country"]);
    const OS: [Column; 5] = read(["os"]);
    const DEVICE: [Column; 5] = read(["device", "device_type"]);
    const TRACKER: [Column; 5] = read(["client", "tracker_version"]);
    const USER: [Column; 5] = read(["user_id"]);
    match property {
        Property::Browser => &BROWSER,
        Property::Country => &COUNTRY,
        Property::Os => &OS,
        Property::Device => &DEVICE,
        Property::Tracker => &TRACKER,
        Property::User => &USER,
    }
}

/// What a start says of its session.
struct Described {
    session: u64,
    received_us: u64,
    first: String,
    second: String,
}

impl Described {
    fn of(rows: &TableBuffer, row: usize) -> Self {
        let key = rows.key(row);
        let [_, _, _, first, second] = rows.columns() else { unreachable!("these columns were asked for") };
        Self {
            session: key.session.cast_unsigned(),
            received_us: us(key.received_us),
            first: text(first, row).to_owned(),
            second: text(second, row).to_owned(),
        }
    }

    fn tell(&self, property: Property, collector: &mut Collector) -> Result<(), StatsError> {
        let (first, second) = (&*self.first, &*self.second);
        let client = match property {
            Property::Browser => Client { browser: first, ..Client::default() },
            Property::Country => Client { country: first, ..Client::default() },
            Property::Os => Client { os: first, ..Client::default() },
            Property::Device => Client { device: first, device_type: second, ..Client::default() },
            Property::Tracker => Client { kind: first, tracker_version: second, ..Client::default() },
            Property::User => Client { user: first, ..Client::default() },
        };
        Ok(collector.describe(self.session, self.received_us, &client, false)?)
    }
}

/// A column of texts holds UTF-8.
fn text(column: &ColumnBuffer, row: usize) -> &str {
    std::str::from_utf8(column.bytes(row)).unwrap_or_default()
}
