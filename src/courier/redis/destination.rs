//! Ships messages to Redis Streams.

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use redis::{Cmd, RedisError};

use crate::courier::cause::{Cause, Trouble};
use crate::courier::destination::{Destination, ShipError};
use crate::courier::queue::{QueueItem, TopicNames};
use crate::log::format::record::Topic;
use crate::telemetry::{Level, Logger};

use super::address::RedisAddress;
use super::connection::Connection;
use super::entry_id::EntryId;
use super::fault::{breaks_connection, cause_of};
use super::groups::{Group, IgnoredGroups, groups_of};
use super::stream::{Readers, Stream, StreamInfo, StreamMark, info_of, still_has};

/// When entries are removed from a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedisTrim {
    /// Never.
    Off,
    /// As OpenReplay's service does, with each entry that is added.
    OpenReplay(OpenReplayTrim),
    /// Once every consumer group has acknowledged them.
    Safe(SafeTrim),
}

/// OpenReplay's settings for the length of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenReplayTrim {
    /// About how many entries stay; 0 for all.
    pub max_len: u64,
    /// Entries older than this are removed, instead of those above `max_len`; 0 for none.
    pub ttl_sec: u64,
}

/// Settings for removing only what has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SafeTrim {
    /// A stream that is not longer is left alone.
    pub max_len: u64,
    /// With more entries that have not been read, shipping pauses.
    pub backlog_max: u64,
    /// Groups that count for nothing.
    pub ignored: IgnoredGroups,
}

/// A Redis, and the streams in it.
pub struct RedisDestination {
    address: RedisAddress,
    topics: TopicNames,
    trim: RedisTrim,
    connection: Option<Connection>,
    /// By name.
    streams: BTreeMap<String, Stream>,
    /// The largest value that Redis takes, if it tells.
    value_bytes_max: Option<u64>,
    logger: Logger,
}

impl RedisDestination {
    /// Does not connect yet.
    pub fn new(address: RedisAddress, topics: TopicNames, trim: RedisTrim, logger: Logger) -> Self {
        Self { address, topics, trim, connection: None, streams: BTreeMap::new(), value_bytes_max: None, logger }
    }

    /// Adds the messages of one topic to its stream: all of them or none.
    async fn add(&mut self, name: &str, items: &[&QueueItem]) -> Result<(), Cause> {
        let connection = self.connection.as_mut().ok_or_else(no_connection)?;
        let stream = self.streams.entry(name.to_owned()).or_default();
        if stream.is_due() {
            match look(connection, name, stream, &self.trim, &self.logger).await {
                Ok(true) => {}
                Ok(false) => return Err(self.lost(name)),
                Err(error) => return Err(self.broken(&error)),
            }
        }
        if let Some(behind) = &stream.behind {
            return Err(Cause::new(Trouble::ReadersBehind, "", behind.clone()));
        }
        let additions = items.iter().map(|item| xadd(name, &self.trim, item)).collect();
        let error = match connection.add_all(additions).await {
            Ok(ids) => {
                stream.add(ids.len() as u64, ids.last().and_then(|id| id.parse().ok()));
                return Ok(());
            }
            Err(error) => error,
        };
        if error.code() == Some("EXECABORT") {
            // A cluster's client does not tell what a command of the transaction was refused for. Another one, which adds nothing, does.
            if let Err(refused) = connection.ask::<redis::Value>(&refused_alike(name)).await
                && refused.code() != Some("ERR")
            {
                return Err(self.broken(&refused));
            }
        }
        Err(self.broken(&error))
    }

    /// A stream was emptied or deleted on an open connection. The next connection finds out what it still holds.
    fn lost(&mut self, name: &str) -> Cause {
        self.connection = None;
        Cause::new(Trouble::Lost, "", format!("stream {name} no longer holds what was added to it"))
    }

    /// The cause that an error stands for. Drops the connection if the error makes it useless.
    fn broken(&mut self, error: &RedisError) -> Cause {
        if breaks_connection(error) {
            self.connection = None;
        }
        cause_of(error)
    }
}

fn no_connection() -> Cause {
    Cause::new(Trouble::Unreachable, "", "the connection was closed")
}

impl Destination for RedisDestination {
    type Item = QueueItem;

    async fn ship(&mut self, items: &[QueueItem]) -> Result<(), ShipError> {
        // Redis answers such a value with an error about the protocol, and closes the connection.
        let is_too_large = |item: &QueueItem| self.value_bytes_max.is_some_and(|max| item.bytes.len() as u64 > max);
        if let Some(at) = items.iter().position(is_too_large) {
            let (bytes, max) = (items[at].bytes.len(), self.value_bytes_max.unwrap_or_default());
            let text = format!("a value of {bytes} bytes, where Redis's proto-max-bulk-len is {max}");
            return Err(ShipError::items(at..at + 1, Cause::new(Trouble::RefusesRecord, "", text)));
        }
        let mut done: Vec<Topic> = Vec::new();
        while let Some(first) = items.iter().find(|item| !done.contains(&item.topic)) {
            let topic = first.topic;
            if let Some(name) = self.topics.of(topic).map(str::to_owned) {
                let of_topic: Vec<&QueueItem> = items.iter().filter(|item| item.topic == topic).collect();
                if let Err(cause) = self.add(&name, &of_topic).await {
                    let delivered = items.iter().take_while(|item| done.contains(&item.topic)).count();
                    return Err(ShipError::destination(cause).after(delivered));
                }
            }
            done.push(topic);
        }
        Ok(())
    }

    async fn connect(&mut self) -> Result<bool, Cause> {
        if self.connection.is_some() {
            return Ok(false);
        }
        let mut connection = Connection::open(&self.address).await.map_err(|error| cause_of(&error))?;
        for name in self.topics.all() {
            let info = info_of(&mut connection, name).await.map_err(|error| cause_of(&error))?;
            let stream = self.streams.entry(name.to_owned()).or_default();
            stream.entries_added = info.map_or(Some(0), |info| info.entries_added);
            // How far the readers have come is asked anew, before anything is added.
            (stream.readers, stream.trimmed, stream.added) = (Readers::Unknown, None, stream.added.max(1));
        }
        self.value_bytes_max = value_bytes_max(&mut connection).await.map_err(|error| cause_of(&error))?;
        self.connection = Some(connection);
        Ok(true)
    }

    fn mark(&self) -> Option<String> {
        let mark_of = |(name, stream): (&String, &Stream)| {
            let last = stream.last?.to_string();
            Some((name.clone(), StreamMark { last, entries_added: stream.entries_added }))
        };
        let marks: BTreeMap<String, StreamMark> = self.streams.iter().filter_map(mark_of).collect();
        serde_json::to_string(&marks).ok()
    }

    async fn still_has(&mut self, mark: &str) -> Result<bool, Cause> {
        let marks: BTreeMap<String, StreamMark> = serde_json::from_str(mark).unwrap_or_default();
        let connection = self.connection.as_mut().ok_or_else(no_connection)?;
        for (name, mark) in &marks {
            let doubtful_after = self.streams.get(name).and_then(|stream| stream.doubtful_after);
            let is_doubtful =
                doubtful_after.is_some_and(|after| mark.last.parse::<EntryId>().is_ok_and(|last| last > after));
            let holds = if is_doubtful { Ok(false) } else { still_has(connection, name, mark).await };
            match holds {
                Ok(true) => {}
                Ok(false) => {
                    // Entries of a history that is gone would be missed again and again. What is still there, an older mark tells.
                    self.streams.values_mut().for_each(Stream::forget);
                    return Ok(false);
                }
                Err(error) => return Err(self.broken(&error)),
            }
        }
        for (name, mark) in marks {
            let stream = self.streams.entry(name).or_default();
            stream.last = stream.last.or(mark.last.parse().ok());
        }
        Ok(true)
    }

    fn needs(&self, mark: &str) -> bool {
        let RedisTrim::Safe(_) = self.trim else { return false };
        let marks: BTreeMap<String, StreamMark> = serde_json::from_str(mark).unwrap_or_default();
        marks.iter().any(|(name, mark)| {
            let readers = self.streams.get(name).map_or(Readers::Unknown, |stream| stream.readers);
            match readers {
                Readers::Unknown => true,
                // Nobody says what has been read.
                Readers::None => false,
                Readers::Passed(floor) => mark.last.parse::<EntryId>().is_ok_and(|last| last > floor),
            }
        })
    }

    fn disconnect(&mut self) {
        self.connection = None;
    }

    async fn idle(&mut self) -> Result<(), Cause> {
        let connection = self.connection.as_mut().ok_or_else(no_connection)?;
        if let Err(error) = connection.ask::<()>(&redis::cmd("PING")).await {
            return Err(self.broken(&error));
        }
        let mut lost = None;
        for (name, stream) in &mut self.streams {
            match look(connection, name, stream, &self.trim, &self.logger).await {
                Ok(true) => {}
                Ok(false) => lost = Some(name.clone()),
                Err(error) => return Err(self.broken(&error)),
            }
        }
        lost.map_or(Ok(()), |name| Err(self.lost(&name)))
    }
}

/// The largest value that Redis takes. `None` if it does not tell: commands for settings are often forbidden.
async fn value_bytes_max(connection: &mut Connection) -> Result<Option<u64>, RedisError> {
    let answer: Result<Vec<String>, RedisError> =
        connection.ask(redis::cmd("CONFIG").arg("GET").arg("proto-max-bulk-len")).await;
    match answer {
        Ok(pair) => Ok(pair.get(1).and_then(|bytes| bytes.parse().ok())),
        Err(error) if error.code().is_some() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Finds out whether the stream is still there, and how far its readers are behind, and removes what all of them have acknowledged if it is
/// longer than it need be. Returns whether it holds what was added to it.
async fn look(
    connection: &mut Connection,
    name: &str,
    stream: &mut Stream,
    trim: &RedisTrim,
    logger: &Logger,
) -> Result<bool, RedisError> {
    let info = info_of(connection, name).await?;
    (stream.added, stream.trimmed) = (0, Some(Instant::now()));
    if stream.is_lost(info) {
        stream.doubt();
        return Ok(false);
    }
    stream.is_the_same();
    let (Some(info), RedisTrim::Safe(settings)) = (info, trim) else { return Ok(true) };
    let groups = groups_of(connection, name, &settings.ignored).await?;
    let slowest = stream.see(&groups);
    let mut length = info.length;
    if length > settings.max_len
        && let Readers::Passed(floor) = stream.readers
        && floor > EntryId::default()
    {
        let mut command = redis::cmd("XTRIM");
        let removed: u64 = connection.ask(command.arg(name).arg("MINID").arg("~").arg(floor.to_string())).await?;
        length = length.saturating_sub(removed);
    }
    let was_behind = stream.behind.is_some();
    stream.behind = (length > settings.backlog_max).then(|| behind(name, length, slowest.as_ref(), info));
    if let Some(text) = stream.behind.as_ref().filter(|_| !was_behind) {
        let fields = [("stream", name), ("reason", &**text)];
        let message = "a stream's readers are too far behind, shipping pauses: records wait in the log";
        logger.event(Level::Warn, crate::caller!(), message, &fields);
    }
    Ok(true)
}

/// Who keeps the stream from becoming shorter.
fn behind(name: &str, length: u64, slowest: Option<&Group>, info: StreamInfo) -> String {
    match slowest {
        None => format!("stream {name} holds {length} entries and has no consumer group"),
        // The group comes first: health shows the beginning only.
        Some(Group { name: group, floor }) => {
            let seconds = info.last_generated.time_ms.saturating_sub(floor.time_ms) / 1000;
            format!(
                "group {group} of stream {name} has acknowledged those before {floor}, {seconds} s behind the newest, and the stream holds \
                 {length} entries; if it is gone for good, name {name}/{group} in redis_ignore_groups"
            )
        }
    }
}

/// `XADD <topic> [MINID|MAXLEN ~ n] * sessionID <decimal> value <bytes>`.
fn xadd(name: &str, trim: &RedisTrim, item: &QueueItem) -> Cmd {
    let mut command = Cmd::with_capacity(9, name.len() + item.bytes.len() + 64);
    command.arg("XADD").arg(name);
    match trim {
        RedisTrim::OpenReplay(OpenReplayTrim { ttl_sec, .. }) if *ttl_sec > 0 => {
            let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64);
            let oldest_ms = now_ms.saturating_sub(ttl_sec.saturating_mul(1000));
            command.arg("MINID").arg("~").arg(format!("{oldest_ms}-0"));
        }
        RedisTrim::OpenReplay(OpenReplayTrim { max_len, .. }) if *max_len > 0 => {
            command.arg("MAXLEN").arg("~").arg(max_len);
        }
        RedisTrim::OpenReplay(_) | RedisTrim::Safe(_) | RedisTrim::Off => {}
    }
    command.arg("*").arg("sessionID").arg(item.session).arg("value").arg(&item.bytes[..]);
    command
}

/// A write that is refused for the same reasons as an addition, but changes nothing: no entry can have this id.
fn refused_alike(name: &str) -> Cmd {
    let mut command = redis::cmd("XADD");
    command.arg(name).arg("NOMKSTREAM").arg("0-0").arg("sessionID").arg("0");
    command
}
