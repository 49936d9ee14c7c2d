//! A consumer's durable cursor: where the consumer begins, and how its position is saved.

use crate::log::LogError;
use crate::log::cursor::{Cursor, Cursors, From, position_at};
use crate::log::read::merge::MergePosition;
use crate::log::read::reader::LogReader;

use super::consumer::Consumer;

/// Where a consumer begins to read; `None` for the oldest record. When this returns, a consumer that holds segments back is registered.
pub(super) fn begin(consumer: &Consumer, reader: &LogReader) -> Result<Option<MergePosition>, LogError> {
    let cursors = Cursors::of(reader);
    match cursors.read(&consumer.name) {
        Ok(Some(cursor)) => return Ok(Some(cursor.position)),
        Ok(None) if consumer.holds => {
            let cursor = cursors.register_at(reader, &consumer.name, true, consumer.begin)?;
            return Ok(Some(cursor.position));
        }
        Err(error) if consumer.holds => return Err(error),
        // Reading some records twice does no harm.
        Ok(None) | Err(_) => {}
    }
    match consumer.begin {
        From::Start => Ok(None),
        From::End => position_at(reader, From::End).map(Some),
    }
}

/// Registers a consumer that holds segments back, unless it is registered. To be called before anything is deleted. Returns whether it was not.
///
/// # Errors
/// The log or the cursor can't be read or written.
pub fn register(consumer: &Consumer) -> Result<bool, LogError> {
    let reader = LogReader::open(&consumer.log_dir)?;
    let is_new = Cursors::of(&reader).read(&consumer.name)?.is_none();
    begin(consumer, &reader)?;
    Ok(is_new)
}

/// The saved position; `None` without a cursor.
///
/// # Errors
/// The log or the cursor can't be read.
pub fn saved(consumer: &Consumer) -> Result<Option<MergePosition>, LogError> {
    let reader = LogReader::open(&consumer.log_dir)?;
    Ok(Cursors::of(&reader).read(&consumer.name)?.map(|cursor| cursor.position))
}

/// Saves a position durably.
///
/// # Errors
/// [`LogError::Consumer`] if a consumer that holds segments back was removed; failures to read or write the cursor.
pub(super) fn keep(consumer: &Consumer, position: &MergePosition) -> Result<(), LogError> {
    let cursors = Cursors::beside(&consumer.log_dir, position.log);
    match cursors.keep(&consumer.name, position) {
        Ok(()) => return Ok(()),
        Err(error) if consumer.holds => return Err(error),
        // Not registered yet, or no longer. Registering it below holds no segment back.
        Err(LogError::Consumer { .. }) => {}
        // A cursor that cannot be trusted would hold all segments back. This one belongs to this consumer alone, so it may be removed.
        Err(LogError::Cursor { .. }) => drop(cursors.remove(&consumer.name)?),
        Err(error) => return Err(error),
    }
    cursors.register(&Cursor { consumer: consumer.name.clone(), holds: false, position: position.clone() })
}

#[cfg(test)]
mod tests;
