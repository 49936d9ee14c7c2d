use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use uuid::Uuid;

use crate::courier::destination::ShipError;
use crate::log::format::record::{DataType, Encoding, Ext, Flags, Kind, RecordId, Topic};

use super::*;

/// Items are the numbers in the records, two for each; nothing of 0, and 13 is refused.
struct Numbers;

impl Packer for Numbers {
    type Item = u64;

    fn pack(&mut self, record: &Record<'_>, items: &mut Vec<u64>) -> Result<(), Cause> {
        match record.session {
            0 => {}
            13 => return Err(Cause::new(Trouble::CannotBuild, "", "thirteen")),
            number => items.extend([number * 10, number * 10 + 1]),
        }
        Ok(())
    }

    fn item_bytes(_: &u64) -> usize {
        8
    }
}

type Answer = Box<dyn FnMut(&[u64]) -> Result<(), ShipError> + Send>;

/// Answers each call by the next closure, and the last one for ever.
#[derive(Default)]
struct Scripted {
    answers: VecDeque<Answer>,
    taken: Arc<Mutex<Vec<u64>>>,
    connected: bool,
    has_lost: bool,
}

impl Destination for Scripted {
    type Item = u64;

    async fn ship(&mut self, items: &[u64]) -> Result<(), ShipError> {
        let mut answer = self.answers.pop_front().unwrap();
        let result = answer(items);
        if self.answers.is_empty() {
            self.answers.push_back(answer);
        }
        let delivered = result.as_ref().map_or_else(|fault| fault.delivered, |()| items.len());
        self.taken.lock().unwrap().extend(&items[..delivered]);
        self.connected &= result.is_ok();
        result
    }

    async fn connect(&mut self) -> Result<bool, Cause> {
        Ok(!std::mem::replace(&mut self.connected, true))
    }

    fn mark(&self) -> Option<String> {
        Some(self.taken.lock().unwrap().len().to_string())
    }

    async fn still_has(&mut self, mark: &str) -> Result<bool, Cause> {
        Ok(!self.has_lost || mark == "0")
    }

    fn disconnect(&mut self) {}
}

fn record(number: u64) -> Record<'static> {
    Record {
        id: RecordId { log: Uuid::nil(), core: 0, segment: 1, offset: number },
        order_us: number,
        kind: Kind::Batch,
        topic: Topic::Raw,
        data_type: DataType::All,
        encoding: Encoding::Identity,
        session: number,
        project: 1,
        split: 0,
        label: None,
        flags: Flags::NONE,
        payload_crc: 0,
        ext: Ext(&[]),
        payload: &[],
    }
}

/// What came of records.
#[derive(Debug, Default, PartialEq, Eq)]
struct Came {
    confirmed: Vec<u64>,
    refused: Vec<u64>,
    waits: usize,
    end: Option<GaveUp>,
    taken: Vec<u64>,
}

/// Sends records, three in a shipment, to a destination with these answers.
fn send(numbers: impl IntoIterator<Item = u64>, retries: u32, answers: Vec<Answer>, has_lost: bool) -> Came {
    let taken = Arc::default();
    let destination = Scripted { answers: answers.into(), taken: Arc::clone(&taken), has_lost, ..Scripted::default() };
    let bounds = ShipmentBounds { bytes: 1 << 20, records: 3 };
    let mut sender = BulkSender::new(Numbers, destination, bounds, retries).unwrap();
    let mut came = Came::default();
    let mut tell = |told: Told<'_>| match told {
        Told::Confirmed(record, items) => {
            assert_eq!(items, 2);
            came.confirmed.push(record.session);
        }
        Told::Refused(record, _) => came.refused.push(record.session),
        Told::Waits(_) => came.waits += 1,
    };
    let pushed = numbers.into_iter().try_for_each(|number| {
        assert_eq!(sender.push(&record(number), &mut tell)?, number != 0, "{number}");
        Ok(())
    });
    came.end = pushed.and_then(|()| sender.flush(&mut tell)).err();
    came.taken = taken.lock().unwrap().clone();
    came
}

fn yes() -> Answer {
    Box::new(|_| Ok(()))
}

fn down() -> Cause {
    Cause::new(Trouble::Unreachable, "", "nobody is there")
}

/// Refuses every call that brings an item of this record, and blames all of the call.
fn refuses(number: u64) -> Answer {
    Box::new(move |items| match items.iter().any(|item| item / 10 == number) {
        true => Err(ShipError::items(0..items.len(), Cause::new(Trouble::RefusesRecord, "7", "no"))),
        false => Ok(()),
    })
}

#[test]
fn records_arrive_in_order_and_what_is_refused_alone_is_told_and_left_out() {
    let came = send([1, 0, 2, 3, 4, 13, 5, 6, 7], 0, vec![refuses(3)], false);
    assert_eq!(came.confirmed, [1, 2, 4, 5, 6, 7]);
    assert_eq!((came.refused, came.waits, came.end), (vec![3, 13], 0, None));
    assert_eq!(came.taken, [10, 11, 20, 21, 40, 41, 50, 51, 60, 61, 70, 71]);
}

#[test]
fn a_destination_that_comes_back_gets_the_rest_and_each_new_trouble_has_its_own_retries() {
    let fails = |delivered| -> Answer { Box::new(move |_| Err(ShipError::destination(down()).after(delivered))) };
    // Two failures in a row are allowed. The third call gets somewhere before it fails.
    let answers = vec![fails(0), fails(0), fails(3), fails(0), yes()];
    let came = send(1..=5, 2, answers, false);
    assert_eq!((came.confirmed, came.waits, came.end), (vec![1, 2, 3, 4, 5], 4, None));
    assert_eq!(came.taken, [10, 11, 20, 21, 30, 31, 40, 41, 50, 51]);
}

#[test]
fn a_destination_that_stays_away_ends_it_and_what_was_told_is_all_that_came_before() {
    let came = send(1..=9, 1, vec![yes(), Box::new(|_| Err(ShipError::destination(down()).after(1)))], false);
    // Each call delivered one more item, until there was none left; so every one of them was progress.
    assert_eq!((came.confirmed.len(), came.end), (9, None));
    let dead: Answer = Box::new(|_| Err(ShipError::destination(down())));
    let came = send([1, 2, 3, 4, 13, 5], 1, vec![yes(), dead], false);
    assert_eq!((came.confirmed, came.refused), (vec![1, 2, 3], vec![]));
    assert_eq!((came.waits, came.end), (1, Some(GaveUp { cause: down(), attempts: 2 })));
}

#[test]
fn a_destination_that_has_lost_what_it_confirmed_ends_it() {
    let once = || -> Answer { Box::new(|_| Err(ShipError::destination(down()))) };
    let came = send(1..=6, 5, vec![once(), yes(), once(), yes()], true);
    // The first connection had nothing to lose.
    assert_eq!(came.confirmed, [1, 2, 3]);
    assert_eq!(came.end.map(|end| end.cause.trouble), Some(Trouble::Lost));
}
