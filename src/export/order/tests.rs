use std::collections::BTreeMap;

use super::*;
use crate::tracker::captured::{Upload, uploads};
use crate::tracker::split_parts;

fn add(batches: &mut Batches, upload: &Upload) {
    let (first, second) = split_parts(&upload.bytes, upload.split).unwrap();
    for part in [Some(first), second].into_iter().flatten() {
        batches.add(part, upload.era, upload.number).unwrap();
    }
}

fn batches<'a>(uploads: impl IntoIterator<Item = &'a Upload>) -> Batches {
    let mut batches = Batches::new(tempfile::tempfile().unwrap());
    uploads.into_iter().for_each(|upload| add(&mut batches, upload));
    batches
}

fn rest(ordered: &mut Ordered, until_ms: i64) -> Vec<Told> {
    std::iter::from_fn(|| ordered.next_told_until(until_ms).unwrap()).collect()
}

#[test]
fn what_is_added_after_the_beginning_was_read_comes_in_order() {
    let mut sessions: BTreeMap<_, Vec<Upload>> = BTreeMap::new();
    for upload in uploads() {
        sessions.entry((upload.file.clone(), upload.session.clone())).or_default().push(upload);
    }
    let mut cut = 0;
    for (name, uploads) in &sessions {
        let whole = rest(&mut batches(uploads).in_order(), i64::MAX);
        let last_ms = whole.last().map_or(i64::MAX, |told| told.at_ms);
        let Some(first_ms) = batches(uploads).in_order().next_ms() else { continue };
        assert!(batches(uploads).span_ms() <= last_ms - first_ms, "{name:?}");
        for beginning_ms in [0, 3_000, 10_000] {
            let until_ms = first_ms + beginning_ms;
            let is_late = |upload: &Upload| batches([upload]).in_order().next_ms().is_none_or(|at_ms| at_ms > until_ms);
            // The first of the others, too: it may be younger than what is added then.
            let some = uploads.len() - uploads.iter().rev().take_while(|upload| is_late(upload)).count() + 1;
            let (early, late) = uploads.split_at(some.min(uploads.len()));
            let mut ordered = batches(early).in_order();
            let mut told = rest(&mut ordered, until_ms);
            assert!(told.iter().all(|told| told.at_ms <= until_ms), "{name:?}: {beginning_ms} ms");
            cut += usize::from(!told.is_empty() && told.len() < whole.len());
            late.iter().for_each(|upload| add(ordered.batches(), upload));
            told.extend(rest(&mut ordered, i64::MAX));
            assert!(told == whole, "{name:?}: {beginning_ms} ms: {} of {}", told.len(), whole.len());
        }
    }
    assert!(cut > 40, "{cut} sessions were cut");
}
