//! Sessions that no tracker sends.

use super::tests::{events, is_snapshot, sessions, shown, told};
use super::*;
use crate::export::order::Batches;
use crate::export::timeline::Timeline;
use crate::tracker::split_parts;

/// Numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn of<T: Clone>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())].clone()
    }
}

/// Every snapshot, with what follows, comes to the same end; none is of a node that is not there: the player of the tests stops there.
fn plays(what: &str, events: &[Event]) {
    assert!(events.is_sorted_by_key(|event| event.timestamp), "{what}");
    let Some(first) = events.iter().position(is_snapshot) else { return };
    let end = shown(&events[first..]);
    let last = events.iter().rposition(is_snapshot).unwrap_or(first);
    assert_eq!(shown(&events[last..]), end, "{what}");
}

#[test]
fn a_session_of_nothing_and_one_without_a_document_have_no_picture_and_no_fault() {
    let nothing = Batches::new(tempfile::tempfile().unwrap());
    assert_eq!(events(nothing, Options::default()), (Vec::new(), LeftOut::default()));
    let mut converter = Converter::new(Options::default());
    let mut sink = |_| Flow::Continue(());
    assert!(converter.picture("0_1", 5, b"\xff\xd8\xff", &mut sink).is_continue());
    assert!(converter.tell(&Told { what: What::Gap, ..told(6, Said::Document) }, &mut sink).is_continue());
    assert!(converter.flush(&mut sink).is_continue());
    assert_eq!(converter.left_out(), LeftOut { gaps: 1, ..LeftOut::default() });
}

#[test]
fn whatever_becomes_of_a_trackers_batches_the_events_can_be_played() {
    let rounds = std::env::var("TAKEUP_ATTACKS").map_or(1, |rounds| rounds.parse::<u64>().unwrap().div_ceil(60));
    for (seed, ((file, session), uploads)) in (0..rounds).flat_map(|_| sessions()).enumerate() {
        let (mut dice, mut all) = (Dice(seed as u64), Vec::new());
        for upload in uploads {
            let (first, second) = split_parts(&upload.bytes, upload.split).unwrap();
            for part in [Some(first), second].into_iter().flatten() {
                all.push((part.to_vec(), upload.era, upload.number));
            }
        }
        for _ in 0..1 + all.len() / 3 {
            let (at, other) = (dice.below(all.len()), dice.below(all.len()));
            match dice.below(6) {
                0 => all.swap(at, other),
                1 if all.len() > 1 => drop(all.remove(at)),
                2 => all.push(all[at].clone()),
                3 => all[at].2 = dice.of(&[None, Some(0), Some(1), Some(u32::MAX)]),
                4 => {
                    let length = dice.below(all[at].0.len() + 1);
                    all[at].0.truncate(length);
                }
                _ if all[at].0.is_empty() => {}
                _ => {
                    for _ in 0..20 {
                        let byte = dice.below(all[at].0.len());
                        all[at].0[byte] = dice.below(256) as u8;
                    }
                }
            }
        }
        let mut batches = Batches::new(tempfile::tempfile().unwrap()).with_read_ahead(dice.of(&[0, 30_000, 1 << 28]));
        for (bytes, era, number) in &all {
            batches.add(bytes, *era, *number).unwrap();
        }
        let (written, _) = events(batches, Options::default());
        plays(&format!("{file} {session}, seed {seed}"), &written);
        let mut batches = Batches::new(tempfile::tempfile().unwrap());
        for (bytes, era, number) in &all {
            batches.add(bytes, *era, *number).unwrap();
        }
        let (mut ordered, mut timeline) = (batches.in_order(), Timeline::default());
        while let Some(told) = ordered.next_told().unwrap() {
            timeline.line(&told);
        }
    }
}

#[test]
fn a_picture_is_shown_by_nothing_but_a_canvas() {
    let (mut converter, mut events) = (Converter::new(Options::default()), Vec::new());
    let mut sink = |event| {
        events.push(event);
        Flow::Continue(())
    };
    let element = |node, tag: &str| Said::Element { node, parent: 0, index: 9, tag: tag.to_owned(), svg: false };
    let text = Said::Text { node: 3, parent: 0, index: 9 };
    for said in [Said::Document, element(1, "canvas"), element(2, "iframe"), text] {
        assert!(converter.tell(&told(0, said), &mut sink).is_continue());
    }
    for node in 1..4 {
        assert!(converter.tell(&told(10, Said::Canvas(node.to_string(), 5)), &mut sink).is_continue());
        assert!(converter.picture(&format!("5_{node}"), 20, b"\xff\xd8\xff", &mut sink).is_continue());
    }
    assert!(converter.flush(&mut sink).is_continue());
    plays("pictures", &events);
    let changed = events.iter().filter_map(|event| match &event.data {
        Data::Change(Change::Mutation(mutation)) => Some(mutation.attributes.iter().map(|changed| changed.id)),
        _ => None,
    });
    assert_eq!(changed.flatten().collect::<Vec<_>>(), [ids::node(1)]);
}
