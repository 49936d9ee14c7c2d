//! Sessions that no tracker sends.

use super::tests::{events, is_snapshot, sessions, shown, told};
use super::*;
use crate::export::order::Batches;
use crate::export::said::{Key, Rule, Word};
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

    /// Few nodes, so that most messages hit one that is there.
    fn node(&mut self) -> u64 {
        match self.below(40) {
            0 => u64::MAX,
            1 => 0,
            _ => self.below(12) as u64,
        }
    }

    fn rule(&mut self) -> Rule {
        let at = self.of(&[0, 1, 7, u64::MAX]);
        match self.below(3) {
            0 => Rule::Delete(at),
            1 => Rule::Replace("a{color:red}b{color:blue}".to_owned()),
            _ => Rule::Insert(self.of(&["p{margin:0}", "}", "", "@import 'x'"]).to_owned(), at),
        }
    }

    fn said(&mut self) -> Said {
        let (node, parent, index) = (self.node(), self.node(), self.of(&[0, 1, 3, u64::MAX]));
        let text = self.of(&["", "x", "p{color:red}", "é\u{0}<script>"]).to_owned();
        let word = |dice: &mut Dice| match dice.below(3) {
            0 => Word::Of(Key::Number(dice.below(4) as u64)),
            1 => Word::Of(Key::Text(vec![dice.below(4) as u8])),
            _ => Word::Plain(dice.of(&["class", "rel", "slot", "name", "value"]).to_owned()),
        };
        match self.below(34) {
            0 if self.below(8) == 0 => Said::Document,
            0..9 => {
                let tag = self.of(&[
                    "div", "p", "style", "link", "iframe", "input", "select", "slot", "canvas", "a-b", "html", "",
                ]);
                Said::Element { node, parent, index, tag: tag.to_owned(), svg: self.below(9) == 0 }
            }
            9..12 => Said::Text { node, parent, index },
            12..15 => Said::Move { node, parent, index },
            15 => Said::Remove(node),
            16..18 => Said::Root { host: node, root: parent },
            18..20 => Said::Attribute { node, name: word(self), value: word(self), base: None },
            20 => Said::NoAttribute(node, text),
            21..23 => Said::Data(node, text),
            23 => Said::Css(node, text, None),
            24 => Said::CssRule(node, self.rule(), None),
            25 => Said::SheetOwner { sheet: parent, owner: node },
            26 => Said::NoSheetOwner { sheet: parent, owner: node },
            27 => Said::SheetRule(parent, self.rule(), None),
            28 => Said::Scroll(node, i64::MIN, i64::MAX),
            29 => Said::Value(node, text, self.of(&[0, -1, i64::MAX])),
            30 => Said::Slot { node, slot: parent },
            31 => Said::Word(Key::Number(index), text),
            32 => Said::Canvas(node.to_string(), index),
            _ => self.of(&[
                Said::Click(node, String::new()),
                Said::Focus(Some(node)),
                Said::Mouse(u64::MAX, 0),
                Said::Animated(node, text.clone()),
                Said::Checked(node, true),
                Said::Viewport(0, u32::MAX),
                Said::ViewportScroll(i64::MIN, i64::MAX),
                Said::Location(format!("https://shop.example/{node}"), Some(text.clone())),
                Said::Location("no address".to_owned(), None),
            ]),
        }
    }
}

/// Every snapshot, with what follows, comes to the same end; none is of a node that is not there: the player of the tests stops there.
fn plays(what: &str, events: &[Event]) {
    assert!(events.is_sorted_by_key(|event| event.timestamp), "{what}");
    let Some(first) = events.iter().position(is_snapshot) else { return };
    let end = shown(&events[first..]);
    // The last of them, and some of the others.
    let snapshots: Vec<usize> = (first..events.len()).filter(|at| is_snapshot(&events[*at])).collect();
    for at in snapshots.iter().rev().step_by(snapshots.len().div_ceil(4)) {
        assert_eq!(shown(&events[*at..]), end, "{what}: from event {at}");
    }
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

/// A message, and whether a picture comes after it: the name of its stream.
pub(super) type Step = (Told, Option<String>);

pub(super) fn steps(seed: u64) -> Vec<Step> {
    let (mut dice, mut at_ms, mut pages) = (Dice(seed), 1_000_i64, [1; 3]);
    let step = |_| {
        at_ms = match dice.below(60) {
            0 => dice.of(&[i64::MIN, 0, i64::MAX - 5]).min(if seed.is_multiple_of(4) { i64::MAX } else { 100_000_000 }),
            1 => at_ms.saturating_sub(5_000),
            2..8 => at_ms.saturating_add(15_000),
            8..30 => at_ms.saturating_add(1),
            _ => at_ms,
        };
        let tab = dice.below(3);
        pages[tab] += u64::from(dice.below(100) == 0);
        let page = pages[tab] - u64::from(dice.below(100) == 0);
        let said = match dice.below(30) {
            0 => Said::ActiveTab(dice.of(&["", "a", "b", "nobody"]).to_owned()),
            1 => Said::Hidden(dice.below(4) > 0),
            _ => dice.said(),
        };
        let what = if dice.below(200) == 0 { What::Gap } else { What::Page(said) };
        let picture = (dice.below(20) == 0).then(|| format!("{}_{}", dice.of(&[0, 1, 3]), dice.node()));
        (Told { tab: ["", "a", "b"][tab].into(), page, what, ..told(at_ms, Said::Document) }, picture)
    };
    (0..600).map(step).collect()
}

fn converts_and_plays(steps: &[Step]) {
    let (mut converter, mut events) = (Converter::new(Options::default()), Vec::new());
    let mut sink = |event| {
        events.push(event);
        Flow::Continue(())
    };
    for (told, picture) in steps {
        assert!(converter.tell(told, &mut sink).is_continue());
        if let Some(stream) = picture {
            assert!(converter.picture(stream, told.at_ms, b"\xff\xd8\xff", &mut sink).is_continue());
        }
    }
    assert!(converter.flush(&mut sink).is_continue());
    plays("these messages", &events);
}

/// Those of the steps without which nothing would fail.
fn smallest(mut steps: Vec<Step>) -> Vec<Step> {
    let mut length = steps.len() / 2;
    while length > 0 {
        let mut at = 0;
        while at < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(at..steps.len().min(at + length));
            match std::panic::catch_unwind(|| converts_and_plays(&fewer)) {
                Ok(()) => at += length,
                Err(_) => steps = fewer,
            }
        }
        length /= 2;
    }
    steps
}

#[test]
fn whatever_messages_come_in_whatever_order_the_events_can_be_played() {
    let rounds = std::env::var("TAKEUP_ATTACKS").map_or(400, |rounds| rounds.parse().unwrap());
    for seed in 0..rounds {
        let steps = steps(seed);
        if let Err(fault) = std::panic::catch_unwind(|| converts_and_plays(&steps)) {
            let least = smallest(steps);
            let lines = least.iter().map(|(told, picture)| {
                format!("{} {:?} {}: {:?} {picture:?}\n", told.at_ms, told.tab, told.page, told.what)
            });
            eprintln!("seed {seed} fails at\n{}", lines.collect::<String>());
            std::panic::resume_unwind(fault);
        }
    }
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
