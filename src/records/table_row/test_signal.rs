//! The row for table `ut_tests_signals`: a user began, ended or skipped a usability test or one of its tasks.

use serde::Deserialize;

use crate::codec::json::ObjectWriter;
use crate::records::columns::known;

/// A row. `T` holds the texts: `&str` where a row is made, `String` where it is read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de> + Default"))]
pub struct TestSignalRow<T> {
    /// The session.
    pub session_id: u64,
    /// The test.
    pub test_id: u32,
    /// The task; `None` if the signal is about the whole test.
    pub task_id: Option<u32>,
    /// `begin`, `done` or `skipped`.
    pub status: T,
    /// The user's answer to the task; empty if there is none, which is `null` in the row.
    #[serde(deserialize_with = "known")]
    pub comment: T,
    /// The client's time, ms since the Unix epoch. At most 2^63 - 1.
    pub timestamp: u64,
    /// How long it took in ms, at most 2^63 - 1; 0 if unknown, which is `null` in the row.
    #[serde(deserialize_with = "known")]
    pub duration: u64,
}

impl<T: AsRef<str>> TestSignalRow<T> {
    /// Appends the row as JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut json = ObjectWriter::new(out);
        json.integer("session_id", self.session_id);
        json.integer("test_id", self.test_id);
        match self.task_id {
            Some(task_id) => json.integer("task_id", task_id),
            None => json.null("task_id"),
        }
        json.text("status", self.status.as_ref());
        json.text_or_null("comment", self.comment.as_ref());
        json.integer("timestamp", self.timestamp);
        json.integer_or_null("duration", self.duration);
        json.end();
    }
}

impl TestSignalRow<String> {
    /// Parses a row; `None` if the JSON is not one.
    pub fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }
}

#[cfg(test)]
mod tests;
