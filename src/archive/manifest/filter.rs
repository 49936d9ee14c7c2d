//! Which files of an archive are wanted.

use crate::archive::hour::Hour;

use super::file_entry::FileEntry;

/// Takes the files that may hold what is looked for; by default all. A file that it takes may hold nothing of it all the same: what is known of a file
/// is its table and the smallest and largest time, project and session.
#[derive(Debug, Clone, Default)]
pub struct FileFilter {
    tables: Vec<&'static str>,
    day: Option<String>,
    from_us: Option<u64>,
    until_us: Option<u64>,
    project: Option<i64>,
    session: Option<i64>,
}

impl FileFilter {
    /// Files of this table, and of others that are named the same way.
    #[must_use]
    pub fn table(mut self, name: &'static str) -> Self {
        self.tables.push(name);
        self
    }

    /// Files of this day of reception, UTC: `2026-11-29`.
    #[must_use]
    pub fn day(mut self, date: &str) -> Self {
        self.day = Some(date.to_owned());
        self
    }

    /// Files with rows that were received at this time or later, in microseconds since the Unix epoch.
    #[must_use]
    pub fn from_us(mut self, us: impl Into<Option<u64>>) -> Self {
        self.from_us = us.into();
        self
    }

    /// Files with rows that were received before this time.
    #[must_use]
    pub fn until_us(mut self, us: impl Into<Option<u64>>) -> Self {
        self.until_us = us.into();
        self
    }

    /// Files that may have rows of this project.
    #[must_use]
    pub fn project(mut self, project: impl Into<Option<i64>>) -> Self {
        self.project = project.into();
        self
    }

    /// Files that may have rows of this session.
    #[must_use]
    pub fn session(mut self, session: impl Into<Option<i64>>) -> Self {
        self.session = session.into();
        self
    }

    /// Whether files of this day may be wanted.
    pub(super) fn takes_day(&self, date: &str) -> bool {
        let day = |us| Hour::of_us(us).date_and_hour().0;
        self.day.as_ref().is_none_or(|day| day == date)
            && self.from_us.is_none_or(|us| *date >= *day(us))
            && self.until_us.is_none_or(|us| *date <= *day(us))
    }

    /// Whether this file may be wanted.
    pub fn takes(&self, file: &FileEntry) -> bool {
        let is_of_table = self.tables.is_empty() || self.tables.contains(&&*file.table);
        let is_late = self.from_us.is_none_or(|us| u64::try_from(file.last_us).is_ok_and(|last| last >= us));
        let is_early = self.until_us.is_none_or(|us| u64::try_from(file.first_us).is_ok_and(|first| first < us));
        let is_of_day = self.day.as_ref().is_none_or(|day| *day == file.date);
        is_of_day && is_of_table && is_late && is_early && self.takes_sessions(file.first_session, file.last_session)
    }

    /// Whether one of the rows between these projects and sessions, as they are sorted, may be wanted.
    fn takes_sessions(&self, first: (i64, i64), last: (i64, i64)) -> bool {
        match (self.project, self.session) {
            (None, None) => true,
            (Some(project), None) => (first.0..=last.0).contains(&project),
            (Some(project), Some(session)) => (first..=last).contains(&(project, session)),
            // Of one project, a range of sessions; of several, any.
            (None, Some(session)) => first.0 < last.0 || (first.1..=last.1).contains(&session),
        }
    }
}

#[cfg(test)]
mod tests;
