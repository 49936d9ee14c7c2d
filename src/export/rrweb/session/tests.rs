use std::collections::BTreeMap;

use super::*;
use crate::export::order::Batches;
use crate::export::rrweb::recorder::player::Player;
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
