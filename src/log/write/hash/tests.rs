use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::log::disk::calls;
use crate::log::format::record::{DataType, Encoding, Entry, Flags, Kind, Topic};
use crate::log::open::{Queues, Seat, take_up};
use crate::log::read::description::describe;
use crate::log::write::fault::Fault;
use crate::log::write::{keeper, prepare, syncer};
use crate::log::{Ack, AppendError, Log, Options, Way, Writer};

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
    let pieces = followers.list.remove(0).description.unwrap().finish(bytes, 0).unwrap();
    assert_eq!(pieces, describe(&sealed, log.uuid(), 0, id).unwrap());
    assert_eq!((pieces.records, pieces.sessions), (160, 40));
    assert_eq!(crate::log::format::sidecar::Sidecar::read(&sealed).unwrap(), Some(pieces));
}

/// A log of one core with all threads but the hasher.
fn without_hasher(options: Options, test: impl FnOnce(&Arc<Shared>, &mut Writer)) {
    with_cores(options, |shared, writers| test(shared, &mut writers[0]));
}

/// The same with all cores that the options name.
fn with_cores(options: Options, test: impl FnOnce(&Arc<Shared>, &mut [Writer])) {
    let (shared, _) = take_up(calls::REAL, options, 1).unwrap();
    let Queues { seats, jobs, retired: _retired } = Queues::new(shared.cores.len());
    shared.cores_running.store(shared.cores.len() as u32, Ordering::SeqCst);
    std::thread::scope(|scope| {
        for (core, jobs) in shared.cores.iter().zip(&jobs) {
            let shared = &shared;
            scope.spawn(move || syncer::run(shared, core, jobs));
        }
        scope.spawn(|| prepare::run(&shared));
        scope.spawn(|| keeper::run(&shared));
        let writer = |(core, seat): (&Arc<Core>, Seat)| {
            Writer::new(Arc::clone(&shared), Arc::clone(core), seat.jobs, seat.retire)
        };
        let mut writers: Vec<Writer> = shared.cores.iter().zip(seats).map(writer).collect();
        test(&shared, &mut writers);
        drop(writers);
        shared.closing.store(true, Ordering::SeqCst);
    });
}

/// Appends groups until the writer has to wait for the hasher. Returns how many bytes it has written.
fn fill(shared: &Shared, writer: &mut Writer) -> u64 {
    fill_core(shared, 0, writer)
}

/// The same for one of several cores.
fn fill_core(shared: &Shared, core: usize, writer: &mut Writer) -> u64 {
    let begun = Instant::now();
    while shared.cores[core].wait.what() != Some(For::Hasher) {
        assert!(begun.elapsed().as_secs() < 20, "the writer does not wait for the hasher: {:?}", writer.stats());
        let _ = writer.append(&batch(7, &[7; 20_000]));
        writer.kick();
        writer.progress();
    }
    writer.stats().bytes
}

/// Waits until everything that was appended is durable.
fn settle(writer: &mut Writer) {
    let begun = Instant::now();
    while writer.stats().unsynced > 0 {
        assert!(begun.elapsed().as_secs() < 20, "a group is never durable");
        writer.kick();
        writer.progress();
    }
}

/// Looks until the writer may go on.
fn look(followers: &mut Followers, shared: &Shared) {
    let begun = Instant::now();
    while shared.cores[0].wait.what().is_some() {
        assert!(begun.elapsed().as_secs() < 20, "the writer waits for ever");
        followers.follow(shared);
    }
}

#[test]
fn a_writer_that_fills_memory_faster_than_it_is_hashed_waits_and_all_is_hashed_from_memory() {
    let dir = tempfile::tempdir().unwrap();
    let (block, kept) = (1 << 20, 4);
    let options = Options {
        way: Way::Direct,
        group_bytes_max: block,
        window_bytes: block,
        recent_bytes: kept * block,
        ..options(dir.path())
    };
    without_hasher(options, |shared, writer| {
        let mut followers = Followers::default();
        let mut before = 0;
        for _ in 0..20 {
            let written = fill(shared, writer);
            assert!(written - before <= (kept + 3) * block, "the writer waits for nothing: {written} and {before}");
            assert!(shared.hash_now.1.try_recv().is_ok(), "the hasher is asked to look");
            before = written;
            // Everything that is read was kept: the file's bytes are not asked for.
            let core = &shared.cores[0];
            let segments = core.live();
            for segment in segments.iter().filter(|segment| segment.durable() > RECORDS_FROM) {
                let from = followers.list.iter().find(|of| of.id == segment.id).map_or(RECORDS_FROM, |of| of.read_to);
                assert!(from == segment.durable() || core.recent.find(segment.id, from).is_some(), "{from} is gone");
            }
            look(&mut followers, shared);
        }
        let stats = shared.cores[0].standstills.stats();
        let of_hasher = For::ALL.into_iter().position(|what| what == For::Hasher).unwrap();
        assert!(stats[of_hasher].count >= 10, "{stats:?}");
        assert_eq!(shared.late_wakes.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn a_segment_that_can_not_be_hashed_holds_up_no_writer() {
    let dir = tempfile::tempdir().unwrap();
    let block = 1 << 20;
    let options = Options {
        way: Way::Direct,
        group_bytes_max: block,
        window_bytes: block,
        recent_bytes: 2 * block,
        ..options(dir.path())
    };
    without_hasher(options, |shared, writer| {
        let mut followers = Followers::default();
        for _ in 0..5 {
            fill(shared, writer);
            followers.follow(shared);
            followers.list.iter_mut().for_each(|follower| follower.description = None);
            look(&mut followers, shared);
        }
    });
}

/// Few and small blocks, so that a writer soon waits for the hasher.
fn small(dir: &std::path::Path) -> Options {
    let block = 1 << 20;
    Options {
        way: Way::Direct,
        group_bytes_max: block,
        window_bytes: block,
        start_reserve_bytes: 8 << 10,
        recent_bytes: 2 * block,
        ..options(dir)
    }
}

#[test]
fn a_writer_that_waits_for_a_hasher_that_dies_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    without_hasher(small(dir.path()), |shared, writer| {
        fill(shared, writer);
        let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _watch = Watch::new(shared, LogThread::Hasher);
            panic!("as if the thread had");
        }));
        assert!(died.is_err());
        let refused = writer.append(&batch(7, &[7; 20_000]));
        assert_eq!(refused, Err(AppendError::Poisoned(Fault::Thread(LogThread::Hasher))));
        assert_eq!(shared.cores[0].wait.what(), None);
    });
}

#[test]
fn what_was_answered_from_memory_is_appended_again_at_the_end_even_if_the_hasher_is_behind() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { ack: Ack::Memory, format_ahead: false, recent_bytes: 1 << 20, ..small(dir.path()) };
    let mut counters = None;
    without_hasher(options, |shared, writer| {
        let core = &shared.cores[0];
        let begun = Instant::now();
        let turn = |writer: &mut Writer| {
            assert!(begun.elapsed().as_secs() < 20, "it does not come to that: {:?}", writer.stats());
            writer.progress();
            std::thread::sleep(Duration::from_millis(1));
        };
        fill(shared, writer);
        while writer.stats().unsynced > 0 {
            turn(writer);
        }
        writer.segment().unwrap().syncs_to_fail.store(u32::MAX, Ordering::SeqCst);
        core.recent.hold_from(u64::MAX);
        // Less than a group, and more than the rest of a block.
        for _ in 0..45 {
            while writer.append(&batch(7, &[7; 20_000])).is_err() {
                assert!(begun.elapsed().as_secs() < 20, "no room: {:?}", core.wait.what());
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        core.recent.hold_from(0);
        while core.counters.lost.load(Ordering::SeqCst) == 0 {
            turn(writer);
        }
        while !core.is_ready() {
            assert!(begun.elapsed().as_secs() < 20, "there is no other segment");
            std::thread::yield_now();
        }
        counters = Some(Arc::clone(core));
    });
    let counters = &counters.unwrap().counters;
    let (lost, restored) = (counters.lost.load(Ordering::SeqCst), counters.restored.load(Ordering::SeqCst));
    assert!(lost > 0, "nothing was lost");
    assert_eq!(restored, lost);
}

#[test]
fn a_core_with_much_to_hash_does_not_hold_up_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let block = 1 << 20;
    let options = Options { cores: 2, recent_bytes: 32 * block, ..small(dir.path()) };
    with_cores(options, |shared, writers| {
        let written: Vec<u64> = (0..2).map(|core| fill_core(shared, core, &mut writers[core])).collect();
        assert!(written[0] > 3 * SLICE_BYTES, "{written:?}");
        let mut followers = Followers::default();
        let read = |followers: &Followers, core: u16| {
            let of_core = followers.list.iter().filter(|follower| follower.core == core);
            of_core.map(|follower| follower.read_to).sum::<u64>()
        };
        let mut looks = 0;
        while read(&followers, 1) == 0 {
            followers.follow(shared);
            looks += 1;
        }
        assert!(looks == 1 && read(&followers, 0) <= SLICE_BYTES + 2 * block, "{looks}: {}", read(&followers, 0));
        // It goes on without a pause.
        assert_eq!(followers.follow(shared), Duration::ZERO);
        assert!(read(&followers, 1) > SLICE_BYTES);
    });
}

#[test]
fn what_waits_for_the_sealer_keeps_no_memory() {
    let dir = tempfile::tempdir().unwrap();
    without_hasher(small(dir.path()), |shared, writer| {
        fill(shared, writer);
        settle(writer);
        let mut followers = Followers::default();
        let core = &shared.cores[0];
        let segment = Arc::clone(writer.segment().unwrap());
        let durable = segment.durable();
        assert!(core.recent.find(segment.id, durable - 1).is_some(), "the newest is in memory");
        let description = followers.complete(shared, &Retired { core: Arc::clone(core), segment }).unwrap();
        assert_eq!(description.block(), 0);
        assert_eq!(description.finish(durable, 0).unwrap().bytes, durable);
    });
}

#[test]
fn a_standstill_for_something_else_ends_although_the_hasher_is_behind() {
    let dir = tempfile::tempdir().unwrap();
    without_hasher(small(dir.path()), |shared, writer| {
        fill(shared, writer);
        settle(writer);
        let standstills = &shared.cores[0].standstills;
        writer.kick();
        assert!(standstills.is_for(For::Hasher));
        standstills.begin(For::Window, shared.clock.now_us());
        writer.kick();
        assert!(!standstills.is_one());
    });
}
