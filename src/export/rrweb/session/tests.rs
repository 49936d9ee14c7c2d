use std::collections::BTreeMap;

use super::*;
use crate::export::order::Batches;
use crate::export::rrweb::recorder::player::Player;
use crate::export::said::{Key, Word};
use crate::tracker::captured::{Upload, uploads};
use crate::tracker::split_parts;

/// The sessions that real trackers sent, each with its uploads.
fn sessions() -> BTreeMap<(String, String), Vec<Upload>> {
    let mut sessions: BTreeMap<_, Vec<Upload>> = BTreeMap::new();
    for upload in uploads() {
        sessions.entry((upload.file.clone(), upload.session.clone())).or_default().push(upload);
    }
    sessions
}

fn batches(uploads: &[Upload]) -> Batches {
    let mut batches = Batches::new(tempfile::tempfile().unwrap());
    for upload in uploads {
        let (first, second) = split_parts(&upload.bytes, upload.split).unwrap();
        for part in [Some(first), second].into_iter().flatten() {
            batches.add(part, upload.era, upload.number).unwrap();
        }
    }
    batches
}

/// What is written of a session.
fn events(batches: Batches, options: Options) -> (Vec<Event>, LeftOut) {
    let (mut events, mut converter) = (Vec::new(), Converter::new(options));
    let mut ordered = batches.in_order();
    let mut sink = |event| {
        events.push(event);
        Flow::Continue(())
    };
    while let Some(told) = ordered.next_told().unwrap() {
        if converter.tell(&told, &mut sink).is_break() {
            break;
        }
    }
    let _ = converter.flush(&mut sink);
    (events, converter.left_out())
}

/// What a player shows after all of these.
fn shown(events: &[Event]) -> Json {
    let mut player = Player::default();
    events.iter().for_each(|event| player.play(event));
    player.seen(ids::DOCUMENT)
}

fn is_snapshot(event: &Event) -> bool {
    matches!(event.data, Data::Full { .. })
}

#[test]
fn sessions_of_real_trackers_play_whole_from_each_snapshot() {
    let (mut all, mut snapshots) = (0, 0);
    for ((file, session), uploads) in sessions() {
        let (events, left_out) = events(batches(&uploads), Options::default());
        let Some(first) = events.iter().position(is_snapshot) else { continue };
        // A tracker that waits for a condition forgets what is too old, without a word.
        let forgets = file.contains("coldstart") || file.contains("conditional");
        let is_faulty = forgets || file.contains("-fault-") || left_out.gaps > 0;
        assert!(is_faulty || left_out == LeftOut::default(), "{file} {session}: {left_out:?}");
        assert!(events.is_sorted_by_key(|event| event.timestamp), "{file} {session}");
        let end = shown(&events[first..]);
        for (at, _) in events.iter().enumerate().filter(|(_, event)| is_snapshot(event)) {
            assert_eq!(shown(&events[at..]), end, "{file} {session}: from event {at}");
            snapshots += 1;
        }
        all += 1;
    }
    assert!(all > 40 && snapshots > all, "{all} sessions, {snapshots} snapshots");
}

#[test]
fn what_was_followed_quietly_is_in_the_snapshot_that_comes_next() {
    let mut compared = 0;
    for ((file, session), uploads) in sessions() {
        let (all, _) = events(batches(&uploads), Options::default());
        let Some(first) = all.iter().position(is_snapshot) else { continue };
        for part in [3, 2] {
            let middle_ms = all[first].timestamp + (all[all.len() - 1].timestamp - all[first].timestamp) / part;
            let (mut later, mut converter) = (Vec::new(), Converter::new(Options::default()));
            let mut ordered = batches(&uploads).in_order();
            let mut sink = |event| {
                later.push(event);
                Flow::Continue(())
            };
            let mut is_begun = false;
            while let Some(told) = ordered.next_told().unwrap() {
                is_begun |= told.at_ms >= middle_ms;
                converter.set_quiet(!is_begun);
                assert!(converter.tell(&told, &mut sink).is_continue());
            }
            converter.set_quiet(false);
            assert!(converter.flush(&mut sink).is_continue());
            let from = later.iter().position(is_snapshot).expect("a snapshot");
            assert!(later[from].timestamp <= middle_ms, "{file} {session}");
            assert_eq!(shown(&later[from..]), shown(&all[first..]), "{file} {session}");
            let is_told = |event: &&Event| matches!(event.data, Data::Custom { .. }) && event.timestamp >= middle_ms;
            assert_eq!(later.iter().filter(is_told).count(), all.iter().filter(is_told).count(), "{file} {session}");
            compared += 1;
        }
    }
    assert!(compared > 80, "{compared}");
}

#[test]
fn a_seek_never_plays_more_than_twenty_seconds_and_some() {
    for ((file, session), uploads) in sessions() {
        let (events, _) = events(batches(&uploads), Options::default());
        let mut last = None;
        for event in events.iter().filter(|event| matches!(event.data, Data::Full { .. } | Data::Change(_))) {
            if is_snapshot(event) {
                last = Some(event.timestamp);
            }
            let since = event.timestamp - last.expect("a snapshot comes first");
            assert!(since < SNAPSHOT_MS, "{file} {session}: {since} ms");
        }
    }
}

#[test]
fn a_missing_batch_is_a_gap_that_is_told_and_the_picture_goes_on() {
    let mut sessions = sessions();
    let (key, uploads) = sessions.iter_mut().find(|((file, _), _)| file.starts_with("19.0.1-journey")).unwrap();
    let at = uploads.iter().position(|upload| upload.number == Some(3)).unwrap();
    uploads.remove(at);
    let (events, left_out) = events(batches(uploads), Options::default());
    assert!(left_out.gaps >= 1, "{key:?}: {left_out:?}");
    let gaps = events.iter().filter(|event| matches!(event.data, Data::Custom { tag: "gap", .. })).count() as u64;
    assert_eq!(gaps, left_out.gaps);
    shown(&events[events.iter().position(is_snapshot).unwrap()..]);
}

#[test]
fn a_page_that_is_larger_than_its_budget_is_shown_as_far_as_it_goes() {
    let sessions = sessions();
    let uploads = sessions.iter().find(|((file, _), _)| file.starts_with("19.0.1-big")).unwrap().1;
    let (events, left_out) = events(batches(uploads), Options { room: Room::of(200_000), ..Options::default() });
    assert!(left_out.full > 0, "{left_out:?}");
    shown(&events[events.iter().position(is_snapshot).unwrap()..]);
}

#[test]
fn nothing_of_a_recorded_page_leads_anywhere() {
    for ((file, session), uploads) in sessions() {
        let (events, _) = events(batches(&uploads), Options::default());
        for event in events.iter().filter(|event| matches!(event.data, Data::Full { .. } | Data::Change(_))) {
            let text = serde_json::to_string(event).unwrap();
            for attribute in
                ["\"src\":\"http", "\"href\":\"http", "\"href\":\"/", "\"src\":\"/", "url(\\\"http", "\"onclick\""]
            {
                assert!(!text.contains(attribute), "{file} {session}: {attribute} in {text}");
            }
        }
    }
}

fn told(at_ms: i64, said: Said) -> Told {
    Told { at_ms, page: 1, tab: "".into(), bytes: 8, what: What::Page(said) }
}

/// A page with one paragraph, 1, with a text, 2.
fn page(text: &str) -> Vec<Told> {
    let element = Said::Element { node: 1, parent: 0, index: 0, tag: "p".to_owned(), svg: false };
    let said = [Said::Document, element, Said::Text { node: 2, parent: 1, index: 0 }, Said::Data(2, text.to_owned())];
    said.into_iter().map(|said| told(0, said)).collect()
}

/// What is written of these, as far as it goes.
fn converted(messages: impl IntoIterator<Item = Told>, limits: Limits) -> (Vec<Event>, Converter) {
    let (mut events, mut converter) = (Vec::new(), Converter::new(Options { limits, ..Options::default() }));
    let mut sink = |event| {
        events.push(event);
        Flow::Continue(())
    };
    let is_whole = messages.into_iter().all(|told| {
        let flow = converter.tell(&told, &mut sink);
        assert!(converter.recorder.held() <= HELD_BYTES_MAX, "{}", converter.recorder.held());
        flow.is_continue()
    });
    if is_whole {
        let _ = converter.flush(&mut sink);
    }
    (events, converter)
}

#[test]
fn a_moment_of_any_length_is_written_in_parts_and_plays_to_the_same_end() {
    let same_moment = |number: u64| {
        let name = Word::Plain(format!("data-{number}"));
        let attribute = Said::Attribute { node: 1, name, value: Word::Plain("x".to_owned()), base: None };
        [
            told(5, attribute),
            told(5, Said::Mouse(number, 1)),
            told(5, Said::NoAttribute(1, format!("data-{}", number / 2))),
        ]
    };
    let messages = || page("a").into_iter().chain((0..2_000).flat_map(same_moment));
    let (events, _) = converted(messages().chain([told(20_005, Said::Hidden(true))]), Limits::default());
    let at = events.iter().rposition(is_snapshot).unwrap();
    assert!(at > 2_000, "the last comes after all of it");
    assert_eq!(shown(&events), shown(&events[at..]));
}

#[test]
fn a_tab_of_which_nothing_is_known_yet_holds_nothing_back_for_ever() {
    let away = [told(1, Said::ActiveTab("other".to_owned()))];
    let changes = (0..20_000).map(|number| told(2 + number / 100, Said::Mouse(1, 1)));
    let back = [told(1_000, Said::ActiveTab(String::new())), told(1_001, Said::Data(2, "b".to_owned()))];
    // That no more than a part is held is asked after each of them.
    let moments = page("a").into_iter().chain([told(1, Said::Mouse(1, 1))]).chain(away).chain(changes).chain(back);
    let (events, _) = converted(moments, Limits::default());
    assert_eq!(events.iter().filter(|event| is_snapshot(event)).count(), 2);
}

#[test]
fn snapshots_that_only_repeat_a_large_page_have_a_share_of_what_is_written() {
    let limits = Limits { repeats: 50_000, ..Limits::default() };
    let scrolls = (1..200).map(|number| told(number * SNAPSHOT_MS, Said::ViewportScroll(0, number)));
    let (events, converter) = converted(page(&"x".repeat(10_000)).into_iter().chain(scrolls), limits);
    let snapshots = events.iter().filter(|event| is_snapshot(event)).count();
    let written: usize = events.iter().map(Event::json_bytes).sum();
    assert!((4..30).contains(&snapshots) && written < 320_000, "{snapshots} snapshots, {written} bytes");
    let left_out = converter.left_out();
    assert_eq!((left_out.repeats as usize, left_out.rest), (200 - snapshots, false));
    assert!(matches!(events.last().unwrap().data, Data::Change(Change::Scroll { y: 199, .. })), "all is told");
}

#[test]
fn what_is_written_has_a_limit_by_what_was_sent_and_the_rest_is_told_to_be_left_out() {
    let words = [("title", 1), ("x", 2), ("y", 3)].map(|(word, key)| {
        let word = if key == 1 { word.to_owned() } else { word.repeat(10_000) };
        Told { bytes: word.len(), ..told(0, Said::Word(Key::Number(key), word)) }
    });
    let attribute = |number: i64| {
        let (name, value) = (Word::Of(Key::Number(1)), Word::Of(Key::Number(2 + number as u64 % 2)));
        told(number, Said::Attribute { node: 1, name, value, base: None })
    };
    let limits = Limits { events: 100_000, events_by_sent: 4, ..Limits::default() };
    let messages = page("a").into_iter().chain(words).chain((1..1_000).map(attribute));
    let (events, converter) = converted(messages, limits);
    let written: usize = events.iter().map(Event::json_bytes).sum();
    assert!((100_000..200_000).contains(&written), "{written}");
    assert!(converter.left_out().rest);
    // Where more is wanted, more is written.
    let messages = page("a").into_iter().chain((1..9).map(attribute));
    assert!(!converted(messages, Limits::of(1 << 20)).1.left_out().rest);
}

#[test]
fn a_session_ends_within_a_moment_when_nobody_wants_more() {
    let mut converter = Converter::new(Options::default());
    let mut made = 0;
    let mut few = |_| {
        made += 1;
        if made < 5 { Flow::Continue(()) } else { Flow::Break(()) }
    };
    let moves = (0..100).map(|number| told(5, Said::Mouse(number, 1)));
    let messages = page("a").into_iter().chain(moves).chain([told(6, Said::Mouse(1, 1))]);
    let stopped = messages.into_iter().map(|told| converter.tell(&told, &mut few)).position(|flow| flow.is_break());
    assert_eq!((stopped, made), (Some(104), 5));
    assert!(!converter.left_out().rest);
}
