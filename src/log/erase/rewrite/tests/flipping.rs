//! A copy whose bytes come from the disk as others than were written.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::*;
use crate::log::disk::calls::REAL;
use memmap2::MmapRaw;

/// A disk that flips a bit of one byte of a file, at this offset.
#[derive(Debug)]
struct Flipping(u64);

impl Disk for Flipping {
    fn write_at(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        REAL.write_at(file, bytes, at)?;
        if (at..at + bytes.len() as u64).contains(&self.0) {
            file.write_all_at(&[bytes[(self.0 - at) as usize] ^ 1], self.0)?;
        }
        Ok(())
    }

    fn create_new(&self, path: &Path) -> io::Result<File> {
        REAL.create_new(path)
    }
    fn create_direct(&self, path: &Path) -> io::Result<File> {
        REAL.create_direct(path)
    }
    fn create(&self, path: &Path) -> io::Result<File> {
        REAL.create(path)
    }
    fn open(&self, path: &Path) -> io::Result<File> {
        REAL.open(path)
    }
    fn open_direct(&self, path: &Path) -> io::Result<File> {
        REAL.open_direct(path)
    }
    fn is_only(&self, file: &File) -> bool {
        REAL.is_only(file)
    }
    fn zero(&self, file: &File, bytes: u64) -> io::Result<()> {
        REAL.zero(file, bytes)
    }
    fn allocate(&self, file: &File, bytes: u64) -> io::Result<()> {
        REAL.allocate(file, bytes)
    }
    fn set_len(&self, file: &File, bytes: u64) -> io::Result<()> {
        REAL.set_len(file, bytes)
    }
    fn write_through(&self, file: &File, pages: &[u8], at: u64) -> io::Result<()> {
        REAL.write_through(file, pages, at)
    }
    fn sync(&self, file: &File) -> io::Result<()> {
        REAL.sync(file)
    }
    fn sync_range(&self, file: &File, map: &MmapRaw, at: u64, bytes: u64) -> io::Result<()> {
        REAL.sync_range(file, map, at, bytes)
    }
    fn drop_cache(&self, file: &File) -> io::Result<()> {
        REAL.drop_cache(file)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        REAL.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        REAL.remove(path)
    }
    fn make_dir(&self, path: &Path) -> io::Result<()> {
        REAL.make_dir(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        REAL.sync_dir(dir)
    }
}

#[test]
fn a_copy_that_is_not_what_was_written_never_takes_the_segments_place() {
    let (segment, of_person) = segment(0, 1_000);
    let (dir, reader) = log_of(&[&segment]);
    let before = fs::read(segment.seg_path(dir.path())).unwrap();
    let info = reader.segments().unwrap().remove(0);
    let mut found = |_: Found| {};
    let mut erasing = Erasing {
        wanted: &|session, _| session == PERSON,
        receipt: RECEIPT,
        unix_seconds: 9,
        dry_run: false,
        found: &mut found,
    };
    let survey = survey(&info, &mut erasing).unwrap();
    let page = PAGE_BYTES as u64;
    // In the first page, a record of others (header, then body), a tombstone (header, then body).
    let places = [100, page + 20, page + 70, of_person[0] + 20, of_person[0] + 70];
    for at in places {
        let copied = copy(&Flipping(at), &info, &erasing, &survey);
        assert!(matches!(copied, Err(LogError::Damaged { .. })), "a bit at {at}");
        fs::remove_file(fresh_path(&info)).unwrap();
    }
    assert!(copy(&Flipping(u64::MAX), &info, &erasing, &survey).is_ok());
    assert_eq!(fs::read(segment.seg_path(dir.path())).unwrap(), before);
}
