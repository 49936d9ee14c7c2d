use std::time::Instant;

use crate::log::format::record::{DataType, Encoding, Entry, Flags, Kind, Topic};
use crate::log::read::description::describe;
use crate::log::{Log, Options, Way, Writer};

use super::*;

fn batch(session: u64, payload: &[u8]) -> Entry<'_> {
    Entry {
        kind: Kind::Batch,
        topic: Topic::Raw,
        data_type: DataType::All,
        encoding: Encoding::Identity,
        session,
        project: 1,
        split: 0,
        label: None,
        flags: Flags::NONE,
        ext: &[],
        payload,
    }
}

/// Appends one group, and waits until it is durable.
fn group(writer: &mut Writer, session: u64) {
    let begun = Instant::now();
    let mut last = None;
    for size in [10, 3_000, 64, 20_000] {
        last = loop {
            if let Ok(seq) = writer.append(&batch(session, &vec![7; size])) {
                break Some(seq);
            }
            assert!(begun.elapsed().as_secs() < 20, "no room for a record");
            std::thread::sleep(Duration::from_millis(1));
            writer.progress();
            writer.kick();
        };
    }
    writer.kick();
    while Some(writer.progress().acked) < last {
        assert!(begun.elapsed().as_secs() < 20, "the group is never durable");
        std::thread::yield_now();
        writer.kick();
    }
}

fn options(dir: &std::path::Path) -> Options {
    Options {
        dir: dir.join("log"),
        segment_bytes: 64 << 20,
        insist: true,
        reserve_bytes: 1 << 20,
        ..Options::default()
    }
}

#[test]
fn a_segment_is_described_the_same_piece_by_piece_and_as_a_whole() {
    described_in_pieces(Way::Mapped, 32 << 20);
}

#[test]
fn a_directly_written_segment_is_described_the_same_from_memory_and_from_the_disk() {
    described_in_pieces(Way::Direct, 32 << 20);
    // Nothing stays in memory.
    described_in_pieces(Way::Direct, 0);
}

fn described_in_pieces(way: Way, recent_bytes: u64) {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(Options { way, recent_bytes, ..options(dir.path()) }).unwrap();
    let mut writer = log.writer(0).unwrap();
    let mut followers = Followers::default();
    for session in 1..40 {
        group(&mut writer, session);
        followers.follow(log.shared());
    }
    assert_eq!(followers.list.len(), 1);
    let (id, read_to) = (followers.list[0].id, followers.list[0].read_to);
    group(&mut writer, 40);
    let bytes = log.shared().cores[0].live()[0].durable();
    assert!(read_to > RECORDS_FROM && bytes > read_to, "something is left for the end");
    drop(writer);
    log.close().unwrap();
    let sealed = crate::log::read::reader::core_dir(log.dir(), 0).join(format!("{id:020}.seg"));
    let pieces = followers.take(0, id).unwrap().finish(bytes, 0).unwrap();
    assert_eq!(pieces, describe(&sealed, log.uuid(), 0, id).unwrap());
    assert_eq!((pieces.records, pieces.sessions), (160, 40));
    assert_eq!(crate::log::format::sidecar::Sidecar::read(&sealed).unwrap(), Some(pieces));
}
