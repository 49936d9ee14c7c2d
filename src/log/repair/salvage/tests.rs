use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;

use crate::log::error::LogError;
use crate::log::format::header::{PAGE_BYTES, SegmentHeader};
use crate::log::format::record::{HEADER_BYTES, Kind, RecordHeader};
use crate::log::read::reader::LogReader;
use crate::log::read::reader::hand::{HandSegment, LOG, take_lock, temp_dir, write_log_file};
use crate::log::repair::verify::verify;

use super::*;

/// Records by core, segment and offset, with all their bytes.
type Records = BTreeMap<(u16, u64, u64), Vec<u8>>;

fn options(from: &Path, to: &Path) -> Options {
    Options {
        from: from.to_path_buf(),
        to: to.to_path_buf(),
        log: None,
        unproven: false,
        limits: Limits { stretches_max: 1000 },
    }
}

/// The intact records of a segment, found the slow way.
fn intact(of: &HandSegment) -> Records {
    let bytes = &of.bytes;
    let mut found = Records::new();
    let mut at = PAGE_BYTES;
    while at + HEADER_BYTES <= bytes.len() {
        let header = RecordHeader::decode(bytes[at..].first_chunk().unwrap(), of.marker);
        let Ok(header) = header else {
            at += 64;
            continue;
        };
        let body = bytes.get(at + HEADER_BYTES..at + HEADER_BYTES + header.body_bytes());
        if header.kind != Kind::Pad && body.is_some_and(|body| crc32c::crc32c(body) == header.payload_crc) {
            let whole = bytes[at..at + HEADER_BYTES + header.body_bytes()].to_vec();
            found.insert((of.core, of.id, at as u64), whole);
        }
        at += header.stored_bytes() as usize;
    }
    found
}

/// Everything in a log, with what its readers say left aside: the bytes of its files.
fn records_of(log_dir: &Path) -> Records {
    let mut all = Records::new();
    for info in LogReader::open(log_dir).unwrap().segments().unwrap() {
        assert!(info.sealed());
        let bytes = fs::read(&info.path).unwrap();
        let header = SegmentHeader::decode(&bytes[..PAGE_BYTES]).unwrap();
        all.extend(intact(&HandSegment {
            core: info.core,
            id: info.id,
            marker: header.marker,
            bytes,
            durable: 0,
            number: 0,
        }));
    }
    all
}

/// What the salvaged log holds; verify finds nothing in it that its sidecars do not name.
fn salvaged(options: &Options) -> (Report, Records) {
    let report = salvage(options).unwrap();
    let records = records_of(&options.to);
    let summary = verify(&options.to, &mut |verdict| assert!(verdict.ok(), "{verdict:?}")).unwrap();
    assert_eq!((summary.records, report.records), (records.len() as u64, records.len() as u64));
    assert_eq!(summary.known_damage_bytes, report.lost_bytes);
    (report, records)
}

/// Groups of batches; every payload is another, in other segments too, so that none is taken for a repeat.
fn segment(core: u16, id: u64, groups: &[usize]) -> HandSegment {
    let mut segment = HandSegment::new(core, id);
    for (group, &records) in groups.iter().enumerate() {
        for record in 0..records {
            let fill = (group * 31 + record + usize::from(core) * 97) as u64 + id;
            let payload = vec![fill as u8; 100 + group * 700 + record * 90];
            segment.batch(id + 1 + (group * 100 + record) as u64, 7 + group as u64, &payload);
        }
        let before = segment.durable;
        segment.group();
        // One sync is in flight while the next group is written.
        if group % 2 == 1 {
            segment.durable = before;
        }
    }
    segment
}

#[test]
fn every_fixture_gives_back_each_intact_record_in_its_place() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/log-v1");
    for (name, records, lost, complete) in [
        ("valid", 8, 0, true),
        ("torn-tail", 5, 0, true),
        ("bad-header", 3, 1, false),
        ("bad-payload", 3, 1, false),
        ("hole", 1, 1, false),
        ("truncated-sidecar", 4, 0, true),
        ("foreign-file", 4, 0, true),
    ] {
        let to = temp_dir();
        let from = fixtures.join(name);
        let (report, found) = salvaged(&options(&from, &to.path().join("log")));
        assert_eq!((found.len(), report.lost_places, report.complete), (records, lost, complete), "{name}: {report:?}");
        assert_eq!((report.records_with_new_ids, report.log), (0, LOG), "{name}");
        let mut expected = Records::new();
        for file in ["core-00/00001700000000000000", "core-01/00001700000000000001"] {
            let bytes = fs::read(from.join(file).with_extension("seg"));
            if let Ok(bytes) = bytes.or_else(|_| fs::read(from.join(file).with_extension("open"))) {
                let mut of = HandSegment::new(u16::from(file.starts_with("core-01")), file[8..].parse().unwrap());
                of.bytes = bytes;
                expected.extend(intact(&of));
            }
        }
        assert!(found == expected, "{name}: {:?} and {:?}", found.keys(), expected.keys());
        if name == "valid" {
            for file in ["core-00/00001700000000000000.seg", "core-01/00001700000000000001.seg"] {
                let (old, new) =
                    (fs::read(from.join(file)).unwrap(), fs::read(to.path().join("log").join(file)).unwrap());
                assert!(old == new, "a sound segment is the same file again");
            }
        }
    }
    let to = temp_dir();
    let newer = salvage(&options(&fixtures.join("newer-version"), &to.path().join("log")));
    assert!(newer.is_ok_and(|report| report.newer.len() == 1 && !report.complete && report.records == 0));
}

#[test]
fn what_is_lost_is_reported_with_its_neighbours() {
    let dir = temp_dir();
    let mut of = segment(0, 1000, &[2, 2, 2]);
    let sound = intact(&of);
    let offsets: Vec<u64> = sound.keys().map(|key| key.2).collect();
    of.bytes[offsets[2] as usize + 90] ^= 1;
    of.write_sealed(&dir.path().join("from"));
    let (report, found) = salvaged(&options(&dir.path().join("from"), &dir.path().join("to")));
    assert_eq!(found.len(), 5);
    let [segment] = &report.segments[..] else { panic!("{report:?}") };
    let [lost] = &segment.lost[..] else { panic!("{report:?}") };
    let id = |at: usize| format!("{LOG}/0/1000/{}", offsets[at]);
    assert_eq!(lost.offset, offsets[2]);
    assert_eq!(lost.before.as_ref().unwrap().id, id(1));
    assert_eq!(lost.after.as_ref().unwrap().id, id(3));
    assert_eq!(
        (lost.after.as_ref().unwrap().session_id.as_str(), lost.after.as_ref().unwrap().received_us),
        ("8", 1102)
    );
    assert_eq!(segment.damaged_records.len(), 1);
    assert_eq!(
        (segment.damaged_records[0].id.as_str(), segment.damaged_records[0].session_id.as_str()),
        (&*id(2), "8")
    );
    assert!(!report.complete);
}

#[test]
fn a_segment_cut_short_is_as_long_as_it_was_and_its_end_is_named_as_lost() {
    let dir = temp_dir();
    let of = segment(0, 1000, &[2, 2]);
    let path = of.write_sealed(&dir.path().join("from"));
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(8192 + 64).unwrap();
    let (report, found) = salvaged(&options(&dir.path().join("from"), &dir.path().join("to")));
    assert_eq!((found.len(), report.lost_places), (2, 1));
    assert_eq!(report.segments[0].lost[0].offset + report.lost_bytes, of.bytes.len() as u64);
}

#[test]
fn a_record_that_claims_more_than_its_file_holds_hides_nothing_behind_it() {
    let dir = temp_dir();
    let mut of = segment(0, 1000, &[3]);
    let offsets: Vec<u64> = intact(&of).keys().map(|key| key.2).collect();
    let at = offsets[1] as usize;
    let header = RecordHeader::decode(of.bytes[at..].first_chunk().unwrap(), of.marker).unwrap();
    let claims = RecordHeader { payload_len: 30_000, ..header }.to_bytes();
    of.bytes[at..at + HEADER_BYTES].copy_from_slice(&claims);
    of.write_sealed(&dir.path().join("from"));
    let (report, found) = salvaged(&options(&dir.path().join("from"), &dir.path().join("to")));
    assert!(found.keys().map(|key| key.2).eq([offsets[0], offsets[2]]), "{report:?}");
}

#[test]
fn a_lost_segment_is_told_by_the_sidecar_that_is_left() {
    let dir = temp_dir();
    write_log_file(&dir.path().join("from"));
    segment(0, 1000, &[2]).write_sealed(&dir.path().join("from"));
    fs::remove_file(segment(1, 2000, &[3]).write_sealed(&dir.path().join("from"))).unwrap();
    let (report, found) = salvaged(&options(&dir.path().join("from"), &dir.path().join("to")));
    assert_eq!((found.len(), report.missing.len(), report.missing[0].records), (2, 1, 3));
    assert!(!report.complete);
}

/// An image of sectors: segments between garbage, at places that are multiples of 512 and of nothing more.
fn image(segments: &[&HandSegment]) -> Vec<u8> {
    let mut noise = 0x9e37_79b9_7f4a_7c15u64;
    let mut bytes = Vec::new();
    let mut garbage = |bytes: &mut Vec<u8>, count: usize| {
        for _ in 0..count / 8 {
            noise ^= noise << 13;
            noise ^= noise >> 7;
            noise ^= noise << 17;
            bytes.extend_from_slice(&noise.to_le_bytes());
        }
    };
    for (at, of) in segments.iter().enumerate() {
        garbage(&mut bytes, 512 * (3 + at * 2));
        bytes.extend_from_slice(&of.bytes);
    }
    garbage(&mut bytes, 512 * 5);
    bytes
}

#[test]
fn a_raw_image_gives_back_the_segments_in_it_with_their_ids() {
    let dir = temp_dir();
    let segments = [segment(0, 1000, &[3, 1, 2]), segment(1, 1001, &[1]), segment(0, 9000, &[2, 5])];
    let path = dir.path().join("disk.img");
    fs::write(&path, image(&segments.each_ref())).unwrap();
    let (report, found) = salvaged(&options(&path, &dir.path().join("to")));
    let expected: Records = segments.iter().flat_map(intact).collect();
    assert!(found == expected);
    assert!(report.complete && report.records_with_new_ids == 0 && report.log == LOG, "{report:?}");
}

#[test]
fn a_stretch_behind_a_torn_place_of_an_image_keeps_its_ids_only_if_it_tells_its_own_offset() {
    let dir = temp_dir();
    let of = segment(0, 1000, &[2, 3, 2, 4, 3]);
    let sound = intact(&of);
    let group = |number: u64| {
        (0..of.bytes.len()).step_by(4096).find(|&at| {
            sound.get(&(0, 1000, at as u64)).is_some_and(|bytes| bytes[24..32] == (1001 + number * 100).to_le_bytes())
        })
    };
    let (second, third) = (group(1).unwrap(), group(2).unwrap());
    // In one image the second group is overwritten; in the other 3 blocks of another file lie there, and all behind it is moved.
    let mut overwritten = of.clone();
    overwritten.bytes[second..third].fill(0x11);
    let mut moved = overwritten.clone();
    moved.bytes.splice(third..third, vec![0x22; 3 * 4096]);
    for (bytes, kept) in [(&overwritten, true), (&moved, false)] {
        let to = temp_dir();
        let path = dir.path().join("disk.img");
        fs::write(&path, image(&[bytes])).unwrap();
        let (report, found) = salvaged(&options(&path, &to.path().join("log")));
        let expected: Vec<(&u64, &Vec<u8>)> = sound
            .iter()
            .filter(|((_, _, at), _)| !(second..third).contains(&(*at as usize)))
            .map(|((_, _, at), bytes)| (at, bytes))
            .collect();
        assert_eq!(found.len(), expected.len());
        assert_eq!(report.records_with_new_ids, if kept { 0 } else { 9 });
        assert!(found.values().zip(&expected).all(|(one, (_, other))| one == *other));
        if kept {
            assert!(found.keys().zip(&expected).all(|((_, _, at), (known, _))| at == *known));
        }
    }
}

#[test]
fn a_segment_that_is_found_twice_is_written_once_with_what_either_copy_has() {
    let dir = temp_dir();
    let from = dir.path().join("from");
    let of = segment(0, 1000, &[2, 2, 2]);
    let sound = intact(&of);
    let offsets: Vec<usize> = sound.keys().map(|key| key.2 as usize).collect();
    let (mut one, mut two) = (of.clone(), of.clone());
    one.bytes[offsets[1] + 70] ^= 1;
    two.bytes[offsets[4] + 3] ^= 1;
    one.write_sealed(&from);
    fs::create_dir_all(from.join("copy")).unwrap();
    fs::write(from.join("copy/disk.img"), image(&[&two])).unwrap();
    let (report, found) = salvaged(&options(&from, &dir.path().join("to")));
    assert!(found == sound, "{report:?}");
    assert_eq!((report.repeated, report.lost_places, report.segments[0].sources.len()), (4, 0, 2));
    assert!(report.segments[0].damaged_records.is_empty());
}

/// A payload in which a client wrote a whole segment of its own.
fn forged() -> Vec<u8> {
    let mut forged = segment(0, 1000, &[3, 2, 4, 2]);
    forged.marker ^= 0xffff;
    let header = SegmentHeader { core: 0, log: LOG, segment: 1000, marker: forged.marker, segment_bytes: 1 << 16 };
    forged.bytes[..PAGE_BYTES].copy_from_slice(&header.encode());
    let mut bytes = HandSegment::new(0, 1000);
    bytes.marker = forged.marker;
    for at in 0..12 {
        bytes.batch(500 + at, 666, b"forged");
    }
    // Shifted so that it is aligned within the record: 64 bytes of header and 11 of extension lie before it.
    let mut payload = vec![0; 53];
    payload.extend_from_slice(&bytes.bytes[PAGE_BYTES..]);
    payload
}

#[test]
fn a_client_cannot_write_records_into_the_salvaged_log() {
    let dir = temp_dir();
    let mut of = HandSegment::new(0, 1000);
    of.batch(1001, 7, b"honest");
    let container = of.batch(1002, 8, &forged()) as usize;
    of.batch(1003, 7, b"honest, too");
    of.group();
    let sound = intact(&of);
    // Found whole, it is stepped over; with its header gone, what is in it is seen, and not believed.
    let mut torn = of.clone();
    torn.bytes[container + 20] ^= 1;
    for (bytes, unproven) in [(&of, 0), (&torn, 12)] {
        let to = temp_dir();
        let path = dir.path().join("disk.img");
        fs::write(&path, image(&[bytes])).unwrap();
        let (report, found) = salvaged(&options(&path, &to.path().join("log")));
        assert_eq!(report.unproven_records, unproven);
        assert!(found.values().all(|record| sound.values().any(|known| known == record)));
        assert_eq!(found.len(), if unproven == 0 { 3 } else { 2 });
        let all = Options { unproven: true, ..options(&path, &to.path().join("all")) };
        assert_eq!(salvaged(&all).1.len(), found.len() + unproven as usize);
    }
}

#[test]
fn a_segment_file_without_its_first_page_is_read_by_its_name_and_its_own_word() {
    let dir = temp_dir();
    let from = dir.path().join("from");
    write_log_file(&from);
    let mut of = segment(3, 1000, &[2, 3, 2, 4]);
    let sound = intact(&of);
    of.bytes[..PAGE_BYTES + 128].fill(0xee);
    of.write_open(&from, 0);
    let (report, found) = salvaged(&options(&from, &dir.path().join("to")));
    assert_eq!((found.len(), report.records_with_new_ids, report.log), (sound.len() - 1, 0, LOG));
    assert!(found.iter().all(|(key, bytes)| sound[key] == *bytes));
}

#[test]
fn records_without_a_place_go_to_cores_of_their_own_in_the_order_of_their_times() {
    let dir = temp_dir();
    let from = dir.path().join("from");
    fs::create_dir_all(&from).unwrap();
    write_log_file(&from);
    // No first page anywhere, and names that tell nothing.
    let segments = [segment(0, 1000, &[3]), segment(1, 1001, &[2]), segment(0, 5000, &[2])];
    for (at, of) in segments.iter().enumerate() {
        fs::write(from.join(format!("#{at}")), &of.bytes[PAGE_BYTES..]).unwrap();
    }
    let nothing = salvaged(&options(&from, &dir.path().join("nothing"))).0;
    assert_eq!((nothing.records, nothing.unproven_records, nothing.unproven_markers), (0, 7, 3));
    let all = Options { unproven: true, ..options(&from, &dir.path().join("to")) };
    let (report, found) = salvaged(&all);
    let expected: Records = segments.iter().flat_map(intact).collect();
    assert_eq!((found.len(), report.records_with_new_ids), (7, 7));
    assert!(expected.values().all(|record| found.values().any(|other| other == record)));
    let mut merge = crate::log::read::merge::Merge::new(LogReader::open(&all.to).unwrap());
    let mut times = Vec::new();
    while let Some(record) = merge.next().unwrap() {
        times.push(record.order_us);
    }
    assert!(times.is_sorted() && times.len() == 7, "{times:?}");
}

#[test]
fn a_target_that_holds_something_and_a_source_in_use_are_refused() {
    let dir = temp_dir();
    let from = dir.path().join("from");
    write_log_file(&from);
    segment(0, 1000, &[1]).write_sealed(&from);
    let error = salvage(&options(&from, dir.path())).unwrap_err();
    assert!(error.to_string().contains("not empty"), "{error}");
    let error = salvage(&options(&from, &from.join("inner"))).unwrap_err();
    assert!(error.to_string().contains("lies within"), "{error}");
    let (lock, elsewhere) = (take_lock(&from), temp_dir());
    let segment = fs::read_dir(from.join("core-00")).unwrap().next().unwrap().unwrap().path();
    for from in [dir.path(), &from, &from.join("core-00"), &segment] {
        let error = salvage(&options(from, &elsewhere.path().join("to"))).unwrap_err();
        assert!(matches!(error, LogError::Locked { .. }), "{error}");
    }
    drop(lock);
    assert!(salvage(&options(&from, &dir.path().join("to"))).is_ok());
}

#[test]
fn too_many_stretches_are_an_error_that_says_so() {
    let dir = temp_dir();
    let of = segment(0, 1000, &[8]);
    let mut bytes = of.bytes.clone();
    for (_, _, at) in intact(&of).keys().skip(1).step_by(2) {
        bytes[*at as usize + 20] ^= 1;
    }
    let path = dir.path().join("disk.img");
    fs::write(&path, bytes).unwrap();
    let few = Options { limits: Limits { stretches_max: 2 }, ..options(&path, &dir.path().join("to")) };
    assert!(salvage(&few).unwrap_err().to_string().contains("more than 2 separate stretches"));
}

#[test]
fn of_two_logs_one_is_salvaged_and_the_other_named() {
    let dir = temp_dir();
    let other = Uuid::from_bytes([7; 16]);
    let (one, mut two) = (segment(0, 1000, &[3, 3]), segment(0, 2000, &[1]));
    let header = SegmentHeader { core: 0, log: other, segment: 2000, marker: two.marker, segment_bytes: 1 << 16 };
    two.bytes[..PAGE_BYTES].copy_from_slice(&header.encode());
    let path = dir.path().join("disk.img");
    fs::write(&path, image(&[&one, &two])).unwrap();
    let (report, found) = salvaged(&options(&path, &dir.path().join("most")));
    assert_eq!((report.log, found.len(), report.other_logs[0].records), (LOG, 6, 1));
    let chosen = Options { log: Some(other), ..options(&path, &dir.path().join("chosen")) };
    let (report, found) = salvaged(&chosen);
    assert_eq!((report.log, found.len(), report.other_logs[0].records), (other, 1, 6));
    let nobody = Options { log: Some(Uuid::nil()), ..options(&path, &dir.path().join("nobody")) };
    assert!(salvage(&nobody).unwrap_err().to_string().contains(&other.to_string()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_intact_record_is_salvaged_byte_for_byte_and_nothing_else(
        groups in prop::collection::vec(1usize..5, 1..6),
        damage in prop::collection::vec((4096usize..40_000, 1usize..300, any::<u8>()), 0..5),
        as_image: bool,
    ) {
        let dir = temp_dir();
        let mut of = segment(0, 1000, &groups);
        let length = of.bytes.len();
        for (at, bytes, with) in damage {
            if at < length {
                of.bytes[at..(at + bytes).min(length)].fill(with);
            }
        }
        let expected = intact(&of);
        let from = dir.path().join("from");
        if as_image {
            fs::create_dir_all(&from).unwrap();
            fs::write(from.join("disk.img"), image(&[&of])).unwrap();
        } else {
            of.write_sealed(&from);
        }
        let (report, found) = salvaged(&options(&from, &dir.path().join("to")));
        if !as_image {
            prop_assert!(found == expected, "{:?}", report);
        }
        let (mut one, mut other): (Vec<_>, Vec<_>) = (expected.into_values().collect(), found.into_values().collect());
        one.sort();
        other.sort();
        prop_assert!(one == other, "{:?}", report);
    }
}
