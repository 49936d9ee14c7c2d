//! What only writes past the page cache have: an owner that makes them, in any order.

use std::io;
use std::os::unix::fs::FileExt;

use crate::log::GroupWrite;

use super::*;

fn open(dir: &Path) -> (Log, Core) {
    let (log, _) = Log::open(Options { way: Way::Direct, ..options(dir) }).unwrap();
    let mut core = Core::new(&log, 0);
    core.writer.own_writes();
    (log, core)
}

/// Ends the turn, and returns what is to be written.
fn closed(core: &mut Core) -> GroupWrite {
    core.writer.kick();
    core.writer.next_write().expect("a group was closed")
}

/// Writes a group as a ring would.
fn write(write: &GroupWrite) -> io::Result<()> {
    write.file().and_then(|file| file.write_all_at(&write.bytes(), write.offset()))
}

fn append_many(core: &mut Core, count: usize, payload: &[u8]) {
    for _ in 0..count {
        core.append(&batch(payload));
    }
}

fn finish(core: &mut Core, group: GroupWrite) {
    let written = write(&group);
    core.writer.written(group, written);
}

#[test]
fn a_group_that_is_durable_before_an_older_one_is_not_acknowledged_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let (log, mut core) = open(dir.path());
    core.append(&batch(b"first"));
    let first = closed(&mut core);
    append_many(&mut core, 16, b"second");
    let second = closed(&mut core);
    finish(&mut core, second);
    core.progress();
    assert_eq!(core.acked, Seq(0));
    assert_eq!(control(&log, 0).durable, 4096, "nothing is told to be durable behind a gap");
    assert!(core.writer.has_writes());
    finish(&mut core, first);
    core.progress();
    assert_eq!(core.acked, Seq(17));
    assert!(!core.writer.has_writes());
    assert_eq!(payloads(log.dir()).len(), 17);
}

#[test]
fn a_second_group_beside_a_large_one_has_a_share_of_all_that_wait() {
    let dir = tempfile::tempdir().unwrap();
    let (_log, mut core) = open(dir.path());
    append_many(&mut core, 160, b"first");
    let first = closed(&mut core);
    append_many(&mut core, 59, b"second");
    core.writer.kick();
    assert!(core.writer.next_write().is_none(), "three eighths of 160 are 60");
    core.append(&batch(b"second"));
    let second = closed(&mut core);
    finish(&mut core, first);
    finish(&mut core, second);
    core.progress();
    // Now that fewer wait, smaller ones are worth it again.
    for _ in 0..20 {
        append_many(&mut core, 8, b"one of few");
        let group = closed(&mut core);
        finish(&mut core, group);
        core.progress();
    }
    append_many(&mut core, 8, b"first of few");
    let first = closed(&mut core);
    append_many(&mut core, 16, b"second of few");
    let second = closed(&mut core);
    finish(&mut core, first);
    finish(&mut core, second);
    core.progress();
}

#[test]
fn a_second_group_is_begun_beside_the_first_only_when_it_is_worth_it() {
    let dir = tempfile::tempdir().unwrap();
    let (_log, mut core) = open(dir.path());
    core.append(&batch(b"first"));
    let first = closed(&mut core);
    append_many(&mut core, 15, b"second");
    core.writer.kick();
    assert!(core.writer.next_write().is_none());
    core.append(&batch(b"second"));
    let second = closed(&mut core);
    append_many(&mut core, 32, b"third");
    core.writer.kick();
    assert!(core.writer.next_write().is_none(), "two are on their way");
    finish(&mut core, first);
    finish(&mut core, second);
    core.progress();
    let third = closed(&mut core);
    finish(&mut core, third);
}

#[test]
fn a_failed_write_takes_the_group_behind_it_along_though_that_is_durable() {
    let dir = tempfile::tempdir().unwrap();
    let (log, mut core) = open(dir.path());
    core.append(&batch(b"first"));
    let first = closed(&mut core);
    append_many(&mut core, 16, b"second");
    let second = closed(&mut core);
    core.writer.written(first, Err(io::Error::from_raw_os_error(libc::EIO)));
    core.progress();
    assert_eq!(core.lost, [], "the kernel may still write the second to the file");
    finish(&mut core, second);
    core.progress();
    assert_eq!(core.lost, [(Seq(1), Seq(17))]);
    core.append(&batch(b"again"));
    let again = closed(&mut core);
    finish(&mut core, again);
    core.progress();
    assert_eq!(core.acked, Seq(18));
    assert_eq!(payloads(log.dir()), [b"again"]);
}

#[test]
fn groups_that_the_owner_never_gave_back_are_left_to_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let (log, mut core) = open(dir.path());
    core.append(&batch(b"acknowledged"));
    let group = closed(&mut core);
    finish(&mut core, group);
    core.progress();
    core.append(&batch(b"on its way"));
    let group = closed(&mut core);
    drop(core);
    log.close().unwrap();
    assert_eq!(files(log.dir(), 0, "open").len(), 1, "the kernel may still write to it");
    drop(group);
    drop(log);
    let (log, recovery) = Log::open(options(dir.path())).unwrap();
    assert!(recovery.damage.is_empty());
    assert_eq!(payloads(log.dir()), [b"acknowledged"]);
}

#[test]
fn room_that_held_an_earlier_group_leaves_nothing_of_it_in_a_later_one() {
    let dir = tempfile::tempdir().unwrap();
    let (log, mut core) = open(dir.path());
    let mut appended = 0;
    for turn in 0..40_u8 {
        let payload = vec![0xA0 | (turn % 16); 5_000 - 117 * usize::from(turn)];
        appended += payload.len();
        core.append(&batch(&payload));
        let group = closed(&mut core);
        finish(&mut core, group);
        core.progress();
    }
    drop(core);
    log.close().unwrap();
    // Payloads are long runs of one byte; nothing else in the files is.
    let mut rows = 0;
    for path in files(log.dir(), 0, "seg") {
        let bytes = std::fs::read(path).unwrap();
        let of_payloads = |row: &&[u8]| row.len() >= 16 && row[0] >= 0xA0;
        rows += bytes.chunk_by(|a, b| a == b).filter(of_payloads).map(<[u8]>::len).sum::<usize>();
    }
    assert_eq!(rows, appended, "bytes that carry nothing are zero");
    assert_eq!(payloads(log.dir()).len(), 40);
}
