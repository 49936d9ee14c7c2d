//! The consumer groups of a stream: how far each has come for certain.

use redis::{FromRedisValue, RedisError, Value, from_redis_value};

use super::connection::Connection;
use super::entry_id::EntryId;

/// Consumer groups that count for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IgnoredGroups {
    /// Pairs of stream and group.
    pairs: Vec<(String, String)>,
}

impl IgnoredGroups {
    /// Parses `STREAM/GROUP`, several separated by commas.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let pairs = parts.map(|part| match part.split_once('/') {
            Some((stream, group)) if !stream.is_empty() && !group.is_empty() => {
                Ok((stream.to_owned(), group.to_owned()))
            }
            _ => Err(format!("{part:?}: expected STREAM/GROUP, such as raw/sink")),
        });
        Ok(Self { pairs: pairs.collect::<Result<_, _>>()? })
    }

    fn contains(&self, stream: &str, group: &str) -> bool {
        self.pairs.iter().any(|(one, other)| one == stream && other == group)
    }
}

/// A consumer group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) name: String,
    /// It has acknowledged everything before this entry.
    pub(super) floor: EntryId,
}

/// The groups of a stream that count. Redis's own `lag` is not used: it is wrong or missing after entries were trimmed or deleted.
pub(super) async fn groups_of(
    connection: &mut Connection,
    stream: &str,
    ignored: &IgnoredGroups,
) -> Result<Vec<Group>, RedisError> {
    let listed: Vec<Fields> = connection.ask(redis::cmd("XINFO").arg("GROUPS").arg(stream)).await?;
    let mut groups = Vec::with_capacity(listed.len());
    for fields in listed {
        let name: String = fields.get("name").unwrap_or_default();
        if ignored.contains(stream, &name) {
            continue;
        }
        let delivered: Option<String> = fields.get("last-delivered-id");
        // What can't be read counts as not read at all.
        let mut floor = delivered.and_then(|id| id.parse().ok()).unwrap_or_default();
        if fields.get::<u64>("pending") != Some(0) {
            let pending: Value = connection.ask(redis::cmd("XPENDING").arg(stream).arg(&name)).await?;
            floor = oldest_pending(pending).unwrap_or(floor).min(floor);
        }
        groups.push(Group { name, floor });
    }
    Ok(groups)
}

/// The smallest id in the summary of `XPENDING`: count, smallest id, largest id, consumers.
fn oldest_pending(summary: Value) -> Option<EntryId> {
    let Value::Array(fields) = summary else { return None };
    let smallest: Option<String> = from_redis_value(fields.into_iter().nth(1)?).ok()?;
    smallest?.parse().ok()
}

/// A reply of names and values in turn, or a map.
#[derive(Debug)]
pub(super) struct Fields(Vec<(String, Value)>);

impl Fields {
    /// The value with this name, if it is there and of this type.
    pub(super) fn get<T: FromRedisValue>(&self, name: &str) -> Option<T> {
        let (_, value) = self.0.iter().find(|(found, _)| found == name)?;
        from_redis_value(value.clone()).ok()
    }
}

impl FromRedisValue for Fields {
    fn from_redis_value(value: Value) -> Result<Self, redis::ParsingError> {
        let pairs: Vec<(Value, Value)> = match value {
            Value::Map(pairs) => pairs,
            Value::Array(values) => {
                let mut values = values.into_iter();
                std::iter::from_fn(|| Some((values.next()?, values.next()?))).collect()
            }
            _ => Vec::new(),
        };
        let named = pairs.into_iter().filter_map(|(name, value)| Some((from_redis_value(name).ok()?, value)));
        Ok(Self(named.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_to_ignore_are_named_with_their_stream() {
        let ignored = IgnoredGroups::parse(" raw/sink, raw-ios/db ,").unwrap();
        assert!(ignored.contains("raw", "sink") && ignored.contains("raw-ios", "db"));
        assert!(!ignored.contains("raw", "db"));
        for bad in ["sink", "raw/", "/sink", "raw/sink,db"] {
            assert!(IgnoredGroups::parse(bad).is_err(), "{bad}");
        }
    }
}
