//! Several who read a real log, alone and together.

use std::time::Instant;

use proptest::prelude::*;

use crate::log::format::record::{DataType, Encoding, Entry, Flags, Kind, Label, Topic};

use super::super::written::{PATIENCE, Written};
use super::super::{Form, Out, Piece, Sent, Wanted};
use super::*;

/// Each of its records is another one, whatever its bytes.
const NO_BATCHES: u64 = 3;

impl Written {
    /// The next record of a session, or the last one again. Those of [`NO_BATCHES`] are none that can be told to be repeats.
    fn send(&mut self, session: u64, again: bool, bytes: usize) {
        let count = self.counts.entry(session).or_default();
        let is_batch = session != NO_BATCHES;
        *count += u32::from(!again || !is_batch || *count == 0);
        let payload = count.to_le_bytes().repeat(bytes.div_ceil(4));
        let entry = Entry {
            kind: if is_batch { Kind::Batch } else { Kind::Image },
            topic: Topic::Raw,
            data_type: DataType::All,
            encoding: Encoding::Identity,
            session,
            project: self.project,
            split: 0,
            label: Some(Label { page: 0, number: *count }),
            flags: Flags::HAS_LABEL,
            ext: &[],
            payload: &payload,
        };
        self.append(&entry);
    }

    fn reader(&self, session: u64) -> Reader {
        let mut tail = Tail::new(Arc::clone(&self.sessions.0));
        tail.open(0).unwrap();
        tail.follow();
        Reader { tail, session, got: Vec::new() }
    }

    /// Everybody gets everything of their session once, in order.
    fn all_get_all(&self, readers: &mut [Reader]) {
        for reader in readers {
            let count = self.counts.get(&reader.session).copied().unwrap_or(0);
            let deadline = Instant::now() + PATIENCE;
            while reader.got.last().copied().unwrap_or(0) < count {
                assert!(Instant::now() < deadline, "{:?} of {count}", reader.got);
                if reader.step() == Step::End {
                    reader.tail.rest(Duration::from_millis(20));
                }
            }
            // What comes after that is a repeat.
            for _ in 0..20 {
                reader.step();
            }
            assert_eq!(reader.got, (1..=count).collect::<Vec<_>>(), "session {}", reader.session);
        }
    }
}

/// One who watches.
struct Reader {
    tail: Tail,
    session: u64,
    got: Vec<u32>,
}

impl Reader {
    fn step(&mut self) -> Step {
        let Reader { tail, session, got } = self;
        let take = |record: &Record<'_>| {
            got.push(record.label.unwrap().number);
            assert_eq!(record.payload[..4], got.last().unwrap().to_le_bytes());
            Ok(())
        };
        tail.next(*session, take).unwrap()
    }

    /// Reads until the rest is given.
    fn joins(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.is_given() {
            assert!(Instant::now() < deadline, "it reads by itself");
            if self.step() == Step::End {
                self.tail.rest(Duration::from_millis(5));
            }
        }
    }

    fn is_given(&self) -> bool {
        matches!(self.tail.source, Source::Others(_))
    }
}

fn wait_for(what: &str, is: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn all_who_follow_are_given_what_one_reads_and_it_ends_with_the_last() {
    let mut written = Written::new();
    for number in 0..30 {
        written.send(1 + number % 3, number % 7 == 0, 900);
    }
    written.store();
    let mut readers: Vec<Reader> = [1, 2, 1, 9].map(|session| written.reader(session)).into();
    readers.iter_mut().for_each(Reader::joins);
    assert!(written.runs());
    written.send(9, false, 10);
    written.send(1, true, 900);
    written.send(1, false, 900);
    written.store();
    written.all_get_all(&mut readers);
    assert!(readers.iter().all(Reader::is_given));
    readers.pop();
    assert!(written.runs());
    drop(readers);
    wait_for("the reading ends", || !written.runs());
    let mut later = [written.reader(2)];
    written.send(2, false, 10);
    written.store();
    written.all_get_all(&mut later);
}

#[test]
fn a_queue_that_is_full_is_given_up_and_its_owner_reads_on_and_joins_again() {
    let mut written = Written::new();
    let mut readers = [written.reader(1), written.reader(2)];
    readers.iter_mut().for_each(Reader::joins);
    for _ in 0..120 {
        written.send(1, false, 60_000);
        written.send(2, false, 100);
    }
    written.store();
    let [slow, fast] = &mut readers;
    written.all_get_all(std::slice::from_mut(fast));
    let waits = |number| written.sessions.0.queues.bytes_of(number);
    wait_for("its queue is given up", || waits(0).is_some_and(|(_, has_ended)| has_ended));
    assert!(waits(0).unwrap().0 <= 4 << 20, "{:?}", waits(0));
    assert!(fast.is_given());
    written.all_get_all(std::slice::from_mut(slow));
    slow.joins();
    written.send(1, false, 60_000);
    written.store();
    written.all_get_all(&mut readers);
}

#[test]
fn a_record_of_any_size_is_given_to_who_waits() {
    let mut written = Written::new();
    let mut readers = [written.reader(1)];
    readers[0].joins();
    written.send(1, false, 200_000);
    written.send(1, false, 4);
    written.store();
    written.all_get_all(&mut readers);
    assert!(readers[0].is_given());
}

#[test]
fn an_erasure_waits_until_nothing_is_held_that_was_read_for_others() {
    let mut written = Written::new();
    written.send(1, false, 100);
    written.store();
    let mut readers = [written.reader(1), written.reader(1)];
    readers.iter_mut().for_each(Reader::joins);
    assert!(written.erase());
    assert!(!written.runs(), "what it read ahead is gone");
    written.send(1, false, 100);
    written.store();
    written.all_get_all(&mut readers);
    readers.iter_mut().for_each(Reader::joins);
    assert!(written.runs());
    // Who begins after an erasure gets nothing that was read before it.
    assert!(written.erase());
}

#[test]
fn a_stop_ends_the_reading() {
    let mut written = Written::new();
    written.send(1, false, 100);
    written.store();
    let mut reader = written.reader(1);
    reader.joins();
    written.sessions.stop();
    wait_for("the reading ends", || !written.runs());
}

#[test]
fn a_log_that_cannot_be_read_is_told_to_each_who_follows() {
    let mut written = Written::new();
    written.send(1, false, 100);
    written.store();
    let mut reader = written.reader(1);
    reader.joins();
    let log_dir = &written.sessions.0.log_dir;
    std::fs::rename(log_dir, log_dir.with_extension("away")).unwrap();
    // Whoever reads opens the log anew.
    assert!(written.erase());
    let deadline = Instant::now() + PATIENCE;
    let took = |reader: &mut Reader| reader.tail.next(1, |_| Ok(())).map(|_| ());
    while took(&mut reader).is_ok() {
        assert!(Instant::now() < deadline, "nothing is told");
    }
    std::fs::rename(log_dir.with_extension("away"), log_dir).unwrap();
}

#[test]
fn nobody_waits_for_who_is_far_behind_because_the_reading_begins_at_the_logs_end() {
    let mut written = Written::new();
    for _ in 0..200 {
        written.send(1, false, 10_000);
    }
    written.store();
    let mut slow = written.reader(1);
    slow.step();
    let begins = |reader: &Reader| matches!(&reader.tail.source, Source::Joining(_, others) if matches!(others.begins(), Begins::At(_)));
    wait_for("the reading begins", || begins(&slow));
    slow.joins();
    assert!(slow.got.len() > 150, "it was given what it could read: {:?}", slow.got);
    written.all_get_all(&mut [slow]);
}

#[test]
fn what_was_there_is_passed_over_although_no_record_is_known_again() {
    let mut written = Written::new();
    let mut reader = written.reader(NO_BATCHES);
    reader.joins();
    for _ in 0..120 {
        written.send(NO_BATCHES, false, 60_000);
    }
    written.store();
    // The queue is given up within a stride, whose records come again.
    written.all_get_all(&mut [reader]);
}

#[test]
fn who_joins_after_an_erasure_gets_nothing_that_was_read_before_it() {
    let mut written = Written::new();
    written.send(2, false, 100);
    written.store();
    let shared = Arc::clone(&written.sessions.0);
    let joined = Subscription::join_as_records_are_erased(&shared, 1, || {
        written.send(1, false, 100);
        written.store();
    });
    let given = joined.next();
    assert!(!matches!(given, Given::Record(_)), "{given:?}");
}

/// Takes all that is sent.
struct Taken(std::sync::mpsc::Sender<Piece>);

impl Out for Taken {
    fn send(&mut self, piece: Piece) -> Sent {
        if self.0.send(piece).is_ok() { Sent::Done } else { Sent::Gone }
    }

    fn is_gone(&self) -> bool {
        false
    }
}

fn watch(written: &Written, session: u64) -> std::sync::mpsc::Receiver<Piece> {
    let (pieces, taken) = std::sync::mpsc::channel();
    let wanted = Wanted { session, form: Form::Timeline, follow: true, soon: false, from: None };
    written.sessions.watch(wanted, Taken(pieces)).unwrap();
    taken
}

#[test]
fn a_project_that_is_known_late_is_erased_from_who_watches_too() {
    let mut written = Written::new();
    written.project = 0;
    written.send(1, false, 100);
    written.store();
    let taken = watch(&written, 1);
    while taken.recv_timeout(PATIENCE).unwrap() != Piece::Lines(b"\n".to_vec()) {}
    written.project = 1;
    written.send(1, false, 100);
    written.store();
    let viewers = || written.sessions.0.lock().viewers.values().map(|viewer| viewer.project).collect::<Vec<_>>();
    wait_for("its project is known", || viewers() == [1]);
    assert!(written.sessions.reread(&|_, project| project == 1, Instant::now() + PATIENCE));
    assert!(viewers().is_empty());
}

#[test]
fn who_may_hold_records_of_an_erased_project_is_cut_off() {
    let mut written = Written::new();
    written.project = 0;
    written.send(1, false, 100);
    written.store();
    let taken = watch(&written, 1);
    while taken.recv_timeout(PATIENCE).unwrap() != Piece::Lines(b"\n".to_vec()) {}
    assert!(written.sessions.reread(&|session, _| session == 2, Instant::now() + PATIENCE));
    assert_eq!(written.sessions.0.lock().viewers.len(), 1, "it is not that session");
    assert!(written.sessions.reread(&|_, project| matches!(project, 0 | 1), Instant::now() + PATIENCE));
    assert!(written.sessions.0.lock().viewers.is_empty());
}

#[test]
fn records_of_no_session_are_none_of_one() {
    let mut written = Written::new();
    written.send(0, false, 100);
    written.store();
    assert_eq!(watch(&written, 0).recv_timeout(PATIENCE), Ok(Piece::Missing));
}

/// What happens to four who watch, each one of these sessions.
#[derive(Debug, Clone)]
enum Deed {
    Send { session: u64, again: bool },
    Read { reader: usize, steps: usize },
    Forget(usize),
    Erase,
    Leave(usize),
    Wait,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => (1..4_u64, prop::bool::weighted(0.2)).prop_map(|(session, again)| Deed::Send { session, again }),
        6 => (0..4_usize, 1..40_usize).prop_map(|(reader, steps)| Deed::Read { reader, steps }),
        1 => (0..4_usize).prop_map(Deed::Forget),
        1 => Just(Deed::Erase),
        1 => (0..4_usize).prop_map(Deed::Leave),
        1 => Just(Deed::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 8, ..ProptestConfig::default() })]
    #[test]
    fn whatever_comes_in_between_everybody_gets_everything_once_and_in_order(deeds in prop::collection::vec(deed(), 1..60)) {
        let mut written = Written::new();
        let mut readers: Vec<Reader> = [1, 2, 2, NO_BATCHES].map(|session| written.reader(session)).into();
        for deed in deeds {
            match deed {
                Deed::Send { session, again } => written.send(session, again, if session == 2 { 50_000 } else { 40 }),
                Deed::Read { reader, steps } => (0..steps).for_each(|_| _ = readers[reader].step()),
                Deed::Forget(reader) => readers[reader].tail.forget(),
                Deed::Erase => assert!(written.erase()),
                Deed::Leave(reader) => readers[reader] = written.reader(readers[reader].session),
                Deed::Wait => written.store(),
            }
        }
        written.store();
        written.all_get_all(&mut readers);
    }
}
