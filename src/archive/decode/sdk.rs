//! The events of the analytics SDK.
//!
//! A body is `{"data": {"events": […], "user_actions": […]}}`, or the same without `data`, as the SDK sends what must not wait. An event has
//! `name`, `payload` and `timestamp` (ms); a user action has `type`, `user_id` or `payload`, and `timestamp`. Members that are something else
//! than that are passed over.

use crate::archive::known_text::KnownText;
use crate::codec::json::{JsonError, JsonScratch, Value, elements, is_key, members};
use crate::log::format::record::Record;

use super::client_time::client_time_us;
use super::event::{Event, EventKind};
use super::text::text;

/// The source of these events.
const SOURCE: &str = "sdk";

/// The user action by which a user becomes known. The others set what is known about the user.
const IDENTITY: &str = "identity";

/// Reused from body to body.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    body: JsonScratch,
    lists: ListBuffers,
}

#[derive(Debug, Default)]
struct ListBuffers {
    wrapped: JsonScratch,
    list: JsonScratch,
    item: JsonScratch,
    found: Item,
}

/// What is known of an event or a user action.
#[derive(Debug, Default)]
struct Item {
    name: String,
    value: String,
    happened_us: Option<i64>,
    cut: bool,
}

/// Why the reading stopped.
enum Stop<E> {
    Json(JsonError),
    Visit(E),
}

impl<E> From<JsonError> for Stop<E> {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

/// Calls `visit` for each event of a body, up to its first fault, which is returned.
///
/// # Errors
/// The first error of `visit`.
pub(super) fn visit_events<E>(
    record: &Record<'_>,
    body: &[u8],
    buffers: &mut Buffers,
    visit: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
) -> Result<Option<JsonError>, E> {
    let Buffers { body: scratch, lists } = buffers;
    let text = record.id.to_string();
    let (record, mut index) = ((record, KnownText::from(text.as_str())), 0);
    let read = members(body, scratch, |key, _, json| {
        if !is_key(key, "data") {
            return list(record, key, json, lists, &mut index, visit);
        }
        // Taken out, because the lists inside use the other buffers.
        let mut wrapped = std::mem::take(&mut lists.wrapped);
        let read = members(json, &mut wrapped, |key, _, json| list(record, key, json, lists, &mut index, visit));
        lists.wrapped = wrapped;
        read
    });
    match read {
        Ok(()) => Ok(None),
        Err(Stop::Json(error)) => Ok(Some(error)),
        Err(Stop::Visit(error)) => Err(error),
    }
}

/// Reads the list under `key` if it is one of the two.
fn list<E>(
    (record, record_text): (&Record<'_>, KnownText<'_>),
    key: &str,
    json: &[u8],
    buffers: &mut ListBuffers,
    index: &mut u64,
    visit: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
) -> Result<(), Stop<E>> {
    let are_events = is_key(key, "events");
    if !are_events && !is_key(key, "user_actions") {
        return Ok(());
    }
    let ListBuffers { list, item, found, .. } = buffers;
    elements(json, list, |value, json| {
        if value != Value::Object {
            return Ok(());
        }
        found.read(json, item)?;
        let kind = match found.name.as_str() {
            _ if are_events => EventKind::Custom,
            IDENTITY => EventKind::User,
            _ => EventKind::Metadata,
        };
        let mut event = Event::of(record, record_text, *index, kind, SOURCE);
        event.happened_us = found.happened_us;
        event.name = Some(&*found.name).filter(|name| !name.is_empty()).map(Into::into);
        event.value = Some(&*found.value).filter(|value| !value.is_empty()).map(Into::into);
        event.cut = found.cut;
        *index += 1;
        visit(&event).map_err(Stop::Visit)
    })
}

impl Item {
    /// Replaces what is known with an object's members.
    fn read(&mut self, json: &[u8], scratch: &mut JsonScratch) -> Result<(), JsonError> {
        self.name.clear();
        self.value.clear();
        (self.happened_us, self.cut) = (None, false);
        members(json, scratch, |key, value, json| {
            if is_key(key, "name") || is_key(key, "type") {
                self.cut |= set(&mut self.name, value, json);
            } else if is_key(key, "payload") || is_key(key, "user_id") {
                self.cut |= set(&mut self.value, value, json);
            } else if is_key(key, "timestamp")
                && let Value::Number(number) = value
            {
                // A fraction of a millisecond says nothing; what is too large for the type is no time.
                self.happened_us = number.parse::<f64>().ok().and_then(|ms| client_time_us(ms as i64));
            }
            Ok(())
        })
    }
}

/// Sets a text to that of a string, or to the JSON of any other value but `null`. Returns whether it was cut.
fn set(slot: &mut String, value: Value<'_>, json: &[u8]) -> bool {
    let (found, cut) = match value {
        Value::Null => return false,
        Value::String(found) => text(found.as_bytes()),
        _ => text(json),
    };
    slot.clear();
    slot.push_str(&found);
    cut
}

#[cfg(test)]
mod tests;
