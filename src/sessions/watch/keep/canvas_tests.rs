//! Pictures of a canvas in a session that is kept.

use super::super::written::Written;
use super::tests::{anew, answer, kept, same, stays, wanted};
use crate::log::format::record::{DataType, Encoding, Entry, Flags, Kind, Label, Topic};
use crate::records::frames::write_frame_head;
use crate::records::{Images, Source, Stream};
use crate::session::SessionId;
use crate::tracker::{write_int, write_string, write_uint};

const SESSION: u64 = 7;
const BEGAN_MS: u64 = 1_780_000_000_000;
const SECONDS: u64 = 60;
/// From here on there are no pictures, and as much of something else.
const LAST_PICTURE: u64 = 50;

fn uints(values: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    values.iter().for_each(|value| write_uint(&mut bytes, *value));
    bytes
}

fn text(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_string(&mut bytes, text);
    bytes
}

/// What happens in a second: the first one brings a page with a canvas.
fn batch(second: u64) -> Vec<u8> {
    let at_ms = BEGAN_MS + 1_000 * second;
    let mut bytes = [vec![81], uints(&[1, 1, 0])].concat();
    write_int(&mut bytes, i64::try_from(at_ms).unwrap());
    bytes.extend(text(b""));
    let mut messages = vec![(0, uints(&[at_ms]))];
    if second == 0 {
        messages.push((7, Vec::new()));
        messages.push((8, [uints(&[2, 0, 0]), text(b"body"), vec![0]].concat()));
        messages.push((8, [uints(&[3, 2, 0]), text(b"canvas"), vec![0]].concat()));
        messages.push((119, [text(b"3"), uints(&[5])].concat()));
    }
    messages.push((20, uints(&[second, 1])));
    if second > LAST_PICTURE {
        messages.push((22, [text(b"log"), text(&[b'a'; 700])].concat()));
    }
    for (id, body) in messages {
        bytes.extend([uints(&[id]), (body.len() as u32).to_le_bytes()[..3].to_vec(), body].concat());
    }
    bytes
}

fn send_batch(written: &mut Written, second: u64) {
    let number = u32::try_from(second).unwrap() + 1;
    written.append(&Entry {
        kind: Kind::Batch,
        topic: Topic::Raw,
        data_type: DataType::All,
        encoding: Encoding::Identity,
        session: SESSION,
        project: 1,
        split: 0,
        label: Some(Label { page: 0, number }),
        flags: Flags::HAS_LABEL,
        ext: &[],
        payload: &batch(second),
    });
}

/// A picture with this number, taken so long after the beginning.
fn send_picture(written: &mut Written, at_ms: u64, number: u8) {
    let picture = [&[0xff, 0xd8, 0xff, number][..], &[0; 700]].concat();
    let payload = [&write_frame_head(BEGAN_MS + at_ms, picture.len() as u32)[..], &picture].concat();
    let (session, stream) = (SessionId(SESSION), Stream::OneFrame);
    let images = Images { session, project: 1, source: Source::Web, name: b"5_3.jpeg", stream, payload: &payload };
    written.append(&images.entry(&mut Vec::new()));
}

/// An answer from what is kept has the same events as one that converts all of it.
fn compare(what: &str, written: &Written) {
    for from_ms in [0, 3_000, 20_000, 45_000, 45_700, 46_000, 59_000] {
        let part = || wanted(SESSION, Some(from_ms));
        let expected = answer(&anew(written), part());
        assert!(expected.contains("data:image/jpeg;base64,"), "{what}, from {from_ms}");
        same(&format!("{what}, from {from_ms}"), &expected, &answer(&written.sessions, part()));
    }
}

#[test]
fn a_canvas_has_the_picture_that_it_had_whenever_that_came() {
    let mut written = Written::new();
    for second in 0..SECONDS {
        send_batch(&mut written, second);
        if (1..=LAST_PICTURE).contains(&second) && second != 45 {
            send_picture(&mut written, 1_000 * second + 500, second as u8);
        }
    }
    written.store();
    let _stays = stays(&written, SESSION);
    let first = kept(&written, SESSION).unwrap();
    assert!(first.noted().unwrap() > 12, "pictures are most of it: {:?}", first.noted());
    compare("in time", &written);
    assert!(first.used.load(std::sync::atomic::Ordering::Relaxed) > 4);
    send_picture(&mut written, 45_500, 45);
    written.store();
    compare("late", &written);
}
