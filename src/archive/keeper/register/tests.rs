use super::*;

use std::collections::BTreeMap;

use crate::archive::lock::ArchiveLock;
use crate::log::read::merge::{MergePosition, Place as LogPlace};
use crate::log::{Ack, Log, Options};
use crate::telemetry::LogOptions;

/// A data folder with an empty log, what reads it, and a logger that tells nobody.
fn data() -> (tempfile::TempDir, LogReader, Logger) {
    let data = tempfile::tempdir().unwrap();
    let dir = data.path().join("log");
    let options = Options { dir: dir.clone(), ack: Ack::Memory, insist: true, ..Options::default() };
    Log::open(options).unwrap().0.close().unwrap();
    let reader = LogReader::open(&dir).unwrap();
    let (logger, _) = Logger::start(&LogOptions::default(), Box::new(std::io::sink())).unwrap();
    (data, reader, logger)
}

/// An archive that ends here.
fn archive_to(data: &Path, to: Option<MergePosition>) {
    let place = Place::in_data(data);
    place.make().unwrap();
    let lock = ArchiveLock::take(&place, &|| false).unwrap();
    let mut manifest = Manifest::empty();
    manifest.to = to;
    manifest.begin(&place, &lock).unwrap();
}

fn place(reader: &LogReader, segment: u64) -> MergePosition {
    let cores = BTreeMap::from([(0, LogPlace { segment, offset: 4096 })]);
    MergePosition { log: reader.log_uuid(), cores, behind: BTreeMap::new() }
}

fn cursor(reader: &LogReader) -> Cursor {
    Cursors::of(reader).read(&consumer_name()).unwrap().unwrap()
}

#[test]
fn the_cursor_is_where_the_archive_ends_whatever_it_said_before() {
    let (data, reader, logger) = data();
    let start = position_at(&reader, From::Start).unwrap();
    register(data.path(), &logger).unwrap();
    assert_eq!((cursor(&reader).holds, cursor(&reader).position), (true, start.clone()));

    for to in [place(&reader, 7), place(&reader, 3), place(&reader, 9)] {
        archive_to(data.path(), Some(to.clone()));
        register(data.path(), &logger).unwrap();
        assert_eq!(cursor(&reader).position, to);
    }
    // A cursor that can't be believed is replaced.
    std::fs::write(Cursors::of(&reader).path(&consumer_name()), "{").unwrap();
    register(data.path(), &logger).unwrap();
    assert_eq!((cursor(&reader).holds, cursor(&reader).position), (true, place(&reader, 9)));

    // Of a new archive, and of one of another log, nothing is known.
    let other = MergePosition { log: uuid::Uuid::from_u128(7), ..place(&reader, 5) };
    for to in [None, Some(other)] {
        archive_to(data.path(), to);
        register(data.path(), &logger).unwrap();
        assert_eq!(cursor(&reader).position, start);
    }
}

#[test]
fn an_archive_that_cannot_be_read_moves_no_cursor_and_a_new_one_holds_everything() {
    let (data, reader, logger) = data();
    let start = position_at(&reader, From::Start).unwrap();
    archive_to(data.path(), Some(place(&reader, 7)));
    let manifest = Place::in_data(data.path()).manifest();
    let good = std::fs::read(&manifest).unwrap();
    std::fs::write(&manifest, &good[..20]).unwrap();
    register(data.path(), &logger).unwrap();
    assert_eq!((cursor(&reader).holds, cursor(&reader).position), (true, start));

    std::fs::write(&manifest, &good).unwrap();
    register(data.path(), &logger).unwrap();
    std::fs::write(&manifest, &good[..20]).unwrap();
    register(data.path(), &logger).unwrap();
    assert_eq!(cursor(&reader).position, place(&reader, 7));

    // It holds everything as it is; what it says once the archive can be read again is up to that.
    let path = Cursors::of(&reader).path(&consumer_name());
    std::fs::write(&path, "{").unwrap();
    register(data.path(), &logger).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"{");
}
