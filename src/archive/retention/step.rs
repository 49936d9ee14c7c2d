//! Takes what may leave out of the archive, an hour at a time.

use std::collections::{BTreeSet, HashMap};

use crate::archive::error::ArchiveError;
use crate::archive::hour::Hour;
use crate::archive::lock::ArchiveLock;
use crate::archive::manifest::{FileEntry, Manifest};
use crate::archive::place::Place;
use crate::archive::rewrite::{Replaced, Replacement};
use crate::archive::source::Source;
use crate::archive::store::Archive;
use crate::log::retain::Retain;

use super::facts::hours_of;
use super::plan::{ArchiveLook, HourFacts, Leaves, Removal, next_us, plan};
use super::projects::project;

/// What was taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// What was to leave.
    pub removal: Removal,
    /// What was done.
    pub done: Replaced,
}

/// Retention of one archive.
#[derive(Debug)]
pub struct Retention {
    place: Place,
    opened: Option<Archive>,
    /// The rules that `next_us` was found by.
    retain: Retain,
    /// When the next rows of a day leave by age, by the path of its list, which changes with the day; `None`: never.
    next_us: HashMap<String, Option<u64>>,
    /// Hours with a file that can't be read, until they are tried again.
    set_aside: BTreeSet<Hour>,
}

/// What a look at the archive found.
#[derive(Debug, Default)]
pub struct Found {
    /// The hours of which something may leave; all, if they were asked for.
    pub hours: Vec<HourFacts>,
    /// The newest hour of the archive.
    pub newest: Option<Hour>,
    /// The bytes of all its files.
    pub total_bytes: u64,
    /// Files that can't be read.
    pub unreadable: Vec<ArchiveError>,
}

impl Retention {
    /// Of the archive in this place, if there is one.
    pub fn new(place: Place) -> Self {
        Self { place, opened: None, retain: Retain::default(), next_us: HashMap::new(), set_aside: BTreeSet::new() }
    }

    /// Tries hours again that were set aside.
    pub fn try_again(&mut self) {
        self.set_aside.clear();
    }

    /// Takes the next hour, or some of its rows, out of the archive, by rules that are known as a whole; it is `earliest_us` at least. `None`: nothing
    /// leaves now. This holds the archive's lock, and takes as much memory as one of its files has in rows.
    ///
    /// # Errors
    /// The manifest can't be believed; a file that is to be written again can't be read; failures to read and write. The archive is then as it was.
    /// The hour of a file that can't be read is set aside: the next call goes on with the others.
    pub fn step(
        &mut self,
        retain: &Retain,
        earliest_us: u64,
        is_stopping: &dyn Fn() -> bool,
    ) -> Result<Option<Removed>, ArchiveError> {
        if self.retain != *retain {
            self.next_us.clear();
            self.retain.clone_from(retain);
        }
        if retain.is_for_ever() || Manifest::read(&Source::folder(&self.place))?.is_none() {
            return Ok(None);
        }
        if self.opened.is_none() {
            // What a crash left behind is removed.
            self.opened = Some(Archive::open(self.place.clone(), is_stopping)?.0);
        }
        let lock = ArchiveLock::take(&self.place, is_stopping)?;
        let Some(manifest) = Manifest::read(&Source::folder(&self.place))? else { return Ok(None) };
        let found = self.look(&manifest, earliest_us)?;
        let look = found.look(retain, earliest_us);
        let next = plan(&look).into_iter().find(|removal| !self.set_aside.contains(&removal.hour));
        let Some(removal) = next else { return Ok(None) };
        let hour = removal.hour;
        self.take_out(manifest, &lock, removal, is_stopping).map(Some).inspect_err(|error| {
            if error.is_of_a_file() {
                self.set_aside.insert(hour);
            }
        })
    }

    /// The hours that may have something to leave: those of days that are due, and as many of the oldest as are over the cap.
    fn look(&mut self, manifest: &Manifest, earliest_us: u64) -> Result<Found, ArchiveError> {
        let source = Source::folder(&self.place);
        let mut found = Found { total_bytes: manifest.days.iter().map(|day| day.bytes).sum(), ..Found::default() };
        let mut over = self.retain.bytes.map_or(0, |cap| found.total_bytes.saturating_sub(cap));
        self.next_us.retain(|path, _| manifest.days.iter().any(|day| day.path == *path));
        for (day, is_last) in manifest.days.iter().zip(1..).map(|(day, at)| (day, at == manifest.days.len())) {
            let known = self.next_us.get(&day.path);
            let is_due = known.is_none_or(|next_us| next_us.is_some_and(|next_us| next_us <= earliest_us));
            // The newest hour is that of the last day.
            if !is_due && over == 0 {
                continue;
            }
            let unreadable = found.unreadable.len();
            let files = manifest.files_of(&source, day)?;
            let hours = hours_of(&source, &files, &self.retain, earliest_us, |error| found.unreadable.push(error));
            if is_last {
                found.newest = hours.last().map(|hour| hour.hour);
            }
            over = over.saturating_sub(day.bytes);
            let of_day = ArchiveLook { hours: &hours, newest: None, total_bytes: 0, retain: &self.retain, earliest_us };
            // Some of it leaves now, one hour at a time; or a disk may read it another time.
            let is_settled = plan(&of_day).is_empty() && found.unreadable.len() == unreadable;
            if is_settled {
                let next = hours.iter().filter_map(|hour| next_us(hour, &self.retain, earliest_us)).min();
                self.next_us.insert(day.path.clone(), next);
            }
            found.hours.extend(hours);
        }
        Ok(found)
    }

    fn take_out(
        &self,
        manifest: Manifest,
        lock: &ArchiveLock,
        removal: Removal,
        is_stopping: &dyn Fn() -> bool,
    ) -> Result<Removed, ArchiveError> {
        let (source, date) = (Source::folder(&self.place), removal.hour.date_and_hour().0);
        let day = manifest.days.iter().find(|day| day.date == date);
        let files = day.map_or(Ok(Vec::new()), |day| manifest.files_of(&source, day))?;
        let files: Vec<FileEntry> = files.into_iter().filter(|file| file.hour() == removal.hour).collect();
        let mut replacement = Replacement::begin(&self.place, manifest, lock);
        for file in &files {
            if is_stopping() {
                return Err(ArchiveError::Stopped);
            }
            match &removal.leaves {
                Leaves::Whole(_) => replacement.remove(file),
                Leaves::Projects(projects) => {
                    let may_have =
                        |number: &u32| (file.first_session.0..=file.last_session.0).contains(&i64::from(*number));
                    if projects.iter().any(may_have) {
                        let goes = |row: i64| projects.contains(&project(row));
                        replacement.rewrite(file, |rows, row| goes(rows.key(row).project))?;
                    }
                }
            }
        }
        Ok(Removed { done: replacement.commit()?, removal })
    }
}

impl Found {
    /// All hours of an archive, for those who ask what would be done by rules that are known as a whole. It is `latest_us` at most.
    ///
    /// # Errors
    /// The list of a day can't be read.
    pub fn all(place: &Place, manifest: &Manifest, retain: &Retain, latest_us: u64) -> Result<Self, ArchiveError> {
        let source = Source::folder(place);
        let mut found = Self { total_bytes: manifest.days.iter().map(|day| day.bytes).sum(), ..Self::default() };
        for day in &manifest.days {
            let files = manifest.files_of(&source, day)?;
            let hours = hours_of(&source, &files, retain, latest_us, |error| found.unreadable.push(error));
            found.hours.extend(hours);
        }
        found.newest = found.hours.last().map(|hour| hour.hour);
        Ok(found)
    }

    /// What the decision is made from.
    pub fn look<'a>(&'a self, retain: &'a Retain, earliest_us: u64) -> ArchiveLook<'a> {
        ArchiveLook { hours: &self.hours, newest: self.newest, total_bytes: self.total_bytes, retain, earliest_us }
    }
}

#[cfg(test)]
mod tests;
