//! What is kept of real sessions in a real log, and who gets it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};

use super::super::super::handle::Sessions;
use super::super::written::{PATIENCE, Written};
use super::super::{Form, Out, Piece, Sent, VIEWERS_MAX, Wanted};
use super::*;
use crate::log::format::record::{DataType, Encoding, Entry, Flags, Kind, Label, Topic};
use crate::tracker::captured::{Upload, uploads};

/// Takes all that is sent.
struct Taken(Sender<Piece>);

impl Out for Taken {
    fn send(&mut self, piece: Piece) -> Sent {
        if self.0.send(piece).is_ok() { Sent::Done } else { Sent::Gone }
    }

    fn is_gone(&self) -> bool {
        false
    }
}

pub(super) fn wanted(session: u64, from: Option<i64>) -> Wanted {
    let form = Form::Events(Box::new(|_| Assets::WITHHELD), None);
    Wanted { session, form, follow: false, soon: false, from }
}

fn watch(sessions: &Sessions, wanted: Wanted) -> Receiver<Piece> {
    let (pieces, taken) = channel();
    sessions.watch(wanted, Taken(pieces)).unwrap();
    taken
}

/// All lines of an answer.
pub(super) fn answer(sessions: &Sessions, wanted: Wanted) -> String {
    let mut lines = Vec::new();
    for piece in watch(sessions, wanted) {
        match piece {
            Piece::Lines(more) => lines.extend(more),
            Piece::Found | Piece::End => {}
            other => panic!("{other:?}"),
        }
    }
    String::from_utf8(lines).unwrap()
}

fn bytes(uploads: &[Upload]) -> u64 {
    uploads.iter().map(|upload| upload.bytes.len() as u64).sum()
}

/// The uploads of sessions with enough bytes to be kept.
fn long_sessions() -> Vec<Vec<Upload>> {
    let mut sessions: std::collections::BTreeMap<_, Vec<Upload>> = Default::default();
    // Without a start, the log does not tell the tracker's version: it is taken to be a young one.
    for upload in uploads().into_iter().filter(|upload| upload.era == crate::tracker::Era::Main) {
        sessions.entry((upload.file.clone(), upload.session.clone())).or_default().push(upload);
    }
    let is_long = |uploads: &Vec<Upload>| {
        bytes(uploads) >= 2 * KEPT_BYTES_MIN && uploads.iter().all(|upload| upload.bytes.len() < 256 << 10)
    };
    let long: Vec<_> = sessions.into_values().filter(is_long).collect();
    assert!(long.len() >= 3, "{}", long.len());
    long
}

fn send<'a>(written: &mut Written, session: u64, uploads: impl IntoIterator<Item = &'a Upload>) {
    for upload in uploads {
        let label = upload.number.map(|number| Label { page: 0, number });
        let flags = if label.is_some() { Flags::HAS_LABEL } else { Flags::default() };
        written.append(&Entry {
            kind: Kind::Batch,
            topic: Topic::Raw,
            data_type: DataType::All,
            encoding: Encoding::Identity,
            session,
            project: 1,
            split: upload.split.map_or(0, |split| u32::try_from(split).unwrap()),
            label,
            flags,
            ext: &[],
            payload: &upload.bytes,
        });
    }
    written.store();
}

pub(super) fn kept(written: &Written, session: u64) -> Option<Arc<Kept>> {
    written.sessions.0.lock().kept.get(&session).cloned()
}

/// The same log, of which nothing is kept.
pub(super) fn anew(written: &Written) -> Sessions {
    let shared = &written.sessions.0;
    Sessions::new(shared.log_dir.clone(), shared.recent.clone())
}

fn keepers(written: &Written) -> usize {
    written.sessions.0.lock().viewers.values().filter(|viewer| viewer.keeps).count()
}

/// Both have the same events, and say at last that the session is as long. How early that is known may differ.
pub(super) fn same(what: &str, expected: &str, got: &str) {
    let is_span = |line: &&str| line.contains(r#""tag":"span""#);
    let events = |lines: &str| lines.lines().filter(|line| !is_span(line)).map(str::to_owned).collect::<Vec<_>>();
    for (number, (expected, got)) in events(expected).iter().zip(events(got)).enumerate() {
        assert!(*expected == got, "{what}, event {number}:\n{expected:.300}\n{got:.300}");
    }
    assert_eq!(events(expected).len(), events(got).len(), "{what}");
    assert_eq!(expected.lines().rfind(is_span), got.lines().rfind(is_span), "{what}");
}

fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Who watches a session all the time.
pub(super) fn stays(written: &Written, session: u64) -> Receiver<Piece> {
    let stays = watch(&written.sessions, Wanted { follow: true, ..wanted(session, Some(0)) });
    wait_for("it is noted", || kept(written, session).is_some_and(|kept| kept.noted().is_some()));
    stays
}

#[test]
fn another_part_of_a_kept_session_is_what_it_is_when_all_before_it_is_converted() {
    let (mut compared, mut used) = (0, 0);
    for uploads in long_sessions() {
        let (session, count) = (7, uploads.len());
        // All of it; what comes later; and one that comes late.
        for late in [count..count, count * 3 / 4..count, count / 4..count / 4 + 1] {
            let in_time: Vec<&Upload> = uploads[..late.start].iter().chain(&uploads[late.end..]).collect();
            if in_time.iter().map(|upload| upload.bytes.len() as u64).sum::<u64>() < KEPT_BYTES_MIN {
                continue;
            }
            let mut written = Written::new();
            send(&mut written, session, in_time);
            let _stays = stays(&written, session);
            let first = kept(&written, session).unwrap();
            send(&mut written, session, &uploads[late.clone()]);
            let what = format!("{}, {late:?} of {count} later", uploads[0].file);
            for from_ms in [0, 5_000, 20_000, -1_000, i64::MAX] {
                let part = || wanted(session, Some(from_ms));
                same(
                    &format!("{what}, from {from_ms}"),
                    &answer(&anew(&written), part()),
                    &answer(&written.sessions, part()),
                );
                compared += 1;
            }
            used += first.used.load(std::sync::atomic::Ordering::Relaxed);
            // Nor is anything else another.
            for tab in [None, Some("no tab".to_owned())] {
                let all = || {
                    let form = Form::Events(Box::new(|_| Assets::WITHHELD), tab.clone());
                    Wanted { form, ..wanted(session, None) }
                };
                assert!(answer(&anew(&written), all()) == answer(&written.sessions, all()), "{what}");
            }
            let lines = || Wanted { form: Form::Timeline, ..wanted(session, None) };
            assert!(answer(&anew(&written), lines()) == answer(&written.sessions, lines()), "{what}");
        }
    }
    assert!(used > compared / 3, "{used} of {compared}");
}

/// What an answer that goes on has: until it has all that there is, or within a time.
fn lines_of(answer: &Receiver<Piece>, within: Option<Duration>) -> String {
    let (began, mut lines) = (Instant::now(), Vec::new());
    while within.is_none_or(|time| began.elapsed() < time) {
        assert!(began.elapsed() < PATIENCE, "it never has all that there is");
        match answer.recv_timeout(Duration::from_millis(100)) {
            Ok(Piece::Lines(more)) if within.is_none() && more == b"\n" => break,
            Ok(Piece::Lines(more)) => lines.extend(more),
            Ok(Piece::Found) | Err(RecvTimeoutError::Timeout) => {}
            other => panic!("{other:?}"),
        }
    }
    String::from_utf8(lines)
        .unwrap()
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn who_follows_a_kept_session_gets_what_comes_later_once() {
    let uploads = long_sessions().swap_remove(0);
    let (early, late) = uploads.split_at(uploads.len() - 2);
    let mut written = Written::new();
    send(&mut written, 1, early);
    let _stays = stays(&written, 1);
    // A batch that is sent again is known to be one.
    send(&mut written, 1, &early[early.len() - 1..]);
    let fresh = anew(&written);
    let followers =
        [&fresh, &written.sessions].map(|sessions| watch(sessions, Wanted { follow: true, ..wanted(1, Some(0)) }));
    let begun = followers.each_ref().map(|follower| lines_of(follower, None));
    same("what there is", &begun[0], &begun[1]);
    assert!(kept(&written, 1).is_some());
    send(&mut written, 1, late);
    // A round is converted after two and a half seconds at the latest.
    let followed = followers.each_ref().map(|follower| lines_of(follower, Some(Duration::from_secs(4))));
    assert!(followed[0].lines().count() > 3, "{}", followed[0]);
    same("what follows", &followed[0], &followed[1]);
    fresh.stop();
}

#[test]
fn what_is_kept_of_an_erased_session_is_gone_when_the_erasure_is() {
    let mut written = Written::new();
    for (session, uploads) in (1..).zip(long_sessions().iter().take(2)) {
        send(&mut written, session, uploads);
    }
    let (first, _second) = (stays(&written, 1), stays(&written, 2));
    let held = Arc::downgrade(&kept(&written, 1).unwrap());
    assert!(written.sessions.reread(&|session, _| session == 1, Instant::now() + PATIENCE));
    assert!(held.upgrade().is_none(), "its file is open");
    assert!(kept(&written, 1).is_none() && kept(&written, 2).is_some());
    assert_eq!(keepers(&written), 1);
    drop(first);
    // As long as the records are in the log it may be watched, and is kept again.
    drop(stays(&written, 1));
    assert_eq!(keepers(&written), 2);
}

#[test]
fn a_session_is_not_kept_longer_than_somebody_watches_it_and_some() {
    let mut written = Written::new();
    send(&mut written, 1, &long_sessions()[0]);
    let watched = stays(&written, 1);
    std::thread::sleep(3 * LINGER);
    assert!(kept(&written, 1).is_some(), "it is watched");
    let (held, room) = kept(&written, 1).map(|kept| (Arc::downgrade(&kept), kept.room.clone())).unwrap();
    assert!(room.used() > 0);
    drop(watched);
    // Who follows notices that nobody listens with the next sign of life.
    wait_for("nobody watches it", || held.upgrade().is_none() && keepers(&written) == 0);
    assert_eq!(room.used(), 0);
}

#[test]
fn no_more_than_two_sessions_are_kept_and_they_take_no_place_of_those_who_watch() {
    let mut written = Written::new();
    let long = long_sessions();
    for (session, uploads) in (1..).zip(long.iter().take(3)) {
        send(&mut written, session, uploads);
    }
    let mut watching = vec![stays(&written, 1), stays(&written, 2)];
    answer(&written.sessions, wanted(3, Some(0)));
    assert!(kept(&written, 3).is_none() && keepers(&written) == 2);
    wait_for("it goes", || written.sessions.0.lock().viewers.len() == 4);
    while watching.len() < VIEWERS_MAX {
        watching.push(watch(&written.sessions, Wanted { follow: true, ..wanted(1, Some(0)) }));
    }
    let (pieces, _taken) = channel();
    assert!(written.sessions.watch(wanted(1, Some(0)), Taken(pieces)).is_err());
    // One that nobody watches makes room for another.
    drop(watching);
    wait_for("they go", || written.sessions.0.lock().viewers.values().all(|viewer| viewer.keeps));
    let _third = stays(&written, 3);
    wait_for("one goes", || keepers(&written) <= 2);
}

#[test]
fn what_is_noted_of_a_session_takes_no_more_than_its_room() {
    let uploads = long_sessions().swap_remove(0);
    let (mut most, mut all) = (0, 0);
    for bytes_max in [0, 100 << 10, 1 << 20, 8 << 20, 64 << 20] {
        let mut written = Written::new();
        Arc::get_mut(&mut written.sessions.0).unwrap().notes_bytes_max = bytes_max;
        send(&mut written, 1, &uploads);
        let _stays = stays(&written, 1);
        assert!(kept(&written, 1).unwrap().room.used() <= bytes_max);
        let count = kept(&written, 1).unwrap().noted().unwrap();
        assert!(count >= most, "{count} in {bytes_max} bytes, {most} in fewer");
        (most, all) = (count, all + count);
        let part = || wanted(1, Some(20_000));
        same(&bytes_max.to_string(), &answer(&anew(&written), part()), &answer(&written.sessions, part()));
    }
    assert!(most > CHECKPOINTS as usize / 2 && all < 5 * most, "{most}, {all}");
}

#[test]
fn short_sessions_and_whole_ones_are_not_kept() {
    let mut written = Written::new();
    let uploads = long_sessions().swap_remove(0);
    send(&mut written, 1, &uploads);
    let short = uploads.iter().position(|upload| (upload.bytes.len() as u64) < KEPT_BYTES_MIN / 2).unwrap();
    send(&mut written, 2, &uploads[short..=short]);
    answer(&written.sessions, wanted(2, Some(0)));
    answer(&written.sessions, wanted(1, None));
    answer(&written.sessions, Wanted { form: Form::Timeline, ..wanted(1, None) });
    assert_eq!(keepers(&written), 0);
}
