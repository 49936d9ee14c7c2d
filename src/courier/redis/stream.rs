//! What is known of one stream: what was added to it, how far its readers have come, and whether it is still the same stream.

use std::time::{Duration, Instant};

use redis::RedisError;
use serde::{Deserialize, Serialize};

use super::connection::Connection;
use super::entry_id::EntryId;
use super::groups::{Fields, Group};

/// After how many additions a stream is trimmed.
pub(super) const TRIM_EVERY: u64 = 1_000;

/// After how long a stream to which something was added is trimmed.
pub(super) const TRIM_AFTER: Duration = Duration::from_secs(1);

/// One stream, as seen from here.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The last entry that was added from here and confirmed.
    pub(super) last: Option<EntryId>,
    /// A lower bound for all additions to the stream since it was created; `None` before Redis 7, which does not count them.
    pub(super) entries_added: Option<u64>,
    /// The newest entry from here.
    pub(super) newest: Option<CountedEntry>,
    /// What that was when the stream was last found to be the same.
    pub(super) was_there: Option<CountedEntry>,
    /// The stream was lost: what was added after this entry may have gone to the old one or to the new one, so no mark of it says anything.
    pub(super) doubtful_after: Option<EntryId>,
    /// How far its readers have come.
    pub(super) readers: Readers,
    /// Additions since it was last trimmed.
    pub(super) added: u64,
    pub(super) trimmed: Option<Instant>,
    /// Why nothing more is added.
    pub(super) behind: Option<String>,
}

/// An entry that was added from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CountedEntry {
    pub(super) id: EntryId,
    /// A lower bound for the additions to its stream up to it.
    pub(super) count: u64,
}

impl CountedEntry {
    /// Whether a stream was made anew since this entry was added to it, although others may have written as much to it by now: all that it holds came
    /// later, and it has not counted that beside what was there before.
    fn is_of_another(self, info: StreamInfo) -> bool {
        let came_later = info.first.is_none_or(|first| self.id < first);
        came_later && info.entries_added.is_some_and(|now| now < self.count + info.length)
    }
}

/// How far the consumer groups of a stream have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Readers {
    /// They have not been asked for since the connection was made.
    #[default]
    Unknown,
    /// There is no group.
    None,
    /// All have acknowledged everything before this entry.
    Passed(EntryId),
}

/// What a checkpoint remembers of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StreamMark {
    /// The last entry that was added from here.
    pub(super) last: String,
    /// Additions to the stream since it was created.
    pub(super) entries_added: Option<u64>,
}

/// What Redis says of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StreamInfo {
    pub(super) length: u64,
    pub(super) last_generated: EntryId,
    pub(super) entries_added: Option<u64>,
    pub(super) first: Option<EntryId>,
    /// The newest entry that a client has deleted by name; `None` before Redis 7.
    pub(super) max_deleted: Option<EntryId>,
}

impl Stream {
    /// Whether it is time to trim it, or to look whether its readers have caught up.
    pub(super) fn is_due(&self) -> bool {
        let waited = self.trimmed.is_none_or(|trimmed| trimmed.elapsed() >= TRIM_AFTER);
        self.behind.is_some() && waited || self.added >= TRIM_EVERY || (self.added > 0 && waited)
    }

    /// Whether it was emptied or deleted since something was added to it.
    pub(super) fn is_lost(&self, info: Option<StreamInfo>) -> bool {
        let Some(last) = self.last else { return false };
        let Some(info) = info else { return true };
        let counted_less = info.entries_added.zip(self.entries_added).is_some_and(|(now, then)| now < then);
        info.last_generated < last || counted_less || self.was_there.is_some_and(|entry| entry.is_of_another(info))
    }

    /// Takes in that these were added, the last of them with this id.
    pub(super) fn add(&mut self, count: u64, last: Option<EntryId>) {
        self.last = last.or(self.last);
        self.added += count;
        self.entries_added = self.entries_added.map(|before| before + count);
        self.newest = self.last.zip(self.entries_added).map(|(id, count)| CountedEntry { id, count });
        self.doubtful_after = None;
    }

    /// The stream is still the one that everything from here was added to.
    pub(super) fn is_the_same(&mut self) {
        self.was_there = self.newest;
    }

    /// It is not. What was added since it last was may be in neither.
    pub(super) fn doubt(&mut self) {
        self.doubtful_after = self.was_there.map(|entry| entry.id).or(self.doubtful_after);
    }

    /// Forgets entries of a history that is gone: they would be missed again and again.
    pub(super) fn forget(&mut self) {
        (self.last, self.newest, self.was_there) = (None, None, None);
    }

    /// Takes in how far the groups have come. Returns the one that is furthest behind.
    pub(super) fn see(&mut self, groups: &[Group]) -> Option<Group> {
        let last = groups.iter().min_by_key(|group| group.floor).cloned();
        self.readers = last.as_ref().map_or(Readers::None, |group| Readers::Passed(group.floor));
        last
    }
}

/// Asks about a stream; `None` if it does not exist.
pub(super) async fn info_of(connection: &mut Connection, name: &str) -> Result<Option<StreamInfo>, RedisError> {
    let exists: bool = connection.ask(redis::cmd("EXISTS").arg(name)).await?;
    if !exists {
        return Ok(None);
    }
    let fields: Fields = connection.ask(redis::cmd("XINFO").arg("STREAM").arg(name)).await?;
    let id = |name: &str| fields.get::<String>(name).and_then(|id| id.parse().ok());
    let first = fields.get::<(String, redis::Value)>("first-entry").and_then(|(id, _)| id.parse().ok());
    Ok(Some(StreamInfo {
        length: fields.get("length").unwrap_or_default(),
        last_generated: id("last-generated-id").unwrap_or_default(),
        entries_added: fields.get("entries-added"),
        first,
        max_deleted: id("max-deleted-entry-id"),
    }))
}

/// Whether a stream still holds what a mark says, or has given it to its readers.
pub(super) async fn still_has(connection: &mut Connection, name: &str, mark: &StreamMark) -> Result<bool, RedisError> {
    let Ok(last) = mark.last.parse::<EntryId>() else { return Ok(false) };
    let Some(info) = info_of(connection, name).await? else { return Ok(false) };
    // A stream that was emptied counts anew, and one from an older copy has counted less.
    let counted_less = info.entries_added.zip(mark.entries_added).is_some_and(|(now, then)| now < then);
    if info.last_generated < last || counted_less {
        return Ok(false);
    }
    // Another history may have gone further than this one. Then it does not have the entry, although older ones are still there.
    let is_trimmed = info.first.is_none_or(|first| last < first);
    if is_trimmed {
        // All that it holds came later. If it has not counted as much more, it is another stream.
        return Ok(info.entries_added.zip(mark.entries_added).is_none_or(|(now, then)| now >= then + info.length));
    }
    if info.max_deleted.is_some_and(|deleted| last <= deleted) {
        return Ok(true);
    }
    let found: redis::Value = connection.ask(redis::cmd("XRANGE").arg(name).arg(&mark.last).arg(&mark.last)).await?;
    Ok(matches!(found, redis::Value::Array(entries) if !entries.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(time_ms: u64) -> EntryId {
        format!("{time_ms}-0").parse().unwrap()
    }

    /// A stream that holds the entries of these milliseconds, of `added` in all.
    fn info(first: u64, last: u64, length: u64, added: u64) -> Option<StreamInfo> {
        let (first, last_generated) = (Some(id(first)), id(last));
        Some(StreamInfo { length, last_generated, entries_added: Some(added), first, max_deleted: None })
    }

    #[test]
    fn a_stream_that_was_made_anew_is_lost_however_much_others_have_written_to_it_since() {
        let mut stream = Stream { entries_added: Some(7), ..Stream::default() };
        stream.add(3, Some(id(100)));
        stream.is_the_same();
        // Before it is looked at again, there may be more from here, in the new one.
        for more in [false, true] {
            if more {
                stream.add(1, Some(id(150)));
            }
            assert!(stream.is_lost(None));
            assert!(stream.is_lost(info(101, 160, 2, 2)));
            assert!(stream.is_lost(info(101, 900, 50, 50)));
            // Others have added to it; it was trimmed in part, of all that came from here, and to nothing.
            assert!(!stream.is_lost(info(91, 900, 60, 60)));
            assert!(!stream.is_lost(info(95, 900, 56, 60)));
            assert!(!stream.is_lost(info(101, 900, 50, 60)));
            assert!(!stream.is_lost(info(899, 900, 2, 60)));
            let empty = StreamInfo { first: None, ..info(1, 900, 0, 60).unwrap() };
            assert!(!stream.is_lost(Some(empty)));
        }
    }

    #[test]
    fn what_was_added_since_a_stream_was_last_the_same_is_doubtful_until_there_is_more() {
        let mut stream = Stream { entries_added: Some(0), ..Stream::default() };
        stream.add(3, Some(id(100)));
        stream.is_the_same();
        stream.add(1, Some(id(150)));
        stream.doubt();
        assert_eq!(stream.doubtful_after, Some(id(100)));
        stream.forget();
        stream.doubt();
        assert_eq!(stream.doubtful_after, Some(id(100)));
        stream.add(1, Some(id(200)));
        assert_eq!(stream.doubtful_after, None);
    }
}
