use super::*;

#[test]
fn names_tell_what_a_file_is() {
    let id = 1_700_000_000_000_000;
    for (path, name) in [
        ("log/core-07/00001700000000000000.seg", SourceName::Segment { core: Some(7), id }),
        ("00001700000000000000.open", SourceName::Segment { core: None, id }),
        ("quarantine/core-07-00001700000000000000.open", SourceName::Segment { core: Some(7), id }),
        ("quarantine/core-07-00001700000000000000.open.3", SourceName::Segment { core: Some(7), id }),
        ("quarantine/core-07-00001700000000000000-8192.bytes", SourceName::Piece { core: 7, id, offset: 8192 }),
        ("quarantine/core-07-00001700000000000000-8192.bytes.1", SourceName::Piece { core: 7, id, offset: 8192 }),
        ("disk.img", SourceName::Unknown),
        ("core-07/170.seg", SourceName::Unknown),
        ("lost+found/#1234", SourceName::Unknown),
    ] {
        assert_eq!(SourceName::of(Path::new(path)), name, "{path}");
    }
}

#[test]
fn a_window_gives_the_bytes_of_any_place_and_none_behind_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let bytes: Vec<u8> = (0..10_000_000u32).map(|at| (at / 1000) as u8).collect();
    std::fs::write(&path, &bytes).unwrap();
    let mut blocks = Blocks::open(&Source { path, name: SourceName::Unknown }).unwrap();
    for at in [0, 64, 9_999_936, 5_000_000, 4_194_304, 64] {
        assert_eq!(blocks.get(at, 64).unwrap(), Some(&bytes[at as usize..at as usize + 64]));
    }
    assert_eq!(blocks.get(9_999_937, 64).unwrap(), None);
    let mut all = Vec::new();
    let whole = blocks.each(7, 9_999_000, &mut |piece| {
        all.extend_from_slice(piece);
        Ok(())
    });
    assert!(whole.unwrap() && all == bytes[7..9_999_007]);
    assert!(!blocks.each(7, u64::MAX - 3, &mut |_| Ok(())).unwrap());
}

/// A file of which a part can't be read: this process's own memory, from 16 KB before its first mapping, where nothing is, to 16 KB behind.
fn broken_disk() -> (Blocks, u64) {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let first = u64::from_str_radix(maps.split('-').next().unwrap(), 16).unwrap();
    let path = PathBuf::from("/proc/self/mem");
    let file = File::open(&path).unwrap();
    let (buffer, unreadable) = (vec![0xff; 64 << 10], Vec::new());
    (Blocks { path, file, length: first + 4 * 4096, buffer, start: 0, held: 0, unreadable }, first)
}

#[test]
fn what_the_disk_cannot_read_is_stepped_over_in_blocks_and_named() {
    let (mut blocks, first) = broken_disk();
    let from = first - 4 * 4096;
    assert_eq!(blocks.get(from + 64, 64).unwrap(), Some(&[0; 64][..]), "zeros stand for what can't be read");
    assert_eq!(blocks.get(first, 4).unwrap(), Some(&b"\x7fELF"[..]), "and what lies behind is there");
    // Read again by a window that begins elsewhere: still one place.
    assert_eq!(blocks.get(from, 64).unwrap(), Some(&[0; 64][..]));
    assert_eq!(blocks.get(from + 8192 - 64, 128).unwrap(), Some(&[0; 128][..]));
    let path = "/proc/self/mem".to_owned();
    assert_eq!(blocks.unreadable, [Unreadable { path, offset: from, bytes: 4 * 4096 }]);
}
