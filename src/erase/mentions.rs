//! Whether a record says that its session is a certain user's.

use std::collections::BTreeSet;

use memchr::memmem;
use serde_json::Value as Json;

use crate::codec::inflate::Inflater;
use crate::log::format::record::{Kind, Record};
use crate::records::{Start, coding_of};
use crate::tracker::ids::{MOBILE_SESSION_START, SESSION_START};
use crate::tracker::{Era, Value, read_batch, split_parts};

/// The messages by which a tracker names the user, or sets what is known of the session: `UserID`, `UserAnonymousID`, `Metadata`, and those of phones.
const NAMING: [u64; 6] = [28, 29, 30, 92, 94, 95];

/// The members by which the analytics SDK names the user.
const SDK_MEMBERS: [&str; 3] = ["user_id", "userID", "userId"];

/// How deep the JSON of the SDK is looked into.
const DEPTH_MAX: usize = 16;

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mention {
    /// Nothing about these users.
    None,
    /// Its start names one of them.
    Start,
    /// A message of it does.
    Message,
    /// It does not inflate, or to too much.
    Unreadable,
}

/// Looks for users. Its buffers are used again.
#[derive(Debug, Default)]
pub(super) struct MentionReader {
    inflater: Inflater,
    inflated: Vec<u8>,
}

impl MentionReader {
    pub(super) fn read(&mut self, record: &Record<'_>, users: &BTreeSet<String>, limit: usize) -> Mention {
        match record.kind {
            Kind::Start if names_in_start(record, users) => return Mention::Start,
            Kind::Batch | Kind::Sdk => {}
            _ => return Mention::None,
        }
        let body = match coding_of(record.encoding) {
            None => record.payload,
            Some(coding) => match self.inflater.inflate(coding, record.payload, limit, &mut self.inflated) {
                Ok(()) => &self.inflated,
                Err(_) => return Mention::Unreadable,
            },
        };
        let named = match record.kind {
            // Texts in JSON may be escaped.
            Kind::Sdk => serde_json::from_slice::<Json>(body).is_ok_and(|json| names_in_json(&json, users, 0)),
            _ => {
                let is_there = users.iter().any(|user| memmem::find(body, user.as_bytes()).is_some());
                is_there && names_in_batch(body, record.split, users)
            }
        };
        if named { Mention::Message } else { Mention::None }
    }
}

fn is_user(bytes: &[u8], users: &BTreeSet<String>) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| users.contains(text))
}

fn names_in_start(record: &Record<'_>, users: &BTreeSet<String>) -> bool {
    let Some(start) = Start::read(record) else { return false };
    start.row().is_some_and(|row| users.contains(&row.user_id)) || names_in_part(start.message, Era::Main, users)
}

fn names_in_batch(body: &[u8], split: u32, users: &BTreeSet<String>) -> bool {
    let split = (split > 0).then_some(split as usize);
    let (first, second) = split_parts(body, split).unwrap_or((body, None));
    // Of two generations, each finds what it can read; a wrong one finds no message that names somebody by chance.
    [Some(first), second]
        .into_iter()
        .flatten()
        .any(|part| names_in_part(part, Era::Main, users) || names_in_part(part, Era::Seed, users))
}

fn names_in_part(part: &[u8], era: Era, users: &BTreeSet<String>) -> bool {
    // Up to the first fault: what follows it can't be told apart from other bytes.
    read_batch(part, era).map_while(Result::ok).any(|message| match message.id {
        SESSION_START | MOBILE_SESSION_START => message
            .fields()
            .any(|(name, value)| name == "UserID" && matches!(value, Value::Str(text) if is_user(text, users))),
        id if NAMING.contains(&id) => {
            message.fields().any(|(_, value)| matches!(value, Value::Str(text) if is_user(text, users)))
        }
        _ => false,
    })
}

fn names_in_json(json: &Json, users: &BTreeSet<String>, depth: usize) -> bool {
    match json {
        _ if depth > DEPTH_MAX => false,
        Json::Array(all) => all.iter().any(|one| names_in_json(one, users, depth + 1)),
        Json::Object(members) => members.iter().any(|(name, value)| match value {
            Json::String(text) => SDK_MEMBERS.contains(&name.as_str()) && users.contains(text),
            Json::Number(number) => SDK_MEMBERS.contains(&name.as_str()) && users.contains(&number.to_string()),
            other => names_in_json(other, users, depth + 1),
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
