use crate::records::frames::Frames;

use super::*;

fn frame(at_ms: u64, picture: &[u8]) -> Vec<u8> {
    [&at_ms.to_le_bytes()[..], &(picture.len() as u32).to_le_bytes(), picture].concat()
}

fn sizes(packer: &Packer) -> Vec<(&str, usize, u32, bool, bool)> {
    let row = |r: &PackedFrames| (r.payload.len(), r.frames, r.unusable, r.oversized);
    packer.records.iter().map(|r| (&*r.name, row(r))).map(|(n, (l, f, u, o))| (n, l, f, u, o)).collect()
}

#[test]
fn frames_are_cut_into_records_between_them() {
    let all: Vec<Vec<u8>> = (0..9).map(|at| frame(at, &vec![at as u8; 10 * at as usize])).collect();
    let stream = all.concat();
    // The records do not depend on how the bytes are split; 21 + 3 + 4 * 34 = 160.
    for piece in [1, 2, 11, 12, 13, 100, stream.len()] {
        let mut packer = Packer::new(80, 160);
        stream.chunks(piece).for_each(|bytes| packer.stream("a.b", bytes).expect("is within the limits"));
        assert!(!packer.end_of_stream("a.b"));
        let rows = sizes(&packer);
        assert_eq!(rows[0], ("a.b", 12 + 22 + 32, 3, false, false));
        assert!(rows.iter().all(|row| row.1 <= 102), "{rows:?}");
        assert_eq!(packer.records.iter().map(|record| record.frames).sum::<u32>(), 9);
        assert_eq!(packer.records.iter().flat_map(|record| record.payload.clone()).collect::<Vec<_>>(), stream);
    }
}

#[test]
fn one_frame_that_fits_no_message_is_a_record_of_its_own() {
    let mut packer = Packer::new(200, 160);
    for (at, length) in [(1, 5), (2, 150), (3, 5)] {
        packer.begin(at);
        packer.picture(&vec![7; length]).expect("is within the limit");
        packer.end("a.b");
    }
    assert_eq!(
        sizes(&packer),
        [("a.b", 17, 1, false, false), ("a.b", 162, 1, false, true), ("a.b", 17, 1, false, false)]
    );
}

#[test]
fn a_broken_end_is_kept_apart_and_never_between_frames() {
    let good = frame(1, b"good");
    for cut in 1..good.len() {
        let mut packer = Packer::new(100, 1000);
        packer.stream("n", &[&good[..], &good[..cut]].concat()).expect("is within the limits");
        assert!(packer.end_of_stream("n"));
        packer.stream("n", &good).expect("is within the limits");
        assert!(!packer.end_of_stream("n"));
        assert_eq!(
            sizes(&packer),
            [("n", 16, 1, false, false), ("n", cut, 0, true, false), ("n", 16, 1, false, false)]
        );
        assert_eq!(Frames::new(&packer.records[2].payload).count(), 1);
    }
}

#[test]
fn a_frame_has_a_limit_and_what_is_held_is_known() {
    let mut packer = Packer::new(100, 1 << 20);
    packer.begin(1);
    packer.picture(&[0; 100]).expect("is just within the limit");
    assert_eq!(packer.picture(&[0]), Err(ImagesFault::FrameTooLarge));
    let mut packer = Packer::new(1 << 20, 1 << 20);
    for at in 0..100 {
        packer.begin(at);
        packer.picture(&[0; 10_000]).expect("is within the limit");
        packer.end(if at % 2 == 0 { "even" } else { "odd" });
    }
    assert!(packer.held_bytes() >= 1_000_000 && packer.held_bytes() < 1_100_000, "{}", packer.held_bytes());
}
