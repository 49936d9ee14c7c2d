//! `kill -9`: what was acknowledged is still there afterwards.

use std::io::{BufRead, BufReader, Write};
use std::process;
use std::process::{Command, Stdio};

use super::*;

const CHILD: &str = "TAKEUP_TEST_LOG_OF_CHILD";

/// Set if the child answers from memory. It then makes nothing durable by itself.
const FROM_MEMORY: &str = "TAKEUP_TEST_CHILD_FROM_MEMORY";

/// Set if it leaves the files of its memory again and again.
const FORGETS: &str = "TAKEUP_TEST_CHILD_FORGETS";

/// What a child does.
#[derive(Clone, Copy, PartialEq)]
enum Child {
    AnswersFromDisk,
    AnswersFromMemory,
    /// The same with memory that lies in files.
    Forgets,
}

fn child_options(dir: &Path) -> Options {
    let options = Options { cores: 2, ..options(dir) };
    let way = if std::env::var_os(FORGETS).is_some() { Way::Direct } else { options.way };
    let options = Options { way, ..options };
    match std::env::var_os(FROM_MEMORY) {
        Some(_) => Options { ack: Ack::Memory, sync_interval: Duration::from_secs(3_600), ..options },
        None => options,
    }
}

/// The process that is killed: it prints each record's number once it is acknowledged. Does nothing in an ordinary test run.
#[test]
fn child_writes_until_it_is_killed() {
    let Some(dir) = std::env::var_os(CHILD) else { return };
    let (log, _) = Log::open(child_options(Path::new(&dir))).unwrap();
    let mut core = Core::new(&log, 0);
    let forgetting = log.clone();
    if std::env::var_os(FORGETS).is_some() {
        thread::spawn(move || {
            loop {
                forgetting.seal_all(PATIENCE);
                forgetting.forget_recent(Instant::now() + PATIENCE);
            }
        });
    }
    let mut said = 0;
    // Bounded, in case nobody kills it.
    for turn in 1..200_000_u64 {
        let seq = core.append(&batch(&turn.to_le_bytes().repeat(1 + (turn as usize * 13) % 300)));
        assert_eq!(seq.0, turn);
        if turn % 5 == 0 {
            core.progress();
            core.writer.kick();
        }
        if core.acked.0 > said {
            said = core.acked.0;
            // Not println: the harness captures it.
            writeln!(std::io::stderr(), "acked {said}").unwrap();
        }
    }
}

fn spawn_child(dir: &Path, what: Child) -> process::Child {
    let test = "writer::tests::kill::child_writes_until_it_is_killed";
    Command::new(std::env::current_exe().unwrap())
        .args([test, "--nocapture", "--test-threads=1"])
        .envs((what != Child::AnswersFromDisk).then_some((FROM_MEMORY, "1")))
        .envs((what == Child::Forgets).then_some((FORGETS, "1")))
        .env(CHILD, dir)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn acknowledged_records_survive_kill() {
    survives_kill(Child::AnswersFromDisk);
}

#[test]
fn records_answered_from_memory_survive_kill() {
    survives_kill(Child::AnswersFromMemory);
}

#[test]
fn records_answered_from_memory_survive_kill_while_its_files_are_left() {
    survives_kill(Child::Forgets);
}

fn survives_kill(what: Child) {
    let dir = tempfile::tempdir().unwrap();
    let log_dir = dir.path().join("log");
    let mut acked_before = 0_usize;
    for cycle in 1..=4_u32 {
        let mut child = spawn_child(dir.path(), what);
        let mut acked = 0_usize;
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        for line in lines.map_while(Result::ok) {
            if let Some(count) = line.strip_prefix("acked ") {
                // The last line may be torn.
                acked = count.parse().unwrap_or(acked);
            }
            if acked > 200 * cycle as usize {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(acked > 0, "the child has acknowledged nothing");

        let (log, recovery) = Log::open(options(dir.path())).unwrap();
        assert!(recovery.damage.is_empty() && recovery.problems.is_empty(), "{recovery:?}");
        let seen = payloads(&log_dir);
        // This cycle's records follow those of the earlier cycles, whole, in order, and without a gap.
        let own: Vec<u64> =
            seen[acked_before..].iter().map(|payload| u64::from_le_bytes(payload[..8].try_into().unwrap())).collect();
        assert!(own.len() >= acked, "cycle {cycle}: {acked} acknowledged, {} there", own.len());
        assert!(own.iter().copied().eq(1..=own.len() as u64), "cycle {cycle}: a gap or a repeat");
        acked_before = seen.len();
        log.close().unwrap();
    }
}
