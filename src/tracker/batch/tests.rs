use proptest::prelude::*;

use crate::tracker::tests::known::{WEB_BATCH, hex};

use super::*;

fn whole(bytes: &[u8], era: Era) -> Vec<Message<'_>> {
    read_batch(bytes, era).collect::<Result<_, _>>().unwrap()
}

fn last_fault(bytes: &[u8]) -> BatchFault {
    read_batch(bytes, Era::Main).last().unwrap().unwrap_err()
}

#[test]
fn the_known_batch_decodes_in_both_eras() {
    let bytes = hex(WEB_BATCH);
    for era in [Era::Seed, Era::Main] {
        let messages = whole(&bytes, era);
        let seen: Vec<_> = messages.iter().map(|m| (m.index, m.name, m.timestamp_ms)).collect();
        let time = 1_710_417_074_000;
        assert_eq!(
            seen,
            [
                (8_589_934_597, "BatchMetadata", time),
                (8_589_934_598, "Timestamp", time),
                (8_589_934_599, "TabData", time),
                (8_589_934_600, "MouseMove", time),
            ]
        );
        let fields: Vec<_> = messages[3].fields().collect();
        assert_eq!(fields, [("X", Value::Uint(300)), ("Y", Value::Uint(5))]);
    }
    let mut reader = read_batch(&bytes, Era::Main);
    reader.next().unwrap().unwrap();
    let meta = *reader.meta().unwrap();
    assert_eq!((meta.version, meta.page, meta.first_index), (1, 2, 5));
    assert_eq!(meta.location, b"https://e.com/");
    assert_eq!(reader.location(), b"https://e.com/");
}

#[test]
fn session_starts_decode_as_records_without_metadata() {
    let start = hex(
        "0183eb80f6f833ffffffff0f0d31382e302e362d626574612e310672c3a9762d312462336239633166322d303030302d343030302d383030302d303030303030303030303031025541084d6163204f5320580731302e31352e37065361666172690431372e3400076465736b746f707f80011746527cc38e6c652d64652d4672616e63657c50617269731075736572406578616d706c652e636f6d",
    );
    let messages = whole(&start, Era::Main);
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].name, "SessionStart");
    assert_eq!(messages[0].timestamp_ms, 1_784_806_389_123);
    let fields: Vec<_> = messages[0].fields().collect();
    assert_eq!(fields.len(), 16);
    assert_eq!(fields[1], ("ProjectID", Value::Uint(4_294_967_295)));
    assert_eq!(fields[14], ("UserCountry", Value::Str("FR|Île-de-France|Paris".as_bytes())));

    let empty = hex("0100000000000000000000000000000000");
    assert_eq!(whole(&empty, Era::Main)[0].fields().count(), 16);
}

#[test]
fn service_messages_match_the_known_encodings() {
    let mobile = hex(
        "5ad0aeb5e6e3310c06312e302e313001312430653337646662352d336635612d346337612d396433652d32663166366631623763313103494f530431372e340d6950686f6e652031342050726f066d6f62696c651b55537c43616c69666f726e69617c53616e204672616e636973636f",
    );
    for (bytes, id, count) in [
        (mobile, 90, 10),
        (hex("5a00000000000000000000"), 90, 10),
        (hex("7ed0aeb5e6e33100"), 126, 2),
        (hex("7ed0aeb5e6e331016b"), 126, 2),
        (hex("5bd0aeb5e6e331"), 91, 1),
        (hex("03d0aeb5e6e331"), 3, 1),
    ] {
        let messages = whole(&bytes, Era::Main);
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0].id, id);
        assert_eq!(messages[0].body, Body::Whole);
        assert_eq!(messages[0].fields().count(), count);
    }
}

#[test]
fn mobile_batches_need_no_sizes_and_carry_their_times() {
    // Meta (first 300), then MobileUserID "u" at +1 ms, an unknown 99 at +2 ms with two bytes, MobileUserID again.
    let mut bytes = hex("6bd0aeb5e6e33109ac02");
    bytes.extend(hex("5ed1aeb5e6e331020175"));
    bytes.extend(hex("63d2aeb5e6e33102aabb"));
    bytes.extend(hex("5ed3aeb5e6e331020176"));
    let messages = whole(&bytes, Era::Main);
    let seen: Vec<_> = messages.iter().map(|m| (m.index, m.name, m.timestamp_ms % 1000)).collect();
    assert_eq!(
        seen,
        [(300, "MobileBatchMeta", 0), (301, "MobileUserID", 1), (302, UNKNOWN, 2), (303, "MobileUserID", 3)]
    );
    assert_eq!(messages[2].body, Body::Unknown);
    assert_eq!(messages[3].fields().last(), Some(("ID", Value::Str(b"v"))));
}

#[test]
fn old_batches_without_a_version_decode() {
    // BatchMeta: page 1, first 2, time; MouseMove without size.
    let bytes = hex("500102a0ddeaccc76314ac0205");
    let messages = whole(&bytes, Era::Seed);
    assert_eq!(messages[0].index, (1 << 32) + 2);
    assert_eq!(messages[1].index, (1 << 32) + 3);
    assert_eq!(messages[1].timestamp_ms, 1_710_417_074_000);
}

#[test]
fn a_version_that_nobody_knows_means_no_sizes() {
    for version in ["00", "06", "ff01"] {
        let bytes = hex(&format!("51{version}0205a0ddeaccc7630014ac0205"));
        let messages = whole(&bytes, Era::Main);
        assert_eq!(messages.len(), 2);
        assert_eq!(messages[1].name, "MouseMove");
    }
}

#[test]
fn every_versioned_batch_has_sizes() {
    for version in 1..=5 {
        let bytes = hex(&format!("510{version}0205a0ddeaccc7630014030000ac0205"));
        assert_eq!(whole(&bytes, Era::Main)[1].fields().count(), 2);
    }
}

#[test]
fn two_eras_disagree_only_where_the_catalogue_says() {
    let meta = "51010205a0ddeaccc76300";
    // GraphQL (48) in both layouts: the size tells which one it is, whatever the era.
    let old = hex(&format!("{meta}30040000{}", "00000000"));
    let new = hex(&format!("{meta}30050000{}", "0000000002"));
    for era in [Era::Seed, Era::Main] {
        assert_eq!(whole(&old, era)[1].fields().count(), 4);
        assert_eq!(whole(&new, era)[1].fields().last(), Some(("Duration", Value::Int(1))));
        assert_eq!(whole(&new, era)[1].body, Body::Whole);
    }
    // PartitionedMessage (82) has a size only in the newer era.
    let seed = hex(&format!("{meta}52020314030000ac0205"));
    assert_eq!(whole(&seed, Era::Seed).len(), 3);
    let main = hex(&format!("{meta}52020000020314030000ac0205"));
    assert_eq!(whole(&main, Era::Main).len(), 3);
}

#[test]
fn unknown_and_ill_fitting_messages_cost_only_themselves() {
    // 2 with 2 bytes; MouseMove with a byte more; MouseMove with a byte less; MouseMove.
    let bytes = hex("51010205a0ddeaccc7630002020000aabb14040000ac02050914020000ac8214030000ac0205");
    let messages = whole(&bytes, Era::Main);
    assert_eq!(messages[1].body, Body::Unknown);
    assert_eq!((messages[1].name, messages[1].id, messages[1].bytes), (UNKNOWN, 2, &[0xaa, 0xbb][..]));
    assert_eq!(messages[2].body, Body::Longer { extra: 1 });
    assert!(matches!(messages[3].body, Body::Broken(fault) if fault.kind == FaultKind::Truncated));
    assert_eq!(messages[4].body, Body::Whole);
    assert_eq!(messages.len(), 5);
}

#[test]
fn faults_name_kind_and_offset() {
    let meta = "51010205a0ddeaccc76300";
    for (text, kind, offset) in [
        (String::new(), FaultKind::Empty, 0),
        (format!("{meta}14030000ac02"), FaultKind::SizeOverrun { size: 3 }, 11),
        (format!("{meta}1403"), FaultKind::Truncated, 11),
        (format!("{meta}{meta}"), FaultKind::MetadataMisplaced, 11),
        ("0001510101".to_owned(), FaultKind::MetadataMisplaced, 2),
        ("02".to_owned(), FaultKind::UnknownUnsized { id: 2 }, 0),
        ("5101".to_owned(), FaultKind::Truncated, 2),
        ("51010205a0ddeaccc76381ade204".to_owned(), FaultKind::StringTooLong { bytes: 10_000_001 }, 10),
        (format!("00{}", "80".repeat(11)), FaultKind::UintOverflow, 1),
    ] {
        let bytes = hex(&text);
        assert_eq!(last_fault(&bytes), BatchFault { kind, offset }, "{text}");
    }
}

#[test]
fn locations_follow_the_page() {
    // SetPageLocation (122): URL "/b", empty referrer, 0, empty title.
    let bytes = hex("51010205a0ddeaccc763022f617a060000022f62000000");
    let mut reader = read_batch(&bytes, Era::Main);
    reader.next().unwrap().unwrap();
    assert_eq!(reader.location(), b"/a");
    reader.next().unwrap().unwrap();
    assert_eq!(reader.location(), b"/b");
}

#[test]
fn visual_bodies_are_cut_where_the_second_batch_begins() {
    let first = hex(WEB_BATCH);
    let body = [&first[..], &first[..]].concat();
    let (left, right) = split_parts(&body, Some(first.len())).unwrap();
    assert_eq!((left, right), (&first[..], Some(&first[..])));
    assert_eq!(split_parts(&body, None).unwrap(), (&body[..], None));
    for split in [0, 1, first.len() - 1, first.len() + 1, body.len(), usize::MAX] {
        let fault = split_parts(&body, Some(split)).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Split { split: split as u64 });
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic_or_run_away(
        start in prop::sample::select(vec!["", "51010205a0ddeaccc76300", "6bd0aeb5e6e33109ac02", "500102a0ddeaccc763"]),
        tail in prop::collection::vec(any::<u8>(), 0..300),
        seed in any::<bool>(),
    ) {
        let mut bytes = hex(start);
        bytes.extend(&tail);
        let era = if seed { Era::Seed } else { Era::Main };
        let mut end = 0;
        let mut count = 0;
        for message in read_batch(&bytes, era) {
            count += 1;
            if let Ok(message) = message {
                prop_assert!(message.offset >= end);
                end = message.offset + 1;
                let _ = (message.fields().count(), message.to_string());
                let mut json = String::new();
                message.write_json(&mut json);
                prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{}", json);
            }
        }
        prop_assert!(count <= bytes.len() + 1);
    }
}

#[test]
fn bodies_that_are_not_asked_for_are_passed_over_and_nothing_else_changes() {
    let mut passed_over = 0;
    for upload in crate::tracker::captured::uploads() {
        let (first, second) = split_parts(&upload.bytes, upload.split).unwrap();
        for part in [Some(first), second].into_iter().flatten() {
            let (mut all, mut some) =
                (read_batch(part, upload.era), read_batch(part, upload.era).bodies_of(IdSet::NONE.with(22)));
            while let Some(message) = all.next() {
                let (message, found) = (message.unwrap(), some.next().unwrap().unwrap());
                let what = |message: &Message<'_>| (message.id, message.index, message.timestamp_ms, message.offset);
                assert_eq!(what(&found), what(&message));
                assert_eq!(some.location(), all.location());
                if message.id == 22 {
                    assert_eq!(found, message);
                }
                passed_over += u32::from(found.body == Body::Unknown);
            }
            assert!(some.next().is_none());
        }
    }
    assert!(passed_over > 1000, "{passed_over}");
}

#[test]
fn what_an_outline_has_is_read_as_if_all_had_been() {
    let mut passed_over = 0;
    let mut outline = Outline::default();
    for upload in crate::tracker::captured::uploads() {
        let (first, second) = split_parts(&upload.bytes, upload.split).unwrap();
        for part in [Some(first), second].into_iter().flatten() {
            let ids = IdSet::NONE.with(22);
            if !outline.read(part, ids) {
                continue;
            }
            let reader = || read_batch(part, upload.era).bodies_of(ids);
            let (mut all, mut some) = (reader(), reader());
            for &place in outline.places() {
                for _ in 0..place.passed_over {
                    assert_eq!(all.next().unwrap().unwrap().body, Body::Unknown);
                }
                assert_eq!(some.next_at(place), all.next());
                assert_eq!((some.location(), some.meta()), (all.location(), all.meta()));
                passed_over += place.passed_over;
            }
            assert_eq!(all.count() as u64, outline.rest());
        }
    }
    assert!(passed_over > 1000, "{passed_over}");
}

#[test]
fn a_batch_has_an_outline_if_both_eras_read_it_alike() {
    let mut outline = Outline::default();
    let mut has_one = |batch: &[u8]| outline.read(batch, IdSet::NONE);
    let sized = [81, 1, 0, 0, 2, 1, b'a', 28, 4, 0, 0, 3, b'a', b'n', b'n'];
    assert!(has_one(&sized));
    // A size in one era, none in the other.
    assert!(!has_one(&[&sized[..], &[82, 1, 0, 0, 0]].concat()));
    assert!(!has_one(&[80, 1, 0, 2, 28, 3, b'a', b'n', b'n']));
    // What is not whole is left to those who say why.
    assert!(!has_one(&sized[..sized.len() - 1]));
    assert!(!has_one(&sized.repeat(2)));
    assert!(!has_one(&[]));
    for upload in crate::tracker::captured::uploads() {
        let (first, second) = split_parts(&upload.bytes, upload.split).unwrap();
        for part in [Some(first), second].into_iter().flatten().filter(|part| has_one(part)) {
            let facts = |era| crate::tracker::check(part, None, era).unwrap();
            assert_eq!(facts(Era::Main), facts(Era::Seed), "{}", upload.file);
        }
    }
}

#[test]
fn an_unfitted_message_is_the_same_but_for_what_is_said_of_its_fit() {
    for upload in crate::tracker::captured::uploads() {
        let (first, _) = split_parts(&upload.bytes, upload.split).unwrap();
        let fitted = read_batch(first, upload.era);
        let unfitted = read_batch(first, upload.era).unfitted();
        for (fitted, unfitted) in fitted.zip(unfitted) {
            let (fitted, unfitted) = (fitted.unwrap(), unfitted.unwrap());
            assert_eq!(Message { body: fitted.body, ..unfitted }, fitted);
            assert!(fitted.fields().eq(unfitted.fields()));
        }
    }
}
