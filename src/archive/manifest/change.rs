//! What changes in an archive in one step.

use crate::log::read::merge::MergePosition;

use super::file_entry::FileEntry;
use super::log_end::Segments;

/// A change of the archive. It takes effect as a whole, with [`Manifest::commit`](super::Manifest::commit).
#[derive(Debug, Clone, Default)]
pub struct Change {
    pub(super) steps: Vec<Step>,
    pub(super) to: Option<MergePosition>,
    pub(super) unread: Segments,
}

/// A change in one day.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Add(Box<FileEntry>),
    Replace { date: String, old: Vec<String>, new: Vec<FileEntry> },
}

impl Change {
    /// Adds a file.
    #[must_use]
    pub fn with(mut self, file: FileEntry) -> Self {
        self.steps.push(Step::Add(Box::new(file)));
        self
    }

    /// Puts files, or none, in the place of others of one day. Without others nothing is changed.
    #[must_use]
    pub fn replace(mut self, old: &[FileEntry], new: impl IntoIterator<Item = FileEntry>) -> Self {
        if let Some(first) = old.first() {
            let old = old.iter().map(|file| file.path.clone()).collect();
            self.steps.push(Step::Replace { date: first.date.clone(), old, new: new.into_iter().collect() });
        }
        self
    }

    /// Takes files away, of any days.
    #[must_use]
    pub fn remove(self, files: &[FileEntry]) -> Self {
        files.iter().fold(self, |change, file| change.replace(std::slice::from_ref(file), None))
    }

    /// Moves the position up to which the log is in the archive.
    #[must_use]
    pub fn to(mut self, to: MergePosition) -> Self {
        self.to = Some(to);
        self
    }

    /// Notes segments, of the log of the new position, that could not be read as a whole.
    #[must_use]
    pub fn unread(mut self, segments: Segments) -> Self {
        self.unread = segments;
        self
    }
}

impl Step {
    pub(super) fn date(&self) -> &str {
        match self {
            Self::Add(file) => &file.date,
            Self::Replace { date, .. } => date,
        }
    }

    pub(super) fn added(&self) -> &[FileEntry] {
        match self {
            Self::Add(file) => std::slice::from_ref(file),
            Self::Replace { new, .. } => new,
        }
    }

    /// Changes the files of its day.
    ///
    /// # Errors
    /// A file that is to be replaced is not there, or one is added to a day that is not its own.
    pub(super) fn apply(self, files: &mut Vec<FileEntry>) -> Result<(), String> {
        let (old, new) = match self {
            Self::Add(file) => {
                files.push(*file);
                return Ok(());
            }
            Self::Replace { old, new, date } => {
                if let Some(new) = new.iter().find(|new| new.date != date) {
                    return Err(format!("{} is of another day than what it replaces", new.path));
                }
                (old, new)
            }
        };
        if let Some(gone) = old.iter().find(|path| !files.iter().any(|file| file.path == **path)) {
            return Err(format!("{gone} is not part of the archive any more; it was changed meanwhile"));
        }
        let is_old = |file: &FileEntry| old.contains(&file.path);
        let at = files.iter().position(is_old).unwrap_or_default();
        files.retain(|file| !is_old(file));
        files.splice(at..at, new);
        Ok(())
    }
}
