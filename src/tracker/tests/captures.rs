//! The readers against what real trackers sent, as recorded in `tests/fixtures/captures`.

use crate::tracker::captured::uploads;
use crate::tracker::*;

#[test]
fn everything_that_real_trackers_sent_decodes_to_its_last_byte() {
    let uploads = uploads();
    assert!(!uploads.is_empty(), "the captures hold no uploads");
    for upload in &uploads {
        let (first, second) = split_parts(&upload.bytes, upload.split).unwrap();
        let mut messages = 0;
        for part in [Some(first), second].into_iter().flatten() {
            let mut next_index = None;
            for message in read_batch(part, upload.era) {
                let message = message.unwrap_or_else(|fault| panic!("{}: {fault}", upload.file));
                assert_eq!(message.body, Body::Whole, "{}: {message}", upload.file);
                assert!(message.timestamp_ms > 1_700_000_000_000, "{}: {message}", upload.file);
                assert_eq!(message.index, *next_index.get_or_insert(message.index));
                next_index = Some(message.index + 1);
                messages += 1;
            }
        }
        let facts = check(&upload.bytes, upload.split, upload.era).unwrap();
        assert_eq!(facts.messages, messages, "{}", upload.file);
        assert_eq!(facts.bytes, upload.bytes.len() as u64);
    }
}

#[test]
fn messages_travel_in_the_pipeline_that_the_catalogue_names() {
    for upload in uploads() {
        let pipeline = match upload.data_type.as_str() {
            "player" => Pipeline::Player,
            "assets" => Pipeline::Assets,
            "devtools" => Pipeline::Devtools,
            "analytics" => Pipeline::Analytics,
            _ => continue,
        };
        // With protocol 1, one batch has all messages.
        if check(&upload.bytes, upload.split, upload.era).unwrap().version == 1 {
            continue;
        }
        for message in read_batch(&upload.bytes, upload.era).skip(1) {
            let message = message.unwrap();
            // Every pipeline has timestamps and tab data.
            if matches!(message.name, "Timestamp" | "TabData") {
                continue;
            }
            let known = message_spec(message.id).and_then(|spec| spec.pipeline);
            // Since version 19, client-side issues (125) are in the analytics pipeline only.
            assert!(known == Some(pipeline) || message.id == 125, "{}: {message}", upload.file);
        }
    }
}

#[test]
fn a_real_batch_cut_or_damaged_anywhere_never_panics() {
    let uploads = uploads();
    let upload =
        uploads.iter().filter(|upload| upload.bytes.len() > 1000).min_by_key(|upload| upload.bytes.len()).unwrap();
    for length in 0..upload.bytes.len() {
        let cut = &upload.bytes[..length];
        let reader_ends_well = read_batch(cut, upload.era).all(|message| message.is_ok());
        assert_eq!(check(cut, None, upload.era).is_ok(), reader_ends_well, "cut at {length}");
    }
    for at in 0..upload.bytes.len() {
        let mut damaged = upload.bytes.clone();
        damaged[at] ^= 0x81;
        for message in read_batch(&damaged, upload.era).flatten() {
            let _ = message.to_string();
        }
        let _ = check(&damaged, upload.split, upload.era);
    }
}
