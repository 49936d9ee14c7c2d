//! What a tracker may send, of either generation: the check and the reader agree, in one piece or many, compressed or not.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use takeup::codec::inflate::{Coding, InflateError, Inflater};
use takeup::tracker::{Checker, Era, check as check_batch, read_batch, split_parts};

const INFLATED_BYTES_MAX: usize = 1 << 20;

pub fn check(input: &[u8]) {
    let Some((&[choice, low, high], body)) = input.split_first_chunk() else { return };
    let era = if choice & 1 == 0 { Era::Main } else { Era::Seed };
    let split = (choice & 2 != 0).then(|| usize::from(u16::from_le_bytes([low, high])));
    let verdict = check_batch(body, split, era);
    assert_eq!(verdict.as_ref().ok().map(|facts| facts.messages), read(body, split, era));

    let piece = usize::from(choice >> 2) + 1;
    let mut checker = Checker::new(split, era);
    let in_pieces = body.chunks(piece).try_for_each(|piece| checker.push(piece)).and_then(|()| checker.finish());
    assert_eq!(in_pieces, verdict, "pieces of any size");

    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).expect("into memory");
    let compressed = encoder.finish().expect("into memory");
    let mut inflater = Inflater::new();
    let mut checker = Checker::new(split, era);
    let mut fault = None;
    let whole = inflater.pieces::<InflateError>(Coding::Gzip, &compressed, INFLATED_BYTES_MAX, |piece| {
        fault = fault.or_else(|| checker.push(piece).err());
        Ok(())
    });
    assert_eq!(whole, Ok(()), "what was packed here");
    let packed = fault.map_or_else(|| checker.finish(), Err);
    assert_eq!(packed, verdict, "compressed");

    let mut inflated = Vec::new();
    for coding in Coding::ALL {
        let _ = inflater.inflate(coding, body, INFLATED_BYTES_MAX, &mut inflated);
        assert!(inflated.len() <= INFLATED_BYTES_MAX);
    }
}

/// The plain way: whole batches, message by message, with everything shown. The number of messages, if all is well.
fn read(body: &[u8], split: Option<usize>, era: Era) -> Option<u64> {
    let (first, second) = split_parts(body, split).ok()?;
    let mut messages = 0;
    let mut sound = true;
    for part in [Some(first), second].into_iter().flatten() {
        let mut begins = None;
        for message in read_batch(part, era) {
            let Ok(message) = message else {
                sound = false;
                break;
            };
            begins.get_or_insert(message.id);
            messages += 1;
            let mut json = String::new();
            message.write_json(&mut json);
            assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{json}");
            let _ = message.to_string();
        }
        sound &= matches!(begins, Some(80 | 81 | 107));
    }
    sound.then_some(messages)
}
