use std::collections::BTreeMap;

use super::*;
use crate::export::order::Batches;
use crate::export::rrweb::recorder::player::Player;
use crate::export::said::{Key, Word};
use crate::tracker::captured::{Upload, uploads};
use crate::tracker::split_parts;

/// The sessions that real trackers sent, each with its uploads.
pub(super) fn sessions() -> BTreeMap<(String, String), Vec<Upload>> {
    let mut sessions: BTreeMap<_, Vec<Upload>> = BTreeMap::new();
    for upload in uploads() {
        sessions.entry((upload.file.clone(), upload.session.clone())).or_default().push(upload);
    }
    sessions
}

pub(super) fn batches(uploads: &[Upload]) -> Batches {
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
pub(super) fn events(batches: Batches, options: Options) -> (Vec<Event>, LeftOut) {
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
pub(super) fn shown(events: &[Event]) -> Json {
    let mut player = Player::default();
    events.iter().for_each(|event| player.play(event));
    let mut seen = player.seen(ids::DOCUMENT);
    seen["adopted"] = json!(player.adopted_rules());
    seen
}

pub(super) fn is_snapshot(event: &Event) -> bool {
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

pub(super) fn told(at_ms: i64, said: Said) -> Told {
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

/// What a tab tells: of the page that `page` has.
fn of_tab<'a>(tab: &'a str, at_ms: i64, said: impl IntoIterator<Item = Said> + 'a) -> impl Iterator<Item = Told> + 'a {
    said.into_iter().map(move |said| Told { tab: tab.into(), ..told(at_ms, said) })
}

/// A page of a tab, with its address, its title and one text.
fn page_of<'a>(tab: &'a str, at_ms: i64, text: &str) -> impl Iterator<Item = Told> + 'a {
    let location = Said::Location(format!("https://shop.example/{text}"), Some(text.to_owned()));
    let said = page(text).into_iter().filter_map(|told| match told.what {
        What::Page(said) => Some(said),
        _ => None,
    });
    of_tab(tab, at_ms, [location].into_iter().chain(said).collect::<Vec<_>>())
}

/// The texts that are shown, in the order of the snapshots that have them.
fn texts(events: &[Event]) -> Vec<String> {
    let snapshots = events.iter().filter(|event| is_snapshot(event));
    let shown = snapshots.map(|event| serde_json::to_value(event).unwrap());
    shown.filter_map(|event| Some(event.pointer("/data/node/childNodes/1/childNodes")?.to_string())).collect()
}

/// What is told of tabs.
fn tabs(events: &[Event]) -> Vec<Json> {
    let told = events.iter().filter_map(|event| match &event.data {
        Data::Custom { tag: "tab", payload } => Some(payload.clone()),
        _ => None,
    });
    told.collect()
}

/// Two tabs, between which the visitor goes.
fn two_tabs() -> Vec<Told> {
    let first = page_of("a", 0, "first").chain(of_tab("a", 10, [Said::Mouse(1, 1)]));
    let second = of_tab("b", 20, [Said::ActiveTab("b".to_owned())]).chain(page_of("b", 30, "second"));
    let behind = of_tab("a", 40, [Said::Data(2, "changed behind".to_owned())]);
    let back = of_tab("a", 50, [Said::ActiveTab("a".to_owned()), Said::Mouse(2, 2)]);
    let end = of_tab("b", 60, [Said::Data(2, "changed later".to_owned())]);
    first.chain(second).chain(behind).chain(back).chain(end).collect()
}

#[test]
fn tabs_are_named_and_each_change_of_them_is_told_ahead_of_its_picture() {
    let (events, _) = converted(two_tabs(), Limits::default());
    let named =
        |tab: &str, title: &str| json!({ "tab": tab, "url": format!("https://shop.example/{title}"), "title": title });
    let shown = |tab: &str| json!({ "tab": tab, "shown": true });
    let wanted = [named("a", "first"), shown("a"), named("b", "second"), shown("b"), shown("a")];
    assert_eq!(tabs(&events), wanted);
    let pictures = texts(&events);
    assert_eq!(pictures.len(), 3);
    for (picture, text) in pictures.iter().zip(["first", "second", "changed behind"]) {
        assert!(picture.contains(text), "{text} in {picture}");
    }
    for at in (0..events.len())
        .filter(|at| matches!(&events[*at].data, Data::Custom { payload, .. } if payload["shown"] == true))
    {
        assert!(matches!(events[at + 1].data, Data::Meta { .. }) && is_snapshot(&events[at + 2]), "event {at}");
    }
    // Trackers that know no tabs have none.
    assert!(tabs(&converted(page("a"), Limits::default()).0).is_empty());
}

#[test]
fn a_tab_that_is_asked_for_is_shown_all_the_time() {
    let options = || Options { tab: Some("b".to_owned()), ..Options::default() };
    let mut converter = Converter::new(options());
    let mut events = Vec::new();
    let mut sink = |event| {
        events.push(event);
        Flow::Continue(())
    };
    for told in two_tabs() {
        assert!(converter.tell(&told, &mut sink).is_continue());
    }
    let _ = converter.flush(&mut sink);
    let pictures = texts(&events);
    assert!(pictures.len() == 1 && pictures[0].contains("second"), "{pictures:?}");
    assert!(shown(&events[events.iter().position(is_snapshot).unwrap()..]).to_string().contains("changed later"));
    assert!(tabs(&events).iter().all(|told| told["shown"].is_null()), "that is not what the visitor looks at");
}

#[test]
fn a_tab_whose_page_can_be_seen_again_comes_to_the_front_without_another_word() {
    // Tracker 12 tells of no change of tabs with the first page of a session, and others only what they take for one: that a page can be seen, all of them tell.
    let first = page_of("a", 0, "first").chain(of_tab("a", 10, [Said::Hidden(false)]));
    let second = page_of("b", 20, "second").chain(of_tab("b", 20, [Said::ActiveTab("b".to_owned())]));
    let back = of_tab("b", 30, [Said::Hidden(true)]).chain(of_tab("a", 30, [Said::Hidden(false)]));
    let end = of_tab("a", 40, [Said::Data(2, "changed later".to_owned()), Said::Hidden(true)]);
    let told: Vec<Told> = first.chain(second).chain(back).chain(end).collect();
    let (events, _) = converted(told.clone(), Limits::default());
    let last = texts(&events).pop().unwrap();
    assert!(last.contains("first"), "{last}");
    assert!(shown(&events[events.iter().position(is_snapshot).unwrap()..]).to_string().contains("changed later"));
    let comes = |events: &[Event]| -> Vec<String> {
        let shown = tabs(events).into_iter().filter(|told| told["shown"] == true);
        shown.map(|told| told["tab"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(comes(&events), ["a", "b", "a"]);
    // Who asks for one tab is told of the others, too.
    let mut converter = Converter::new(Options { tab: Some("b".to_owned()), ..Options::default() });
    let mut events = Vec::new();
    let mut sink = |event| {
        events.push(event);
        Flow::Continue(())
    };
    assert!(told.iter().all(|told| converter.tell(told, &mut sink).is_continue()));
    assert!(converter.flush(&mut sink).is_continue());
    assert_eq!(comes(&events), ["a", "a"]);
    assert!(shown(&events[events.iter().position(is_snapshot).unwrap()..]).to_string().contains("second"));
}

#[test]
fn the_tab_that_is_looked_at_is_kept_however_many_others_are_heard_of() {
    let active = of_tab("a", 1, [Said::ActiveTab("a".to_owned()), Said::Mouse(1, 1)]);
    let names: Vec<String> = (0..10_000).map(|number| format!("tab {number}")).collect();
    let others = names.iter().zip(10..).flat_map(|(name, at_ms)| page_of(name, at_ms, "other").collect::<Vec<_>>());
    let after = of_tab("a", 20_000, [Said::Data(2, "still here".to_owned())]);
    let told = page_of("a", 0, "first").chain(active).chain(others).chain(after);
    let (events, converter) = converted(told.collect::<Vec<_>>(), Limits::default());
    assert_eq!((converter.tabs.len(), converter.left_out().unknown), (TABS_MAX, 0));
    assert!(shown(&events[events.iter().position(is_snapshot).unwrap()..]).to_string().contains("still here"));
}

#[test]
fn until_a_tab_is_told_to_come_to_the_front_the_one_that_is_shown_stays() {
    let told = page_of("b", 0, "first").chain(page_of("a", 10, "behind")).chain(of_tab("a", 20, [Said::Mouse(1, 1)]));
    let pictures = texts(&converted(told.collect::<Vec<_>>(), Limits::default()).0);
    assert!(pictures.len() == 1 && pictures[0].contains("first"), "{pictures:?}");
}

#[test]
fn after_a_gap_the_picture_is_whole_with_the_next_document_and_not_with_a_change_of_tabs() {
    // The batch that made node 3 is missing.
    let lost = of_tab("a", 10, [Said::Data(3, "lost".to_owned())]);
    let away = page_of("b", 20, "other").chain(of_tab("b", 20, [Said::ActiveTab("b".to_owned())]));
    let back = of_tab("a", 30, [Said::ActiveTab("a".to_owned()), Said::Data(3, "lost".to_owned())]);
    let node = [Said::Text { node: 3, parent: 1, index: 1 }, Said::Data(3, "lost".to_owned())];
    let anew = page_of("a", 40, "anew").chain(of_tab("a", 40, node));
    let told = page_of("a", 0, "first").chain(lost).chain(away).chain(back).chain(anew);
    let (events, converter) = converted(told.collect::<Vec<_>>(), Limits::default());
    assert_eq!(converter.left_out().unknown, 2);
    let has_it: Vec<bool> = texts(&events).iter().map(|picture| picture.contains("lost")).collect();
    assert_eq!(has_it, [false, false, false, true], "the beginning, away, back, and the next document");
}
