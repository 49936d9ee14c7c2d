use crate::export::order::Told;

use super::super::attacked::{Step, steps};
use super::super::tests::{batches, sessions};
use super::*;
use crate::export::rrweb::event::Event;
use crate::export::rrweb::recorder::Flow;

fn step(converter: &mut Converter, (told, picture): &Step, events: &mut Vec<Event>) {
    let mut sink = |event| {
        events.push(event);
        Flow::Continue(())
    };
    assert!(converter.tell(told, &mut sink).is_continue());
    if let Some(stream) = picture {
        assert!(converter.picture(stream, told.at_ms, b"\xff\xd8\xff", &mut sink).is_continue());
    }
}

/// What is written behind the quiet beginning, by one who followed it and by one who goes on from there.
fn compare(what: &str, steps: &[Step], quiet: usize) {
    let (mut first, mut events) = (Converter::new(Options::default()), Vec::new());
    first.set_quiet(true);
    steps[..quiet].iter().for_each(|each| step(&mut first, each, &mut events));
    assert!(events.is_empty(), "{what}");
    let resting = first.rest(&Room::of(128 << 20)).unwrap();
    let mut second = Converter::go_on(&resting, Options::default()).unwrap();
    let mut again = Vec::new();
    for (converter, events) in [(&mut first, &mut events), (&mut second, &mut again)] {
        converter.set_quiet(false);
        steps[quiet..].iter().for_each(|each| step(converter, each, events));
        let mut sink = |event| {
            events.push(event);
            Flow::Continue(())
        };
        assert!(converter.flush(&mut sink).is_continue());
    }
    let json = |events: &[Event]| events.iter().map(|event| serde_json::to_string(event).unwrap()).collect::<Vec<_>>();
    assert!(json(&events) == json(&again), "{what}, quiet for {quiet} of {}", steps.len());
    assert_eq!(first.left_out(), second.left_out(), "{what}");
}

#[test]
fn who_goes_on_from_how_the_pages_were_writes_what_who_followed_them_writes() {
    let mut compared = 0;
    for ((file, session), uploads) in sessions() {
        let mut ordered = batches(&uploads).in_order();
        let told: Vec<Told> = std::iter::from_fn(|| ordered.next_told().unwrap()).collect();
        let steps: Vec<Step> = told.into_iter().map(|told| (told, None)).collect();
        for part in 1..4 {
            compare(&format!("{file} {session}"), &steps, steps.len() * part / 4);
            compared += usize::from(steps.len() > 100);
        }
    }
    assert!(compared > 100, "{compared}");
    for seed in 0..100 {
        let steps = steps(seed);
        compare(&format!("seed {seed}"), &steps, 10 + 5 * seed as usize);
    }
}

#[test]
fn what_rests_takes_room_and_gives_it_back() {
    let (mut converter, mut events) = (Converter::new(Options::default()), Vec::new());
    let (all, room) = (steps(7), Room::shared(1 << 20, 1 << 20));
    all[..300].iter().for_each(|each| step(&mut converter, each, &mut events));
    assert!(converter.rest(&room).is_none(), "it is not quiet");
    converter.set_quiet(true);
    all[300..].iter().for_each(|each| step(&mut converter, each, &mut events));
    let resting = converter.rest(&room).unwrap();
    assert!(room.used() > 0);
    let none = Options { room: Room::shared(1 << 20, 100), ..Options::default() };
    assert!(Converter::go_on(&resting, none).is_none());
    drop(resting);
    assert_eq!(room.used(), 0);
    let small = Room::shared(1 << 20, 100);
    assert!(converter.rest(&small).is_none());
    assert_eq!(small.used(), 0);
}
