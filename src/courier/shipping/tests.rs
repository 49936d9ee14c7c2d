//! Shipping against destinations that refuse. The log, the channel and the dead letters are real.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use crate::consume::{self, AfterBatch, Batch, Failure, Handle, Handler};
use crate::courier::{Courier, CourierOptions, DestinationState, Packer, ShipmentBounds, SideRuntime};
use crate::log::cursor::{Cursors, From};
use crate::log::format::record::{DataType, Encoding, Entry, Flags, Kind, Record, Topic};
use crate::log::read::merge::RepeatWindow;
use crate::log::read::reader::LogReader;
use crate::log::{Log, Options};
use crate::telemetry::{LogOptions, Logger};

use crate::courier::destination::ShipError;

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

/// Items are the numbers in the records, two for each.
struct Numbers;

impl Packer for Numbers {
    type Item = u64;

    fn pack(&mut self, record: &Record<'_>, items: &mut Vec<u64>) -> Result<(), Cause> {
        let number = u64::from_le_bytes(record.payload[..8].try_into().unwrap());
        items.extend([number * 10, number * 10 + 1]);
        match number % 100 {
            13 => Err(Cause::new(Trouble::CannotBuild, "", "thirteen")),
            _ => Ok(()),
        }
    }

    fn item_bytes(_: &u64) -> usize {
        8
    }
}

type Answer = Box<dyn FnMut(&[u64]) -> Result<(), ShipError> + Send>;

/// Answers each call by the next closure, and the last one for ever.
struct Scripted {
    answers: VecDeque<Answer>,
    taken: Arc<Mutex<Vec<u64>>>,
}

impl Destination for Scripted {
    type Item = u64;

    async fn ship(&mut self, items: &[u64]) -> Result<(), ShipError> {
        let answer = if self.answers.len() > 1 { self.answers.pop_front() } else { None };
        let result = match answer {
            Some(mut answer) => answer(items),
            None => (self.answers[0])(items),
        };
        let delivered = result.as_ref().map_or_else(|fault| fault.delivered, |()| items.len());
        self.taken.lock().unwrap().extend(&items[..delivered]);
        result
    }

    fn disconnect(&mut self) {}
}

struct Running {
    dir: tempfile::TempDir,
    log: Log,
    taken: Arc<Mutex<Vec<u64>>>,
    runtime: SideRuntime,
}

impl Running {
    fn new(records: u64) -> Self {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let options = Options {
            dir: dir.path().join("log"),
            segment_bytes: 256 << 10,
            window_bytes: 64 << 10,
            group_bytes_max: 64 << 10,
            start_reserve_bytes: 8 << 10,
            reserve_bytes: 1 << 20,
            insist: true,
            ..Options::default()
        };
        let (log, _) = Log::open(options).unwrap();
        let mut writer = log.writer(0).unwrap();
        for number in 1..=records {
            let payload = number.to_le_bytes();
            let entry = Entry {
                kind: Kind::Batch,
                topic: Topic::Raw,
                data_type: DataType::All,
                encoding: Encoding::Identity,
                session: number,
                project: 1,
                split: 0,
                label: None,
                flags: Flags::NONE,
                ext: &[],
                payload: &payload,
            };
            while writer.append(&entry).is_err() {
                writer.progress();
                writer.kick();
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        wait_for("the records are durable", || {
            writer.kick();
            writer.progress().acked.0 >= records
        });
        Self { dir, log, taken: Arc::default(), runtime: SideRuntime::start().unwrap() }
    }

    fn options(&self, name: &str, behind: Option<Handle>) -> CourierOptions {
        CourierOptions {
            holds: true,
            name: name.parse().unwrap(),
            target: "nowhere".to_owned(),
            data: self.dir.path().to_owned(),
            recent: Some(self.log.recent()),
            behind,
            repeats: RepeatWindow::default(),
            resend: Duration::from_secs(600),
            bounds: ShipmentBounds { bytes: 1 << 20, records: 8 },
        }
    }

    fn courier(&self, behind: Option<Handle>, answers: impl IntoIterator<Item = Answer>) -> Courier {
        let options = self.options("courier-test", behind);
        let destination = Scripted { answers: answers.into_iter().collect(), taken: Arc::clone(&self.taken) };
        let (logger, _printer) = Logger::start(&LogOptions::default(), Box::new(std::io::sink())).unwrap();
        Courier::spawn(options, Numbers, destination, &self.runtime, &logger).unwrap()
    }

    /// The items taken, once there are so many.
    fn taken(&self, count: usize) -> Vec<u64> {
        wait_for("the items", || self.taken.lock().unwrap().len() >= count);
        self.taken.lock().unwrap().clone()
    }
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Takes so many records, and leaves the others.
struct Takes(usize);

impl Handler for Takes {
    fn take(&mut self, batch: &mut Batch<'_>) -> AfterBatch {
        while self.0 > 0 && batch.next().is_some() {
            self.0 -= 1;
        }
        AfterBatch::Pause(Duration::from_millis(5))
    }

    fn failed(&mut self, failure: Failure<'_>) {
        panic!("{failure:?}");
    }
}

fn items(numbers: impl IntoIterator<Item = u64>) -> Vec<u64> {
    numbers.into_iter().flat_map(|number| [number * 10, number * 10 + 1]).collect()
}

fn yes() -> Answer {
    Box::new(|_| Ok(()))
}

fn down() -> Answer {
    Box::new(|_| Err(ShipError::destination(Cause::new(Trouble::Unreachable, "", "down"))))
}

fn refuses(bad: u64, narrow: bool) -> Answer {
    Box::new(move |items| {
        let Some(at) = items.iter().position(|item| *item == bad) else { return Ok(()) };
        let suspects = if narrow { at..at + 1 } else { 0..items.len() };
        Err(ShipError::items(suspects, Cause::new(Trouble::RefusesRecord, "22", "bad")))
    })
}

fn dead(courier: &Courier) -> Vec<u64> {
    let mut dead = Vec::new();
    let each = |_, _: &[u8], line: Result<crate::courier::DeadLetter, String>| {
        dead.push(line.unwrap().record.record().session);
        true
    };
    courier.dead_letters().read(each).unwrap();
    dead
}

#[test]
fn everything_arrives_in_order_and_what_cannot_be_built_is_a_dead_letter() {
    let running = Running::new(40);
    let courier = running.courier(None, [yes()]);
    assert_eq!(running.taken(78), items((1..=40).filter(|number| *number != 13)));
    wait_for("the dead letter", || dead(&courier) == [13]);
    wait_for("the counts", || courier.status().counts().records == 39);
    assert_eq!(courier.status().counts().dead_letters, 1);
    courier.stop();
    drop(running.log);
}

#[test]
fn a_destination_that_is_down_gets_everything_once_it_is_back() {
    let running = Running::new(12);
    let part: Answer = Box::new(|_| Err(ShipError::destination(Cause::new(Trouble::TimedOut, "", "slow")).after(3)));
    let courier = running.courier(None, [down(), part, down(), yes()]);
    assert_eq!(running.taken(24), items(1..=12));
    assert!(dead(&courier).is_empty());
    assert_eq!(courier.status().counts().attempts_failed, 3);
    assert!(matches!(courier.status().state(), crate::courier::DestinationState::Ready));
}

#[test]
fn a_cursor_moves_with_what_is_confirmed_and_the_next_start_repeats_nothing() {
    let running = Running::new(12);
    let options = running.options("courier-test", None);
    options.register().unwrap();
    let courier = running.courier(None, [yes()]);
    assert_eq!(running.taken(24), items(1..=12));
    courier.stop();
    let saved = consume::saved(&options.consumer()).unwrap().expect("a cursor");
    let reader = LogReader::open(&options.consumer().log_dir).unwrap();
    assert_eq!(consume::lag::after(&reader, &saved).unwrap().records, 0);
    let again = running.courier(None, [yes()]);
    wait_for("the end of the log", || again.lag().is_some_and(|lag| lag.records == 0));
    again.stop();
    assert_eq!(running.taken.lock().unwrap().len(), 24);
}

#[test]
fn a_courier_with_a_doubtful_cursor_waits_and_says_so_until_the_cursor_is_removed() {
    let running = Running::new(12);
    let options = running.options("courier-test", None);
    options.register().unwrap();
    let path = running.dir.path().join("cursors/courier-test.json");
    std::fs::write(&path, "{}").unwrap();
    let courier = running.courier(None, [yes()]);
    let trouble = || match courier.status().state() {
        DestinationState::Waiting(waiting) => Some(waiting.cause.trouble),
        DestinationState::Starting | DestinationState::Ready => None,
    };
    wait_for("it says so", || trouble() == Some(Trouble::DoubtfulCursor));
    assert_eq!(running.taken.lock().unwrap().len(), 0);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(running.taken(24), items(1..=12));
    wait_for("it is ready", || trouble().is_none());
}

#[test]
fn a_record_that_is_refused_alone_is_a_dead_letter_and_no_other_is_lost() {
    for narrow in [false, true] {
        let running = Running::new(12);
        let courier = running.courier(None, [refuses(51, narrow)]);
        assert_eq!(running.taken(22), items((1..=12).filter(|number| *number != 5)), "{narrow}");
        wait_for("the dead letter", || dead(&courier) == [5]);
    }
}

#[test]
fn a_destination_that_takes_nothing_holds_three_shipments_and_no_cursor_moves() {
    let running = Running::new(1000);
    let courier = running.courier(None, [down()]);
    wait_for("several attempts", || courier.status().counts().attempts_failed > 2);
    let lag = courier.lag().unwrap();
    assert!(lag.bytes > 0 && lag.records > 0, "{lag:?}");
    courier.stop();
    let again = running.courier(None, [yes()]);
    assert_eq!(running.taken(1980).len(), 1980);
    again.stop();
}

#[test]
fn a_courier_behind_another_ships_nothing_that_the_other_has_not_delivered() {
    let running = Running::new(50);
    let first = Handle::default();
    let courier = running.courier(Some(first.clone()), [yes()]);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(running.taken.lock().unwrap().len(), 0);
    let consumer = running.options("first", None).consumer();
    std::thread::scope(|scope| {
        scope.spawn(|| consume::follow(&consumer, &first, &mut Takes(20)).unwrap());
        let taken = running.taken(20 * 2 - 2);
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(running.taken.lock().unwrap().len(), taken.len());
        assert_eq!(taken, items((1..=20).filter(|number| *number != 13)));
        first.stop();
    });
    drop(courier);
}

/// Keeps what it is given, until a test makes it forget; then it must be connected to again.
struct Forgetful {
    held: Arc<Mutex<Held>>,
}

#[derive(Default)]
struct Held {
    items: Vec<u64>,
    is_connected: bool,
}

impl Destination for Forgetful {
    type Item = u64;

    async fn ship(&mut self, items: &[u64]) -> Result<(), ShipError> {
        let mut held = self.held.lock().unwrap();
        if !held.is_connected {
            return Err(ShipError::destination(Cause::new(Trouble::Unreachable, "", "gone")));
        }
        held.items.extend(items);
        Ok(())
    }

    async fn connect(&mut self) -> Result<bool, Cause> {
        Ok(!std::mem::replace(&mut self.held.lock().unwrap().is_connected, true))
    }

    fn mark(&self) -> Option<String> {
        Some(self.held.lock().unwrap().items.len().to_string())
    }

    async fn still_has(&mut self, mark: &str) -> Result<bool, Cause> {
        Ok(self.held.lock().unwrap().items.len() >= mark.parse().unwrap())
    }

    fn disconnect(&mut self) {}
}

#[test]
fn a_destination_that_lost_what_it_had_confirmed_is_given_it_again_in_order() {
    let running = Running::new(400);
    let held = Arc::new(Mutex::new(Held::default()));
    let (logger, _printer) = Logger::start(&LogOptions::default(), Box::new(std::io::sink())).unwrap();
    let start = || {
        let options = running.options("courier-test", None);
        options.register().unwrap();
        let destination = Forgetful { held: Arc::clone(&held) };
        Courier::spawn(options, Numbers, destination, &running.runtime, &logger).unwrap()
    };
    let whole = items((1..=400).filter(|number| number % 100 != 13));
    let has_all = || held.lock().unwrap().items == whole;
    let courier = start();
    wait_for("everything", has_all);
    // While it runs, and while it does not.
    *held.lock().unwrap() = Held::default();
    wait_for("everything again", has_all);
    courier.stop();
    held.lock().unwrap().items.truncate(300);
    held.lock().unwrap().is_connected = false;
    let courier = start();
    let ends_well = || held.lock().unwrap().items.ends_with(&whole[whole.len() - 20..]);
    wait_for("what was lost", ends_well);
    let found = held.lock().unwrap().items.clone();
    assert!(whole.iter().all(|item| found.contains(item)));
    courier.stop();
    // With its cursor, what it has noted is gone: the next one begins where it is told to.
    let courier = start();
    let before = held.lock().unwrap().items.len();
    let reader = LogReader::open(&running.dir.path().join("log")).unwrap();
    let (cursors, name) = (Cursors::of(&reader), "courier-test".parse().unwrap());
    wait_for("it has begun", || courier.lag().is_some());
    assert!(cursors.remove(&name).unwrap());
    wait_for("it ends", || !courier.is_running());
    courier.stop();
    cursors.register_at(&reader, &name, true, From::Start).unwrap();
    let courier = start();
    let again = || held.lock().unwrap().items.len() == before + whole.len();
    wait_for("everything again", again);
    courier.stop();
}
