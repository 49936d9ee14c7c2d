//! Compares an archive with its manifest: every list, and every byte of every file.

use super::error::ArchiveError;
use super::manifest::{Day, FileEntry, FileFilter, Manifest};
use super::source::Source;

/// What was found of a file or a list.
#[derive(Debug)]
pub enum Finding<'a> {
    /// A file is as it was written.
    Whole(&'a FileEntry),
    /// A file is missing or damaged.
    Fault(&'a FileEntry, ArchiveError),
    /// The list of a day is missing or damaged: its files could not be looked at.
    List(&'a Day, ArchiveError),
}

/// What was found in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checked {
    /// Days.
    pub days: u64,
    /// Files that are whole.
    pub files: u64,
    /// Their rows.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files and lists that are missing or damaged.
    pub faults: u64,
}

/// Checks an archive; `None` if there is none. A file that is merged or removed meanwhile is no fault.
///
/// # Errors
/// The manifest can't be believed; something can't be read, which says nothing of what it is.
pub fn check(source: &Source, each: &mut dyn FnMut(&Finding<'_>)) -> Result<Option<Checked>, ArchiveError> {
    let Some(manifest) = Manifest::read(source)? else { return Ok(None) };
    let mut checked = Checked::default();
    for day in &manifest.days {
        check_day(source, &manifest, day, &mut checked, each)?;
    }
    Ok(Some(checked))
}

fn check_day(
    source: &Source,
    manifest: &Manifest,
    day: &Day,
    checked: &mut Checked,
    each: &mut dyn FnMut(&Finding<'_>),
) -> Result<(), ArchiveError> {
    let files = match files_now(source, manifest, day) {
        Ok(files) => files,
        Err(error) if is_fault(&error) => {
            checked.faults += 1;
            each(&Finding::List(day, error));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    checked.days += 1;
    for file in &files {
        match file.check(source) {
            Ok(()) => {
                checked.files += 1;
                checked.rows += file.rows;
                checked.bytes += file.bytes;
                each(&Finding::Whole(file));
            }
            Err(ArchiveError::Missing { .. }) if !Manifest::names_now(source, file)? => {}
            Err(error) if is_fault(&error) => {
                checked.faults += 1;
                each(&Finding::Fault(file, error));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The files of a day. If its list has been replaced meanwhile, those of the new one.
fn files_now(source: &Source, manifest: &Manifest, day: &Day) -> Result<Vec<FileEntry>, ArchiveError> {
    match manifest.files_of(source, day) {
        Err(error @ ArchiveError::Missing { .. }) => {
            let filter = FileFilter::default().day(&day.date);
            match Manifest::snapshot(source, &filter)? {
                Some((newer, files)) if newer != *manifest => Ok(files),
                _ => Err(error),
            }
        }
        other => other,
    }
}

fn is_fault(error: &ArchiveError) -> bool {
    matches!(error, ArchiveError::Missing { .. } | ArchiveError::Damaged { .. } | ArchiveError::Manifest { .. })
}
