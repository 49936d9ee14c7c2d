//! Memory that lies in files is left when what was erased may be in it.

use super::*;
use crate::log::format::stage_file;

const OLD: [u8; 2_000] = [0xA1; 2_000];
const NEW: [u8; 2_000] = [0xB2; 2_000];

/// Answers from memory, and makes nothing durable by itself.
fn in_files(dir: &Path) -> Options {
    Options { ack: Ack::Memory, way: Way::Direct, sync_interval: Duration::from_secs(3_600), ..options(dir) }
}

/// How many stage files there are, and how many of them hold any of this.
fn stages_with(log: &Log, of: &[u8]) -> (usize, usize) {
    let files = stage_file::files(&core_dir(log.dir(), 0));
    let holds = |path: &&std::path::PathBuf| std::fs::read(path).unwrap().windows(64).any(|part| part == &of[..64]);
    (files.len(), files.iter().filter(holds).count())
}

/// Does this on another thread while the core takes its turns.
fn beside<T: Send>(core: &mut Core, what: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let other = scope.spawn(what);
        while !other.is_finished() {
            core.writer.register(&waker());
            core.progress();
            core.writer.kick();
            thread::park_timeout(Duration::from_millis(1));
        }
        other.join().unwrap()
    })
}

#[test]
fn files_of_memory_hold_nothing_that_was_sealed_before_it_was_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(in_files(dir.path())).unwrap();
    let mut core = Core::new(&log, 0);
    for _ in 0..40 {
        core.append(&batch(&OLD));
    }
    core.progress();
    let (_, with_old) = stages_with(&log, &OLD);
    assert!(with_old > 0, "answered from memory");
    let first = control(&log, 0);
    let sealed = beside(&mut core, || log.seal_all(PATIENCE));
    assert!(sealed.iter().all(|core| core.left.is_empty()), "{sealed:?}");
    // What goes on in the block that a segment was left with has to move.
    for _ in 0..3 {
        core.append(&batch(&NEW));
    }
    core.progress();
    assert!(stages_with(&log, &OLD).1 > 0);
    // Held by a reader, as a consumer that is behind does.
    let recent = log.recent();
    let held = recent.of_core(0).unwrap().find(first.segment, first.cursor - 1);
    assert!(held.is_some());

    assert_eq!(beside(&mut core, || log.forget_recent(Instant::now() + PATIENCE)), Vec::<u16>::new());
    assert_eq!(stages_with(&log, &OLD).1, 0);
    assert!(held.unwrap().bytes.windows(64).any(|part| part == &OLD[..64]), "whoever reads it may go on");
    let seen = payloads(log.dir());
    assert_eq!((seen.iter().filter(|payload| **payload == OLD).count(), seen.len()), (40, 43));
    core.append(&batch(&NEW));
    core.progress();
    assert_eq!(stages_with(&log, &NEW).1, 1, "what follows is in a file again");
}

#[test]
fn a_core_that_takes_no_turn_is_told_to_have_files_left() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(in_files(dir.path())).unwrap();
    let mut core = Core::new(&log, 0);
    core.append(&batch(&OLD));
    assert_eq!(log.forget_recent(Instant::now() + Duration::from_millis(50)), [0]);
    assert_eq!(beside(&mut core, || log.forget_recent(Instant::now() + PATIENCE)), Vec::<u16>::new());
    assert_eq!(stages_with(&log, &OLD).1, 0);
}
