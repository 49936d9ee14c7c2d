use crate::tracker::tests::known::{WEB_BATCH, hex};

use super::*;

fn found(body: &[u8]) -> Seam {
    let mut finder = SeamFinder::default();
    finder.walk(body);
    finder.found()
}

/// A batch of four messages.
fn batch(version: u8) -> Vec<u8> {
    let mut batch = hex(WEB_BATCH);
    batch[1] = version;
    batch
}

#[test]
fn two_whole_batches_are_told_apart_however_their_bytes_come() {
    let (player, assets) = (batch(2), batch(3));
    let both = [&player[..], &assets].concat();
    assert_eq!(found(&both), Seam::At(player.len() as u64));
    for step in 1..both.len() {
        let mut finder = SeamFinder::default();
        both.chunks(step).for_each(|piece| finder.walk(piece));
        assert_eq!(finder.found(), Seam::At(player.len() as u64), "{step}");
    }
}

#[test]
fn one_batch_has_no_seam_whole_or_broken() {
    for version in 0..=6 {
        let batch = batch(version);
        for cut in 0..=batch.len() {
            assert_eq!(found(&batch[..cut]), Seam::None, "{version} {cut}");
        }
    }
    // The id of batch metadata inside a message does not begin a batch.
    let with_81_inside = [&batch(2)[..], &[118, 3, 0, 0, 2, 81, 81]].concat();
    assert_eq!(found(&with_81_inside), Seam::None);
    for none in [&b"not a batch"[..], &[0x80; 20], &[81, 2, 0x80], &[0xff; 40]] {
        assert_eq!(found(none), Seam::None);
    }
}

#[test]
fn what_does_not_end_where_messages_do_is_uncertain() {
    let (player, assets) = (batch(2), batch(3));
    let both = [&player[..], &assets].concat();
    for cut in player.len() + 1..both.len() {
        let at_boundary = found(&both[..cut]) == Seam::At(player.len() as u64);
        assert!(at_boundary || found(&both[..cut]) == Seam::Uncertain, "{cut}");
    }
    assert_eq!(found(&[&both[..], &assets].concat()), Seam::Uncertain, "three");
    assert_eq!(found(&[&player[..], &player].concat()), Seam::Uncertain, "the second has no assets");
    assert_eq!(found(&[&assets[..], &assets].concat()), Seam::Uncertain, "neither has the player's messages");
    assert_eq!(found(&[&both[..], &[0x80; 12]].concat()), Seam::Uncertain, "a number that never ends");
}
