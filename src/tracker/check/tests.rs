use proptest::prelude::*;

use crate::tracker::batch::{read_batch, split_parts};
use crate::tracker::tests::known::{WEB_BATCH, hex};

use super::*;

/// The simple implementation: reads whole batches, message by message.
fn reference(bytes: &[u8], split: Option<usize>, era: Era) -> Result<u64, ()> {
    let (first, second) = split_parts(bytes, split).map_err(|_| ())?;
    let mut messages = 0;
    for part in [Some(first), second].into_iter().flatten() {
        let mut begins = None;
        for message in read_batch(part, era) {
            let message = message.map_err(|_| ())?;
            begins.get_or_insert(message.id);
            messages += 1;
        }
        if !matches!(begins, Some(80 | 81 | 107)) {
            return Err(());
        }
    }
    Ok(messages)
}

#[test]
fn facts_are_those_of_the_first_batch() {
    let batch = hex(WEB_BATCH);
    let facts = check(&batch, None, Era::Main).unwrap();
    let expected = BatchFacts {
        version: 1,
        page: 2,
        first_index: 5,
        timestamp_ms: 1_710_417_074_000,
        messages: 4,
        bytes: batch.len() as u64,
    };
    assert_eq!(facts, expected);

    let second = hex("51030209a0ddeaccc76300");
    let body = [&batch[..], &second[..]].concat();
    let facts = check(&body, Some(batch.len()), Era::Main).unwrap();
    assert_eq!(facts, BatchFacts { messages: 5, bytes: body.len() as u64, ..expected });
}

#[test]
fn faults_name_kind_and_offset() {
    let meta = "51010205a0ddeaccc76300";
    for (text, kind, offset) in [
        (String::new(), FaultKind::Empty, 0),
        (format!("{meta}14030000ac02"), FaultKind::SizeOverrun { size: 3 }, 11),
        (format!("{meta}1403"), FaultKind::Truncated, 11),
        (format!("{meta}{meta}"), FaultKind::MetadataMisplaced, 11),
        ("0001".to_owned(), FaultKind::NoMetadata { id: 0 }, 0),
        ("7b22".to_owned(), FaultKind::NoMetadata { id: 0x7b }, 0),
        ("5101".to_owned(), FaultKind::Truncated, 2),
        ("5101020580".to_owned(), FaultKind::Truncated, 4),
        ("51010205a0ddeaccc7630261".to_owned(), FaultKind::Truncated, 10),
        ("51010205a0ddeaccc76381ade204".to_owned(), FaultKind::StringTooLong { bytes: 10_000_001 }, 10),
        ("500102a0ddeaccc76302".to_owned(), FaultKind::UnknownUnsized { id: 2 }, 9),
    ] {
        assert_eq!(check(&hex(&text), None, Era::Main), Err(BatchFault { kind, offset }), "{text}");
    }
}

#[test]
fn a_split_inside_a_message_or_outside_the_body_is_refused() {
    let batch = hex(WEB_BATCH);
    let body = [&batch[..], &batch[..]].concat();
    assert!(check(&body, Some(batch.len()), Era::Main).is_ok());
    for split in (0..=body.len() + 1).filter(|&split| split != batch.len()) {
        let fault = check(&body, Some(split), Era::Main).unwrap_err();
        let expected =
            if split > batch.len() { FaultKind::MetadataMisplaced } else { FaultKind::Split { split: split as u64 } };
        assert_eq!(fault.kind, expected, "{split}");
    }
    let fault = check(&batch, Some(batch.len()), Era::Main).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Split { split: batch.len() as u64 });
}

/// A message of a batch with sizes: known or not, of the right size or not.
fn message() -> impl Strategy<Value = Vec<u8>> {
    (0_u8..=127, prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(id, body)| {
        let size = u32::try_from(body.len()).unwrap().to_le_bytes();
        [&[id][..], &size[..3], &body].concat()
    })
}

proptest! {
    #[test]
    fn the_check_and_the_reader_agree(
        start in prop::sample::select(vec!["", "51010205a0ddeaccc76300", "51060205a0ddeaccc76300", "6bd0aeb5e6e33109ac02", "500102a0ddeaccc763"]),
        messages in prop::collection::vec(message(), 0..6),
        tail in prop::collection::vec(any::<u8>(), 0..12),
        split in prop::option::of(0_usize..200),
        seed in any::<bool>(),
    ) {
        let mut bytes = hex(start);
        bytes.extend(messages.concat());
        bytes.extend(tail);
        let era = if seed { Era::Seed } else { Era::Main };
        let ours = check(&bytes, split, era).map(|facts| facts.messages).map_err(|_| ());
        prop_assert_eq!(ours, reference(&bytes, split, era));
    }

    #[test]
    fn pieces_of_any_size_give_the_same_verdict(
        start in prop::sample::select(vec!["51010205a0ddeaccc76300", "51000205a0ddeaccc76300", "6bd0aeb5e6e33109ac02"]),
        messages in prop::collection::vec(message(), 0..6),
        tail in prop::collection::vec(any::<u8>(), 0..12),
        split in prop::option::of(0_usize..200),
        piece in 1_usize..20,
    ) {
        let mut bytes = hex(start);
        bytes.extend(messages.concat());
        bytes.extend(tail);
        let mut checker = Checker::new(split, Era::Main);
        let in_pieces = bytes.chunks(piece).try_for_each(|piece| checker.push(piece)).and_then(|()| checker.finish());
        prop_assert_eq!(in_pieces, check(&bytes, split, Era::Main));
    }
}
