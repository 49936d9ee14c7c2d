//! A consumer's durable cursor: where it begins, and how it is kept.

use crate::log::LogError;
use crate::log::cursor::{Cursor, Cursors, From, position_at};
use crate::log::read::merge::MergePosition;
use crate::log::read::reader::LogReader;

use super::consumer::Consumer;

/// Where a consumer begins to read; None for the oldest record. One that holds is registered when this returns.
pub(super) fn begin(consumer: &Consumer, reader: &LogReader) -> Result<Option<MergePosition>, LogError> {
    let cursors = Cursors::of(reader);
    match cursors.read(&consumer.name) {
        Ok(Some(cursor)) => return Ok(Some(cursor.position)),
        Ok(None) if consumer.holds => {
            let cursor = cursors.register_at(reader, &consumer.name, true, consumer.begin)?;
            return Ok(Some(cursor.position));
        }
        Err(error) if consumer.holds => return Err(error),
        // A second look at some records harms nobody.
        Ok(None) | Err(_) => {}
    }
    match consumer.begin {
        From::Start => Ok(None),
        From::End => position_at(reader, From::End).map(Some),
    }
}

/// Keeps a position over restarts.
///
/// # Errors
/// [`LogError::Consumer`] if a consumer that holds was removed; failures to read or write the cursor.
pub(super) fn keep(consumer: &Consumer, position: &MergePosition) -> Result<(), LogError> {
    let cursors = Cursors::beside(&consumer.log_dir, position.log);
    match cursors.keep(&consumer.name, position) {
        Ok(()) => return Ok(()),
        Err(error) if consumer.holds => return Err(error),
        // Not registered yet, or no longer. It costs nobody a segment.
        Err(LogError::Consumer { .. }) => {}
        // A cursor that can't be believed would hold everything, and this one is nobody's but the consumer's own.
        Err(LogError::Cursor { .. }) => drop(cursors.remove(&consumer.name)?),
        Err(error) => return Err(error),
    }
    cursors.register(&Cursor { consumer: consumer.name.clone(), holds: false, position: position.clone() })
}

#[cfg(test)]
mod tests;
