//! The registration of the keeper's consumer, whose cursor holds back what is not in the archive.

use std::path::Path;

use crate::archive::compactor::CONSUMER;
use crate::archive::error::ArchiveError;
use crate::archive::manifest::Manifest;
use crate::archive::place::{Place, sync_dir};
use crate::archive::source::Source;
use crate::log::LogError;
use crate::log::cursor::{ConsumerName, Cursor, Cursors, From, position_at};
use crate::log::read::reader::LogReader;
use crate::telemetry::{Level, Logger};

/// The name of the consumer.
pub fn consumer_name() -> ConsumerName {
    CONSUMER.parse().expect("it is a valid name")
}

/// Registers the consumer, and sets its cursor to where the archive ends. To be called before anything is deleted.
///
/// If the archive's manifest can't be read, the cursor stays as it is, and a new one holds everything.
///
/// # Errors
/// The log or the cursor can't be read or written.
pub fn register(data: &Path, logger: &Logger) -> Result<(), LogError> {
    let reader = LogReader::open(&data.join("log"))?;
    let (cursors, name) = (Cursors::of(&reader), consumer_name());
    let saved = cursors.read(&name);
    let start = || position_at(&reader, From::Start);
    let Ok(manifest) = read_durable(&Place::in_data(data)) else {
        // The thread says what is wrong. A cursor that can't be believed holds everything, which is right.
        if matches!(saved, Ok(None)) {
            cursors.register(&Cursor { consumer: name, holds: true, position: start()? })?;
        }
        return Ok(());
    };
    let to = manifest.and_then(|manifest| manifest.to_in(reader.log_uuid()));
    let is_new = to.is_none();
    let position = to.map_or_else(start, Ok)?;
    match saved {
        Ok(Some(cursor)) if cursor.position == position => return Ok(()),
        Ok(Some(cursor)) => {
            cursors.keep(&name, &position)?;
            if is_new && cursor.position != start()? {
                let message = "there is no archive of this log, though one was made before: it begins anew with the oldest record";
                logger.event(Level::Warn, crate::caller!(), message, &[]);
            }
            return Ok(());
        }
        Ok(None) => {}
        Err(error @ (LogError::Cursor { .. } | LogError::Version { .. })) => {
            let fields = [("error", &*error.to_string())];
            let message = "the compactor's cursor can't be believed: the archive's manifest says where it goes on";
            logger.event(Level::Warn, crate::caller!(), message, &fields);
            cursors.remove(&name)?;
        }
        Err(error) => return Err(error),
    }
    cursors.register(&Cursor { consumer: name, holds: true, position })
}

/// The manifest, once it is certain to survive the machine: segments may leave the log by it.
fn read_durable(place: &Place) -> Result<Option<Manifest>, ArchiveError> {
    let manifest = Manifest::read(&Source::folder(place))?;
    if manifest.is_some() {
        sync_dir(place.dir())?;
    }
    Ok(manifest)
}

#[cfg(test)]
mod tests;
