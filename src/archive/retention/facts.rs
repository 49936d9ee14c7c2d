//! What there is to decide about: the hours of a day, with their projects where these matter.

use std::collections::BTreeMap;

use crate::archive::error::ArchiveError;
use crate::archive::hour::Hour;
use crate::archive::manifest::FileEntry;
use crate::archive::source::Source;
use crate::log::retain::Retain;

use super::plan::{FileFacts, HourFacts, first_us};
use super::projects::projects_of;

/// The hours that these files are of, oldest first. Projects are looked for only in hours that are old for some by `latest_us`; of the others nothing leaves by
/// age, whatever they are.
///
/// A file of which they can't be found out may have rows of any, and is passed to `unreadable`.
pub fn hours_of(
    source: &Source,
    files: &[FileEntry],
    retain: &Retain,
    latest_us: u64,
    mut unreadable: impl FnMut(ArchiveError),
) -> Vec<HourFacts> {
    let mut hours: BTreeMap<Hour, Vec<&FileEntry>> = BTreeMap::new();
    for file in files {
        hours.entry(file.hour()).or_default().push(file);
    }
    let facts = |(hour, files): (Hour, Vec<&FileEntry>)| {
        let received_us = files.iter().map(|file| file.received_by_us()).max().unwrap_or_else(|| hour.end_us());
        let matters = first_us(retain, received_us).is_some_and(|first_us| first_us <= latest_us);
        let mut projects = |file: &FileEntry| match matters.then(|| projects_of(source, file))? {
            Ok(projects) => Some(projects),
            Err(error) => {
                unreadable(error);
                None
            }
        };
        let file = |file: &FileEntry| FileFacts {
            path: file.path.clone(),
            bytes: file.bytes,
            rows: file.rows,
            projects: projects(file),
        };
        HourFacts { hour, received_us, files: files.into_iter().map(file).collect() }
    };
    hours.into_iter().map(facts).collect()
}
