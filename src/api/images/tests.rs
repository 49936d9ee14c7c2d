use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{EntryType, Header};

use crate::log::format::record::{Ext, Flags, Kind, Topic, ext_type};

use super::*;

const LIMITS: Limits = Limits { frame_bytes_max: 1 << 20, message_bytes_max: 1 << 20, inflated_bytes_max: 4 << 20 };

fn frame(at_ms: u64, picture: &[u8]) -> Vec<u8> {
    [&at_ms.to_le_bytes()[..], &(picture.len() as u32).to_le_bytes(), picture].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes all")
}

fn tar_entry(name: &str, kind: EntryType, bytes: &[u8]) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(bytes.len() as u64);
    header.set_cksum();
    let mut entry = [&header.as_bytes()[..], bytes].concat();
    entry.resize(entry.len().next_multiple_of(512), 0);
    entry
}

fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive: Vec<u8> =
        entries.iter().flat_map(|(name, bytes)| tar_entry(name, EntryType::Regular, bytes)).collect();
    archive.extend([0; 1024]);
    archive
}

/// Uploads files, each in pieces of `piece` bytes.
fn upload_in(
    client: Client,
    limits: Limits,
    piece: usize,
    files: &[(&str, &[u8])],
    says: Option<&[u8]>,
) -> Result<Collected, ImagesFault> {
    let mut upload = Upload::new(client, limits);
    for (name, bytes) in files {
        upload.begin_file(name.as_bytes());
        for mut bytes in bytes.chunks(piece) {
            while !bytes.is_empty() {
                let taken = upload.step(bytes)?;
                assert!(taken > 0, "each step goes on");
                bytes = &bytes[taken..];
            }
        }
        upload.end_file()?;
    }
    if let Some(value) = says {
        upload.field(b"type", value);
    }
    upload.finish()
}

fn upload(client: Client, files: &[(&str, &[u8])], says: Option<&[u8]>) -> Result<Collected, ImagesFault> {
    upload_in(client, LIMITS, 100_000, files, says)
}

fn rows(collected: &Collected) -> Vec<(&str, &[u8], bool)> {
    collected.records.iter().map(|record| (&*record.name, &*record.payload, record.unusable)).collect()
}

#[test]
fn pictures_of_a_canvas_become_its_frames() {
    let files: [(&str, &[u8]); 4] =
        [("1_3_10.webp", b"one"), ("1_3_11.webp", b""), ("../../1_4_12.jpeg", b"two"), ("1_3_13.webp", b"three")];
    let collected = upload(Client::Web, &files, None).expect("is taken");
    let first = [frame(10, b"one"), frame(11, b"")].concat();
    let (second, third) = (frame(12, b"two"), frame(13, b"three"));
    assert_eq!(
        rows(&collected),
        [("1_3.webp", &*first, false), ("1_4.jpeg", &second, false), ("1_3.webp", &third, false)]
    );
    let mut ext = Vec::new();
    let entry = record(&collected.records[0], Client::Web, SessionId(7), 3).entry(&mut ext);
    assert_eq!((entry.kind, entry.topic, entry.session, entry.project), (Kind::Image, Topic::CanvasImages, 7, 3));
    assert_eq!(entry.flags, Flags::MAY_BE_SPLIT);
    assert_eq!(Ext(entry.ext).get(ext_type::FILE_NAME), Some(&b"1_3.webp"[..]));
}

#[test]
fn an_archive_of_many_names_becomes_a_bounded_number_of_records() {
    let names: Vec<String> = (0..=pack::RECORDS_MAX).map(|at| format!("1_{}_{at}.jpeg", at % 2)).collect();
    let entries: Vec<(&str, &[u8])> = names.iter().map(|name| (&**name, &b""[..])).collect();
    let most = upload(Client::Mobile, &[("1-2.tar.gz", &gzip(&tar(&entries[1..])))], None).expect("is taken");
    assert_eq!(most.records.len(), pack::RECORDS_MAX);
    let more = upload(Client::Mobile, &[("1-2.tar.gz", &gzip(&tar(&entries)))], None).expect_err("is refused");
    assert_eq!((more, more.refusal().status), (ImagesFault::TooManyFiles, 413));
}

#[test]
fn frames_of_a_canvas_keep_their_name_wherever_the_type_stands() {
    let stream = [frame(1, b"one"), frame(2, b"two")].concat();
    for says in [None, Some(&b"frames"[..]), Some(b"something")] {
        let collected = upload(Client::Web, &[("1_3.webp.frames", &stream)], says).expect("is taken");
        assert_eq!(rows(&collected), [("1_3.webp.frames", &*stream, false)]);
    }
    let wrong = upload(Client::Web, &[("1_3.webp", &stream)], Some(b"frames")).expect_err("is refused");
    assert_eq!((wrong.refusal().status, wrong.refusal().text.as_ref()), (415, "file name does not end with .frames"));
    assert!(upload(Client::Web, &[], Some(b"frames")).expect("nothing is nothing wrong").records.is_empty());
}

#[test]
fn names_of_no_known_form_are_left_out_and_counted() {
    let files: [(&str, &[u8]); 4] =
        [("../../etc/pass\x1bwd", b"x"), ("a;rm -rf", b"y"), ("1_3_10.webp", b"z"), ("1_3_4_5.webp", b"w")];
    let collected = upload(Client::Web, &files, None).expect("is taken");
    assert_eq!(rows(&collected), [("1_3.webp", &*frame(10, b"z"), false)]);
    assert_eq!((collected.dropped.count, &*collected.dropped.first), (3, "../../etc/pass?wd"));
    assert_eq!(collected.files, 4);
    let packed = gzip(&tar(&[("a.jpeg", b"x"), ("1_1_x.jpeg", b"y")]));
    let collected = upload(Client::Mobile, &[("7-1.tar.gz", &packed)], None).expect("is taken");
    assert_eq!((collected.records.len(), collected.dropped.count), (0, 2));
}

#[test]
fn an_archive_becomes_frames_however_it_is_packed_and_cut() {
    let big = vec![7; 1500];
    let mut archive = tar_entry("pax", EntryType::XHeader, b"30 mtime=1710417074.000000000\n");
    archive.extend(tar_entry("1_1_0/", EntryType::Directory, b""));
    archive.extend(tar(&[("1_1_5.jpeg", &big), ("./1_1_6.jpeg", b""), ("1_1_7.jpeg", &[8; 512])]));
    let expected = [frame(5, &big), frame(6, b""), frame(7, &[8; 512])].concat();
    for packed in [gzip(&archive), [gzip(&archive[..700]), gzip(&archive[700..])].concat(), archive.clone()] {
        for piece in [1, 511, 512, 100_000] {
            let collected = upload_in(Client::Mobile, LIMITS, piece, &[("x", &packed)], None).expect("is taken");
            assert_eq!(rows(&collected), [("1_1.jpeg", &*expected, false)], "{piece}");
        }
    }
}

#[test]
fn all_files_of_a_phone_are_taken_in_order() {
    let (first, second) = (gzip(&tar(&[("1_1_5.jpeg", b"one")])), gzip(&tar(&[("1_1_6.jpeg", b"two")])));
    let collected = upload(Client::Mobile, &[("a", &first), ("b", &second)], None).expect("is taken");
    assert_eq!(rows(&collected), [("1_1.jpeg", &*[frame(5, b"one"), frame(6, b"two")].concat(), false)]);
}

#[test]
fn frames_of_a_phone_need_the_type_and_no_packing() {
    for stream in [frame(1, b"one"), [frame(1, &[1; 700]), frame(2, b"two")].concat()] {
        for file in [gzip(&stream), stream.clone()] {
            let taken = upload(Client::Mobile, &[("7-1.gz", &file)], Some(b"frames")).expect("is taken");
            assert_eq!(rows(&taken), [("", &*stream, false)]);
        }
    }
    for (file, text) in [
        (gzip(b"plain bytes, that are no tar"), "can't read tar header: unexpected EOF"),
        (gzip(&[b'x'; 600]), "can't read tar header: archive/tar: invalid tar header"),
        (b"plain bytes".to_vec(), "can't unpack gzip: gzip: invalid header"),
        (Vec::new(), "can't unpack gzip: EOF"),
        (b"\x1f\x8b\x07 and what follows".to_vec(), "can't unpack gzip: gzip: invalid header"),
        (gzip(&tar(&[("1_1_5.jpeg", &[1; 600])])[..1100]), "can't read tar header: unexpected EOF"),
    ] {
        let fault = upload(Client::Mobile, &[("7-1.gz", &file)], None).expect_err("is refused");
        assert_eq!((fault.refusal().status, &*fault.to_string()), (400, text));
    }
    let nothing = upload(Client::Mobile, &[("7-1.tar.gz", &gzip(b""))], None).expect("is taken");
    assert!(nothing.records.is_empty());
}

#[test]
fn every_cut_and_every_flip_in_the_packing_is_noticed() {
    let whole = gzip(&tar(&[("1_1_5.jpeg", b"a picture that is long enough to have several bytes")]));
    for length in 0..whole.len() {
        assert!(upload(Client::Mobile, &[("x", &whole[..length])], None).is_err(), "cut at {length}");
    }
    for at in whole.len() - 8..whole.len() {
        let mut broken = whole.clone();
        broken[at] ^= 1;
        assert!(upload(Client::Mobile, &[("x", &broken)], None).is_err(), "flipped at {at}");
    }
}

#[test]
fn the_broken_end_of_a_stream_is_kept_apart() {
    let good = frame(1, b"one");
    for cut in 1..good.len() {
        let stream = [&good[..], &good[..cut]].concat();
        let expected = [("1_3.webp.frames", &*good, false), ("1_3.webp.frames", &good[..cut], true)];
        let collected = upload(Client::Web, &[("1_3.webp.frames", &stream)], None).expect("is taken");
        assert_eq!(rows(&collected), expected);
        let mut ext = Vec::new();
        let end = record(&collected.records[1], Client::Web, SessionId(7), 3).entry(&mut ext);
        assert_eq!(end.flags, Flags::UNUSABLE);
    }
}

#[test]
fn a_bomb_stops_at_the_limit_and_each_step_is_small() {
    let bomb = gzip(&vec![0; 9 << 20]);
    let archive = gzip(&tar(&[("1_1_5.jpeg", &vec![0; 5 << 20])]));
    for (file, frame_bytes_max) in [(&bomb, 1 << 20), (&archive, 100 << 20)] {
        let limits = Limits { frame_bytes_max, ..LIMITS };
        let mut upload = Upload::new(Client::Mobile, limits);
        upload.begin_file(b"x");
        let (mut left, mut held) = (&file[..], 0);
        let fault = loop {
            match upload.step(left) {
                Ok(taken) => left = &left[taken..],
                Err(fault) => break fault,
            }
            // The bytes of one step, and a vector that doubles its capacity.
            assert!(upload.held_bytes() <= 2 * held + (3 << 20), "{} after {held}", upload.held_bytes());
            held = upload.held_bytes();
            if left.is_empty() {
                break upload.end_file().expect_err("is over the limit");
            }
        };
        assert_eq!((fault, fault.refusal().status), (ImagesFault::InflatedTooLarge, 413));
        assert!(upload.held_bytes() < 16 << 20);
    }
}

#[test]
fn the_limit_counts_all_files_together() {
    let file = gzip(&tar(&[("1_1_5.jpeg", &[0; 5000])]));
    let limits = Limits { inflated_bytes_max: 14_000, ..LIMITS };
    assert!(upload_in(Client::Mobile, limits, 1000, &[("x", &file), ("y", &file)], None).is_ok());
    let all = [("x", &*file), ("y", &file), ("z", &file)];
    assert_eq!(upload_in(Client::Mobile, limits, 1000, &all, None).map(drop), Err(ImagesFault::InflatedTooLarge));
}
