use crate::log::format::record::HEADER_BYTES;

use super::*;

const MARKER: u64 = 77;

fn header(kind: Kind, durable_to: u64) -> RecordHeader {
    let pad = RecordHeader::encode_pad(0, MARKER, durable_to, 1);
    RecordHeader { kind, ..RecordHeader::decode(&pad, MARKER).unwrap() }
}

/// Groups of these many pages, each of a record and a pad, seen at `shift` behind where they lie; `lag` groups are in flight.
fn vouched(first: u64, pages: &[u64], shift: u64, lag: usize) -> Bases {
    let mut vouch = Vouch::default();
    let mut starts = vec![first; lag];
    let mut at = first;
    for &pages in pages {
        starts.push(at);
        let durable = starts[starts.len() - 1 - lag];
        vouch.add(at + shift, &header(Kind::Batch, durable));
        vouch.add(at + shift + HEADER_BYTES as u64, &header(Kind::Pad, durable));
        at += pages * 4096;
    }
    vouch.bases()
}

#[test]
fn groups_of_different_sizes_tell_one_place_however_the_syncs_lag() {
    for lag in 0..3 {
        let bases = vouched(40_960, &[1, 3, 2, 5, 1, 4, 2, 7, 1, 3], 512 * 9, lag);
        assert_eq!(bases, [Some(512 * 9), None, None], "{lag}");
    }
}

#[test]
fn groups_of_one_size_leave_the_place_open_by_a_group_or_two() {
    let bases = vouched(40_960, &[1; 9], 8192, 1);
    assert!(bases.contains(&Some(8192)) && !bases.contains(&Some(8192 + 3 * 4096)));
}

#[test]
fn one_group_tells_nothing() {
    assert_eq!(vouched(4096, &[5], 0, 0), Bases::default());
}
